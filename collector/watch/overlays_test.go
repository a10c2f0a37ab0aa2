package watch_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"safelight/collector/model"
	"safelight/collector/watch"
	safelightv1 "safelight/proto/safelight/v1"
)

// laid are overlays that a test changes.
type laid struct {
	mu  sync.Mutex // guards now
	now []*safelightv1.Overlay
}

func (l *laid) Current() []*safelightv1.Overlay {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *laid) set(all ...*safelightv1.Overlay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = all
}

// overlaid opens a stream of a device that can do so much, and takes the hello and
// the trust off it.
func overlaid(t *testing.T, l *laid, places watch.Places, about watch.About, caps ...string) (safelightv1.AgentService_WatchClient, *watch.Service) {
	t.Helper()
	client, svc := overlaidClient(t, l, places, about)
	stream, err := client.Watch(t.Context())
	must(t, err)
	must(t, stream.Send(&safelightv1.AgentStatus{Hello: &safelightv1.Hello{Protocol: 1, Capabilities: caps}}))
	for range 2 {
		_, err := stream.Recv()
		must(t, err)
	}
	return stream, svc
}

func aboutClient(t *testing.T, about watch.About) safelightv1.AgentServiceClient {
	t.Helper()
	client, _ := overlaidClient(t, &laid{}, nil, about)
	return client
}

func overlaidClient(t *testing.T, l *laid, places watch.Places, about watch.About) (safelightv1.AgentServiceClient, *watch.Service) {
	t.Helper()
	return served(t, func(p *watch.Parts) { p.Overlays, p.Places, p.About = l, places, about })
}

// served is a service over gRPC, with what a test changes of its parts.
func served(t *testing.T, change func(*watch.Parts)) (safelightv1.AgentServiceClient, *watch.Service) {
	t.Helper()
	r := &rooms{
		signed: func() *safelightv1.SignedManifest { return nil },
		status: func(string, *safelightv1.AgentStatus) {}, gone: func(string) {},
	}
	parts := watch.Parts{
		Policies: r, Blobs: r, Fleet: r, People: r, Audit: r, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		DeviceFrom: func(context.Context) (string, model.SchoolID, bool) { return "laptop", "hill-lane", true },
		Trust:      func() *safelightv1.TrustBundle { return &safelightv1.TrustBundle{} },
	}
	change(&parts)
	svc := watch.New(parts)
	srv, end := grpc.NewServer(), bufconn.Listen(1<<20)
	safelightv1.RegisterAgentServiceServer(srv, server{svc: svc})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(end) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return end.DialContext(ctx) }))
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()); srv.Stop(); <-done })
	return safelightv1.NewAgentServiceClient(conn), svc
}

func overlay(name string, serial uint64) *safelightv1.Overlay {
	return &safelightv1.Overlay{Name: name, Serial: serial}
}

func manor(context.Context, string) (string, error) { return "manor", nil }

func TestOverlaysAreSentAtTheStartAndWhenTheyChangeEachOnce(t *testing.T) {
	l := &laid{}
	l.set(overlay("exemptions", 7), overlay("sites", 2))
	stream, svc := overlaid(t, l, manor, nil, "overlays")
	first, err := stream.Recv()
	must(t, err)
	if c := first.GetCommand(); c.GetName() != "site" || c.GetArgs()["site"] != "manor" {
		t.Errorf("its site comes as %v", first)
	}
	next := func(name string, serial uint64) {
		t.Helper()
		d, err := stream.Recv()
		must(t, err)
		if o := d.GetOverlay(); o.GetName() != name || o.GetSerial() != serial || !d.GetServerTime().IsValid() {
			t.Errorf("sent %v, want %s.%d with the time", d, name, serial)
		}
	}
	next("exemptions", 7)
	next("sites", 2)
	l.set(overlay("exemptions", 8), overlay("sites", 2))
	svc.OverlaysChanged()
	next("exemptions", 8)
	l.set(overlay("exemptions", 7), overlay("sites", 3)) // an older one is no change
	svc.OverlaysChanged()
	next("sites", 3)
}

func TestADeviceThatCannotKeepOverlaysIsSentNone(t *testing.T) {
	l := &laid{}
	l.set(overlay("exemptions", 7))
	stream, _ := overlaid(t, l, manor, nil, "policy", "trust")
	must(t, stream.CloseSend())
	if d, err := stream.Recv(); err == nil {
		t.Errorf("it was sent %v", d)
	}
}

func TestADeviceWhoseSiteCannotBeReadIsSentTheRest(t *testing.T) {
	l := &laid{}
	l.set(overlay("exemptions", 7))
	stream, _ := overlaid(t, l, func(context.Context, string) (string, error) { return "", errors.New("disk") }, nil, "overlays")
	if d, err := stream.Recv(); err != nil || d.GetOverlay().GetSerial() != 7 {
		t.Errorf("got %v, %v", d, err)
	}
}
