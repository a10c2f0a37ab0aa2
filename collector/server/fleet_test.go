package server

import (
	"context"
	"crypto"
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// house is a whole collector behind its agents' listener.
type house struct {
	t     *testing.T
	parts *parts
	at    *limited
	addr  string
}

func newHouse(t *testing.T) *house { t.Helper(); return newHouseAt(t, time.Now) }

func newHouseAt(t *testing.T, now func() time.Time) *house {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "school")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(Init(ctx, dir))
	conf, err := ReadConfig(dir)
	must(err)
	s, err := openState(ctx, dir, conf, now)
	must(err)
	p, err := build(ctx, conf, s, Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Now: now})
	must(err)
	h := &house{t: t, parts: p, at: listenLimited(t, agentLimits)}
	h.at.now = now
	h.addr = h.at.Addr().String()
	srv := grpcServer(p)
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(h.at) })
	running.Go(func() { _ = p.ingest.Run(ctx) })
	t.Cleanup(func() {
		srv.Stop()
		cancel()
		running.Wait()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// enrolled is what a device of the school shows.
func (h *house) enrolled() *tls.Config {
	h.t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		h.t.Fatal(err)
	}
	return h.enrolledWith(key)
}

// enrolledWith is what a device shows whose disk came with a key.
func (h *house) enrolledWith(key crypto.Signer) *tls.Config {
	h.t.Helper()
	secret, now := pki.NewSecret(), time.Now()
	err := h.parts.store.AddToken(h.t.Context(), model.Token{
		School: schoolID, ID: secret[:8], Hash: pki.HashSecret(secret), Uses: 1, Created: now, Expires: now.Add(time.Hour),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		h.t.Fatal(err)
	}
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13} // whom the device trusts is agent/enrol's to test
	conn := h.dial(conf)
	defer conn.Close()
	resp, err := safelightv1.NewEnrolmentServiceClient(conn).Enrol(h.t.Context(), &safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: csr})
	if err != nil {
		h.t.Fatal(err)
	}
	conf = conf.Clone()
	conf.Certificates = []tls.Certificate{{Certificate: resp.GetCertificatesDer(), PrivateKey: key}}
	return conf
}

func (h *house) dial(conf *tls.Config) *grpc.ClientConn {
	h.t.Helper()
	creds := insecure.NewCredentials()
	if conf != nil {
		creds = credentials.NewTLS(conf)
	}
	conn, err := grpc.NewClient("passthrough:///"+h.addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		h.t.Fatal(err)
	}
	return conn
}

var hello = &safelightv1.Hello{Version: "test", Protocol: 1}

// streams opens both of a device's and waits until the collector has answered on
// each.
func (h *house) streams(ctx context.Context, conn *grpc.ClientConn) (safelightv1.AgentService_ShipClient, safelightv1.AgentService_WatchClient, error) {
	client := safelightv1.NewAgentServiceClient(conn)
	ship, err := client.Ship(ctx)
	if err == nil {
		err = ship.Send(&safelightv1.EventBatch{Number: 1, Hello: hello, SpoolEpoch: make([]byte, 16)})
	}
	if err == nil {
		_, err = ship.Recv()
	}
	if err != nil {
		return nil, nil, err
	}
	watch, err := client.Watch(ctx)
	if err == nil {
		err = watch.Send(&safelightv1.AgentStatus{Hello: hello})
	}
	if err == nil {
		_, err = watch.Recv()
	}
	return ship, watch, err
}

// TestNothingIsLeftAfterAThousandDevicesCameAndWent is bar 3.16 for whole devices:
// certificate, Ship and Watch, and every way to leave.
func TestNothingIsLeftAfterAThousandDevicesCameAndWent(t *testing.T) {
	h := newHouse(t)
	conf := h.enrolled()
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	var goroutines, descriptors int
	for n := range rounds + 1 {
		conn := h.dial(conf)
		ctx, cancel := context.WithCancel(t.Context())
		ship, watch, err := h.streams(ctx, conn)
		if err != nil {
			t.Fatalf("round %d: %v", n, err)
		}
		switch n % 3 {
		case 0: // a farewell
			_ = ship.CloseSend()
			_ = watch.CloseSend()
		case 1: // the streams break
			cancel()
		} // else the connection does
		_ = conn.Close()
		cancel()
		if n == 0 { // what one device leaves for good, such as the store's connections
			goroutines, descriptors = h.settled(0, 0)
		}
	}
	h.settled(goroutines+2, descriptors+2)
	h.parts.watch.PolicyChanged() // finds no stream
}

// settled waits until no connection is left, and no more of anything than allowed.
func (h *house) settled(mostGoroutines, mostDescriptors int) (goroutines, descriptors int) {
	h.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		h.at.mu.Lock()
		left := h.at.all
		h.at.mu.Unlock()
		goroutines, descriptors = runtime.NumGoroutine(), openFiles(h.t)
		if left == 0 && (mostGoroutines == 0 || goroutines <= mostGoroutines && descriptors <= mostDescriptors) {
			return goroutines, descriptors
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("left: %d connections, %d goroutines (%d allowed), %d descriptors (%d allowed)", left, goroutines, mostGoroutines, descriptors, mostDescriptors)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// TestADeviceThatSendsEndlessMetadataIsRefused: it would otherwise be held in
// memory, sixteen megabytes a stream.
func TestADeviceThatSendsEndlessMetadataIsRefused(t *testing.T) {
	h := newHouse(t)
	conn := h.dial(h.enrolled())
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-endless", stringOf(maxHeaders))
	_, err := safelightv1.NewAgentServiceClient(conn).ResolveAccount(ctx, &safelightv1.ResolveAccountRequest{Account: "pupil14"})
	if err == nil {
		t.Fatal("it was let in")
	}
	if _, err := safelightv1.NewAgentServiceClient(conn).ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func stringOf(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}
