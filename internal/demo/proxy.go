package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// proxy is what the demo visits through where it may not look at packets: a
// forward proxy on this machine that writes an access log as Squid does.
type proxy struct {
	srv  *http.Server
	addr string
	site string // every name leads here

	mu  sync.Mutex // guards log
	log *os.File
}

func openProxy(logFile, site string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the demo's proxy: %w", err)
	}
	f, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("opening the demo's proxy: %w", err)
	}
	p := &proxy{addr: l.Addr().String(), site: site, log: f}
	p.srv = &http.Server{Handler: http.HandlerFunc(p.connect), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.srv.Serve(l) }() // ends with close
	return p, nil
}

func (p *proxy) close() error { return errors.Join(p.srv.Close(), p.log.Close()) }

func (p *proxy) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "this proxy tunnels only", http.StatusMethodNotAllowed)
		return
	}
	began := time.Now()
	up, err := net.Dial("tcp", p.site)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer up.Close()
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	down, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer down.Close()
	if _, err := io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(up, down)
		_ = up.Close()
	}()
	n, _ := io.Copy(down, up)
	p.write(began, r, n)
}

// write adds a line of Squid's native format: the time at which the connection
// ended, its milliseconds, client, result, bytes, method, target, user, way, type.
func (p *proxy) write(began time.Time, r *http.Request, n int64) {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ended := time.Now()
	fmt.Fprintf(p.log, "%d.%03d %6d %s TCP_TUNNEL/200 %d CONNECT %s %s HIER_DIRECT/127.0.0.1 -\n",
		ended.Unix(), ended.Nanosecond()/1e6, ended.Sub(began).Milliseconds(), client, n, r.Host, proxyUser(r))
}

func proxyUser(r *http.Request) string {
	data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic "))
	name, _, ok := strings.Cut(string(data), ":")
	if err != nil || !ok || name == "" {
		return "-"
	}
	return name
}

// visit makes a real visit to host through the proxy, signed in to it as user.
func (p *proxy) visit(ctx context.Context, host, user string) error {
	if _, err := exec.LookPath("curl"); err != nil {
		return errors.New("without root the demo's visit goes through a proxy and needs curl: install it, or run as root")
	}
	out, err := exec.CommandContext(ctx, "curl", "--silent", "--show-error", "--insecure", "--proxy", "http://"+p.addr,
		"--proxy-user", user+":demo", "https://"+host+"/").CombinedOutput()
	if err != nil {
		return fmt.Errorf("visiting %s: %w: %s", host, err, out)
	}
	return nil
}
