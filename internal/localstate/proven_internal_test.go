package localstate

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func provenAt(t *testing.T) (net.Listener, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := listenProven(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, path
}

func TestWhoHasReadTheFileIsLetInAndAnswered(t *testing.T) {
	l, path := provenAt(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	for range 3 {
		c, err := dialProven(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Write([]byte("hello"))
		got := make([]byte, 5)
		if err == nil {
			_, err = io.ReadFull(c, got)
		}
		if err != nil || string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
		_ = c.Close()
	}
}

// Another program of the machine finds the port, and has not read the file.
func TestWhoHasNotReadTheFileReachesNothing(t *testing.T) {
	l, path := provenAt(t)
	forged := filepath.Join(t.TempDir(), "forged")
	text := l.Addr().String() + " " + strings.Repeat("00", 32) + "\n"
	if err := os.WriteFile(forged, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dialProven(forged); !errors.Is(err, errNoProof) {
		t.Errorf("with another key: %v", err)
	}
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() { // those before keep nobody out
		c, err := dialProven(path)
		if err == nil {
			_, _ = c.Write([]byte("x"))
			_ = c.Close()
		}
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "x" {
		t.Errorf("let in who said %q, %v", got, err)
	}
}

// Somebody takes the port of a program that was killed, whose file is still there.
func TestWhoTookThePortIsNotBelieved(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	path := filepath.Join(t.TempDir(), "s")
	key := strings.Repeat("ab", 32)
	if err := os.WriteFile(path, []byte(other.Addr().String()+" "+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	heard := make(chan []byte, 1)
	go func() {
		c, err := other.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write(make([]byte, 32))
		said := make([]byte, 64)
		_, _ = io.ReadFull(c, said)
		heard <- said
		_, _ = c.Write(make([]byte, 32))
	}()
	if _, err := dialProven(path); !errors.Is(err, errNoProof) {
		t.Errorf("got %v", err)
	}
	if said := <-heard; strings.Contains(string(said), strings.Repeat("\xab", 8)) {
		t.Error("it was told the key")
	}
}

func TestAFileThatNamesAnotherMachineOrNothingIsNotFollowed(t *testing.T) {
	key := strings.Repeat("ab", 32)
	for _, text := range []string{"", "127.0.0.1:80", "192.0.2.1:80 " + key, "localhost:80 " + key, "127.0.0.1:80 abcd", "127.0.0.1:80 " + key + "00"} {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := dialProven(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestClosingWaitsForNobody(t *testing.T) {
	l, path := provenAt(t)
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := io.ReadFull(silent, make([]byte, 32)); err != nil { // its proof is under way
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}
