package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"safelight/internal/pki"
)

// visitArg makes this program a plain client, for machines without curl.
const visitArg = "visit-plainly"

// lastingVisit is how long the site takes to answer: a real page keeps its
// connection open at least so long, and the owner of a connection that is gone
// at once may stay unknown.
const lastingVisit = 700 * time.Millisecond

// site is a web site on this machine that answers to any name.
type site struct {
	srv  *http.Server
	addr string
}

func openSite(certificate tls.Certificate) (*site, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the demo's web site: %w", err)
	}
	s := &site{addr: l.Addr().String(), srv: &http.Server{ReadHeaderTimeout: 10 * time.Second}}
	s.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(lastingVisit):
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "This page stands on this machine; nothing left it.\n")
	})
	s.srv.TLSConfig = serverTLS(certificate)
	go func() { _ = s.srv.ServeTLS(l, "", "") }() // ends with close
	return s, nil
}

func (s *site) close() error { return s.srv.Close() }

// visit makes a real visit to host, by curl where there is one.
func (s *site) visit(ctx context.Context, host string) error {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	url := "https://" + net.JoinHostPort(host, port) + "/"
	cmd := exec.CommandContext(ctx, "curl", "--silent", "--show-error", "--insecure", "--noproxy", "*", "--resolve", host+":"+port+":127.0.0.1", url)
	if _, err := exec.LookPath("curl"); err != nil {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd = exec.CommandContext(ctx, self, visitArg, url)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("visiting %s: %w: %s", host, err, out)
	}
	return nil
}

// visitPlainly fetches a page whose name is not looked up: every name is this
// machine.
func visitPlainly(ctx context.Context, url string) error {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext:     dial,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the demo's own page on this machine
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// certificate makes one for the given names under a root of its own, whose PEM
// it returns too.
func certificate(names ...string) (tls.Certificate, []byte, error) {
	now := time.Now()
	rootKey, err := pki.NewKey()
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	root, err := pki.NewRoot("Demo", rootKey, now)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	key, err := pki.NewKey()
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := root.SignCollector(key.Public(), names, now)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: pki.RawChain(leaf), PrivateKey: key, Leaf: leaf}, pki.EncodeCerts(root.Cert), nil
}

func serverTLS(cert tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
}
