package mailbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/smtp"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate borrows the test certificate of net/http/httptest, for
// example.com and 127.0.0.1.
func certificate() (*tls.Config, *x509.CertPool) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}, pool
}

func start(t *testing.T, cfg Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Now = func() time.Time { return time.Date(2026, 11, 23, 10, 41, 0, 0, time.UTC) }
	cfg.Log = slog.New(slog.DiscardHandler)
	s, err := Serve(listener, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestAnAcceptedMessageIsOnDisk(t *testing.T) {
	serverTLS, pool := certificate()
	var mu sync.Mutex
	var got []Message
	addr := start(t, Config{TLS: serverTLS, User: "collector", Password: "secret", Announce: func(m Message) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m)
	}})
	for range 3 {
		if err := send(t, addr, pool, "collector", "secret", "Subject: one\r\n\r\nhello\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 3 {
		t.Fatalf("%d messages were announced, want 3", len(got))
	}
	for _, m := range got {
		body, err := os.ReadFile(m.Path)
		if err != nil || !bytes.Contains(body, []byte("hello")) {
			t.Errorf("the file: %q %v", body, err)
		}
		if !m.TLS || m.User != "collector" || len(m.To) != 1 || m.To[0] != "dsl@larkmoor.example" || m.From != "safelight@larkmoor.example" {
			t.Errorf("announced %+v", m)
		}
	}
}

// send is a mail client of the standard library.
func send(t *testing.T, addr string, pool *x509.CertPool, user, password, body string) error {
	t.Helper()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if pool != nil {
		if err := c.StartTLS(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}); err != nil {
			return err
		}
	}
	if user != "" {
		if err := c.Auth(smtp.PlainAuth("", user, password, "127.0.0.1")); err != nil {
			return err
		}
	}
	if err := c.Mail("safelight@larkmoor.example"); err != nil {
		return err
	}
	if err := c.Rcpt("dsl@larkmoor.example"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func TestWhoDoesNotSignInSendsNothing(t *testing.T) {
	serverTLS, pool := certificate()
	addr := start(t, Config{TLS: serverTLS, User: "collector", Password: "secret", Announce: func(m Message) { t.Errorf("accepted %+v", m) }})
	for name, try := range map[string]func() error{
		"no password":        func() error { return send(t, addr, pool, "", "", "x") },
		"a wrong password":   func() error { return send(t, addr, pool, "collector", "guess", "x") },
		"another user":       func() error { return send(t, addr, pool, "somebody", "secret", "x") },
		"no TLS":             func() error { return send(t, addr, nil, "collector", "secret", "x") },
		"no TLS, no sign-in": func() error { return send(t, addr, nil, "", "", "x") },
	} {
		if err := try(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAnOversizedMessageIsRefusedAndTheNextTaken(t *testing.T) {
	announced := make(chan Message, 2)
	dir := t.TempDir()
	addr := start(t, Config{Dir: dir, Announce: func(m Message) { announced <- m }})
	if err := send(t, addr, nil, "", "", strings.Repeat(strings.Repeat("x", 70)+"\r\n", 2*maxMessage/70)); err == nil {
		t.Error("2 MiB were accepted")
	}
	if err := send(t, addr, nil, "", "", "Subject: small\r\n\r\nhello\r\n"); err != nil {
		t.Fatal(err)
	}
	<-announced
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files are kept, want 1 (%v)", len(files), err)
	}
}

func TestAFullDiskIsSaidToTheSender(t *testing.T) {
	dir := t.TempDir() + "/gone"
	addr := start(t, Config{Dir: dir, Announce: func(m Message) { t.Errorf("announced %+v", m) }})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := send(t, addr, nil, "", "", "x\r\n"); err == nil || !strings.HasPrefix(err.Error(), "451") {
		t.Errorf("the sender hears %v, want 451", err)
	}
}

func TestAMailboxWithoutItsPartsIsRefused(t *testing.T) {
	log, now := slog.New(slog.DiscardHandler), time.Now
	for name, cfg := range map[string]Config{
		"no clock":             {Dir: t.TempDir(), Log: log},
		"a password, no TLS":   {Dir: t.TempDir(), Log: log, Now: now, User: "x", Password: "y"},
		"a folder that cannot": {Dir: "/dev/null/x", Log: log, Now: now},
	} {
		if _, err := Serve(nil, cfg); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}

func TestStoppingBeforeItHasBegunStillStops(t *testing.T) {
	for range 50 {
		start(t, Config{})
	}
}
