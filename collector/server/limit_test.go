package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

func listenLimited(t *testing.T, limits connLimits) *limited {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return limit(l, limits)
}

func dialTo(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// shut says whether the other side has closed a connection.
func shut(c net.Conn, patience time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestConnectionFloodIsClosedAndGoneConnectionsMakeRoom(t *testing.T) {
	l := listenLimited(t, connLimits{all: 10, strangers: 10, perAddress: 3})
	in := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in <- c
		}
	}()
	var kept []net.Conn
	for range 3 {
		dialTo(t, l)
		kept = append(kept, <-in)
	}
	if !shut(dialTo(t, l), 5*time.Second) {
		t.Fatal("a fourth connection from one address was let in")
	}
	kept[0].(*guest).known(deviceKey{}) // a device is no stranger: another may come
	dialTo(t, l)
	_ = (<-in).Close()
	_ = kept[1].Close()
	_ = kept[1].Close() // twice counts once
	dialTo(t, l)
	<-in
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all != 3 || l.strangers != 2 || l.from["127.0.0.1"] != 2 {
		t.Errorf("counted %d in all, %d strangers, %v", l.all, l.strangers, l.from)
	}
}

func TestGarbageTakesAFixedAmountHoweverMuchIsInUse(t *testing.T) {
	for used, percent := range map[int64]int{0: mostPercent, 1 << 20: mostPercent, 16 << 20: 200, 32 << 20: 100, 128 << 20: 25, 4 << 30: leastPercent} {
		if got := garbagePercent(used); got != percent {
			t.Errorf("with %d bytes in use: %d, want %d", used, got, percent)
		}
	}
}

func TestConnectionsNeverTakeTheStoreItsFiles(t *testing.T) {
	for n, all := range map[int]int{0: 20_000, 1 << 20: 20_000, 20_000: 16_416, 4096: 2048, 1024: 512, 256: 128} {
		got := fewEnough(agentLimits, n)
		if got.all != all || got.strangers > got.all/2 || got.perAddress > got.strangers || got.perAddress < 1 || got.queue > got.all/2 {
			t.Errorf("with %d descriptors: %+v, want %d in all", n, got, all)
		}
	}
}

func TestSlowLorisIsShownOut(t *testing.T) {
	l := listenLimited(t, connLimits{all: 10, strangers: 10, perAddress: 10, manners: 50 * time.Millisecond})
	slow, known := dialTo(t, l), dialTo(t, l)
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if a.RemoteAddr().String() == known.LocalAddr().String() {
		a, b = b, a
	}
	b.(*guest).known(deviceKey{})
	if !shut(slow, 10*time.Second) {
		t.Error("a stranger that says nothing stayed")
	}
	if shut(known, 100*time.Millisecond) {
		t.Error("a device was shown out")
	}
	_ = a.Close()
}

// TestSlowLorisOfTheConsoleIsShownOut begins a request and never ends it.
func TestSlowLorisOfTheConsoleIsShownOut(t *testing.T) {
	l := listenLimited(t, peopleLimits)
	srv := &http.Server{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	run := serveHTTP(srv, l)
	srv.ReadHeaderTimeout = 50 * time.Millisecond // else the product's own 10 s
	go func() { done <- run(ctx) }()
	c := dialTo(t, l)
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(&bytes.Buffer{}, c); err != nil {
		t.Errorf("the connection stayed: %v", err)
	}
	cancel()
	<-done
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, text, text, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestNothingIsLeftAfterAThousandConnections is bar 3.16: TLS connections with
// and without a certificate, and bare ones, come and go.
func TestNothingIsLeftAfterAThousandConnections(t *testing.T) {
	cert := selfSigned(t)
	l := listenLimited(t, agentLimits)
	srv := grpc.NewServer(grpc.Creds(newKnowing(&tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13})))
	var served sync.WaitGroup
	served.Go(func() { _ = srv.Serve(l) })
	goroutines, descriptors := runtime.NumGoroutine(), openFiles(t)
	for n := range 1000 {
		conf := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}
		if n%3 == 0 {
			conf.Certificates = []tls.Certificate{cert}
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if n%3 < 2 {
			if err := tls.Client(c, conf).Handshake(); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Close()
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		l.mu.Lock()
		all, strangers, from := l.all, l.strangers, len(l.from)
		l.mu.Unlock()
		if all == 0 && strangers == 0 && from == 0 && runtime.NumGoroutine() <= goroutines && openFiles(t) <= descriptors {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: %d connections, %d strangers, %d addresses, goroutines %d of %d, descriptors %d of %d",
				all, strangers, from, runtime.NumGoroutine(), goroutines, openFiles(t), descriptors)
		}
		<-time.After(10 * time.Millisecond)
	}
	srv.Stop()
	served.Wait()
}

// openFiles counts descriptors, where the system says.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

var _ credentials.TransportCredentials = knowing{}
