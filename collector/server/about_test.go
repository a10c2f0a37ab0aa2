package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// locked is a log that the test reads while the server writes.
type locked struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// served runs a fresh school's collector and says where its About page is, and what
// it logs, down to debugging.
func served(t *testing.T, conf string) (public string, log *locked) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl-") //nolint:usetesting // t.TempDir's paths are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	school := filepath.Join(dir, "school")
	if err := Init(t.Context(), school); err != nil {
		t.Fatal(err)
	}
	text := "listen: {agents: \"127.0.0.1:0\", console: \"127.0.0.1:0\", public: \"127.0.0.1:0\", metrics: \"127.0.0.1:0\"}\n" + conf
	if err := os.WriteFile(configFile(school), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan Ready, 1), make(chan error, 1)
	log = &locked{}
	go func() {
		done <- Run(ctx, Options{
			Dir: school, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Ready: func(r Ready) { ready <- r },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	select {
	case r := <-ready:
		return r.Public, log
	case err := <-done:
		done <- nil
		t.Fatalf("it did not serve: %v", err)
		return "", nil
	}
}

func fetch(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get(url) //nolint:noctx // a test's
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestG11WhoReadsTheAboutPageIsLoggedNowhere(t *testing.T) {
	public, log := served(t, "")
	resp, body, err := fetch(t, "https://"+public+"/worry")
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(body, "0800 1111") {
		t.Fatalf("%v %v\n%s", resp, err, body)
	}
	if resp.Header.Get("Strict-Transport-Security") == "" {
		t.Error("a browser may come without TLS the next time")
	}
	// Plain HTTP and rubbish at the TLS port are what net/http complains of.
	if _, _, err := fetch(t, "http://"+public+"/"); err == nil {
		t.Log("plain HTTP is answered with a hint, as net/http does")
	}
	conn, err := net.Dial("tcp", public)
	if err != nil {
		t.Fatal(err)
	}
	own := conn.LocalAddr().String()
	_, _ = conn.Write([]byte("rubbish\r\n\r\n"))
	_, _ = io.ReadAll(conn) // until it hangs up
	_ = conn.Close()
	for _, never := range []string{"/worry", own, "TLS handshake"} {
		if strings.Contains(log.String(), never) {
			t.Errorf("the log holds %q:\n%s", never, log)
		}
	}
}

func TestThePublicListenerSpeaksPlainHTTPBehindAProxyAlone(t *testing.T) {
	public, _ := served(t, "about: {behind_proxy: true, address: \"https://about.school.example/\"}\n")
	resp, body, err := fetch(t, "http://"+public+"/about.txt")
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(body, "at https://about.school.example\n") {
		t.Fatalf("%v %v\n%s", resp, err, body)
	}
	if resp.Header.Get("Strict-Transport-Security") != "" {
		t.Error("it promises HTTPS, which is the proxy's to promise")
	}
}

func TestTheAboutPagesAddressIsWherePeopleReachIt(t *testing.T) {
	for conf, want := range map[string]string{
		"": "https://localhost:8444",
		"public_url: https://safelight.school.example:8443\n": "https://safelight.school.example:8444",
		"listen: {public: \":443\"}\n":                        "https://localhost",
		"about: {address: https://about.school.example/}\n":   "https://about.school.example",
	} {
		c, err := parseConfig([]byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.aboutAddress(); got != want {
			t.Errorf("%q: %q, want %q", conf, got, want)
		}
	}
}
