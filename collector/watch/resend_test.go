package watch_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"safelight/collector/model"
	"safelight/collector/watch"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

// asked opens a stream to a collector that holds so much, and lists what it asks
// for again before the policy.
func asked(t *testing.T, held watch.Held, first *safelightv1.AgentStatus) []*safelightv1.ResendFrom {
	t.Helper()
	r := &rooms{
		signed: func() *safelightv1.SignedManifest {
			return &safelightv1.SignedManifest{Manifest: []byte{0x10, 1, 0x18, 1}}
		},
		status: func(string, *safelightv1.AgentStatus) {}, gone: func(string) {},
	}
	svc := watch.New(watch.Parts{
		Policies: r, Blobs: r, Fleet: r, People: r, Audit: r, Now: time.Now, Log: slog.New(slog.DiscardHandler), Held: held,
		DeviceFrom: func(context.Context) (string, model.SchoolID, bool) { return "laptop", "hill-lane", true },
		Trust:      func() *safelightv1.TrustBundle { return &safelightv1.TrustBundle{} },
	})
	srv, end := grpc.NewServer(), bufconn.Listen(1<<20)
	safelightv1.RegisterAgentServiceServer(srv, server{svc: svc})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(end) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return end.DialContext(ctx) }))
	must(t, err)
	defer func() { must(t, conn.Close()); srv.Stop(); <-done }()
	stream, err := safelightv1.NewAgentServiceClient(conn).Watch(t.Context())
	must(t, err)
	must(t, stream.Send(first))
	var out []*safelightv1.ResendFrom
	for {
		d, err := stream.Recv()
		must(t, err)
		if again := d.GetResendFrom(); again != nil {
			out = append(out, again)
		}
		if d.GetTrust() != nil {
			return out
		}
	}
}

func TestDeviceIsAskedForWhatIsNoLongerHeldAndForNothingElse(t *testing.T) {
	var gotEpoch string
	held := func(_ context.Context, school model.SchoolID, device string, epoch []byte) (map[event.Severity]uint64, error) {
		gotEpoch = string(school) + " " + device + " " + string(epoch)
		return map[event.Severity]uint64{event.Low: 9, event.High: 40}, nil
	}
	lane := func(l safelightv1.Severity, next uint64) *safelightv1.LaneStatus {
		return &safelightv1.LaneStatus{Lane: l, NextSeq: next}
	}
	first := func(caps ...string) *safelightv1.AgentStatus {
		return &safelightv1.AgentStatus{
			Hello: &safelightv1.Hello{Capabilities: caps}, SpoolEpoch: []byte("epoch-1"),
			Lanes: []*safelightv1.LaneStatus{lane(1, 10), lane(2, 1), lane(3, 101), lane(4, 6), lane(4, 6), lane(77, 9)},
		}
	}
	got := asked(t, held, first("policy", "resend"))
	if len(got) != 2 || got[0].GetLane() != 4 || got[0].GetSeq() != 1 || got[1].GetLane() != 3 || got[1].GetSeq() != 41 {
		t.Errorf("asked for %v, want lane 4 from 1 and then lane 3 from 41, once", got)
	}
	if gotEpoch != "hill-lane laptop epoch-1" {
		t.Errorf("looked up %q", gotEpoch)
	}
	if got := asked(t, held, first("policy")); len(got) != 0 {
		t.Errorf("an agent that cannot was asked for %v", got)
	}
	broken := func(context.Context, model.SchoolID, string, []byte) (map[event.Severity]uint64, error) {
		return nil, errors.New("disk")
	}
	if got := asked(t, broken, first("resend")); len(got) != 0 {
		t.Errorf("asked for %v without knowing what is held", got)
	}
}
