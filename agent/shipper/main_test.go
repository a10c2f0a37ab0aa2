package shipper

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type shipServer = grpc.BidiStreamingServer[pb.EventBatch, pb.BatchAck]

// collector is a real gRPC server whose answers the test scripts: ship is
// called for each stream.
type collector struct {
	pb.UnimplementedAgentServiceServer
	ship func(stream shipServer) error
}

func (c *collector) Ship(stream shipServer) error { return c.ship(stream) }

func client(t *testing.T, ship func(stream shipServer) error) pb.AgentServiceClient {
	t.Helper()
	lis := bufconn.Listen(1 << 20)
	srv := grpc.NewServer()
	pb.RegisterAgentServiceServer(srv, &collector{ship: ship})
	var served sync.WaitGroup
	served.Go(func() { _ = srv.Serve(lis) })
	conn, err := grpc.NewClient("passthrough:///collector", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		srv.Stop()
		served.Wait()
	})
	return pb.NewAgentServiceClient(conn)
}

func newSpool(t *testing.T, opts spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t *testing.T, s *spool.Spool, lane uint8, n int) {
	t.Helper()
	var records []spool.Record
	for i := range n {
		records = append(records, spool.Record{Lane: lane, Data: fmt.Appendf(nil, "record %d", i)})
	}
	if err := s.Append(records, nil); err != nil {
		t.Fatal(err)
	}
}

// run runs a shipper until the test ends, without waits between attempts.
func run(t *testing.T, sp *spool.Spool, c Client, change ...func(*Config)) *Shipper {
	t.Helper()
	cfg := Config{
		Spool: sp, Client: c, Version: "1.2.3", Capabilities: []string{"tombstones"},
		Log: slog.New(slog.DiscardHandler), Rand: func() float64 { return 0 },
	}
	for _, f := range change {
		f(&cfg)
	}
	s := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		began := time.Now()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %v: want a second at most", took)
		}
	})
	return s
}

// answer acks everything in a batch with one status.
func answer(b *pb.EventBatch, st pb.AckStatus) *pb.BatchAck {
	ack := &pb.BatchAck{Number: b.GetNumber()}
	for _, it := range b.GetItems() {
		ack.Items = append(ack.Items, &pb.ItemAck{Lane: it.GetLane(), Seq: it.GetSeq(), Status: st})
	}
	for _, tomb := range b.GetTombstones() {
		ack.Tombstones = append(ack.Tombstones, &pb.TombstoneAck{Lane: tomb.GetLane(), FromSeq: tomb.GetFromSeq(), Status: st})
	}
	return ack
}

// storing answers each batch through change, STORED where it is nil, and hands
// it on.
func storing(batches chan<- *pb.EventBatch, change func(*pb.BatchAck)) func(shipServer) error {
	return func(stream shipServer) error {
		for {
			b, err := stream.Recv()
			if err != nil {
				return err
			}
			ack := answer(b, pb.AckStatus_ACK_STATUS_STORED)
			if change != nil {
				change(ack)
			}
			if err := stream.Send(ack); err != nil {
				return err
			}
			select {
			case batches <- b:
			case <-stream.Context().Done():
				return stream.Context().Err()
			}
		}
	}
}

// places lists what a batch holds, as lane:seq.
func places(b *pb.EventBatch) []string {
	var out []string
	for _, it := range b.GetItems() {
		out = append(out, fmt.Sprintf("%d:%d", it.GetLane(), it.GetSeq()))
	}
	return out
}

// next takes the next batch that is not a mere Hello.
func next(t *testing.T, batches <-chan *pb.EventBatch) *pb.EventBatch {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case b := <-batches:
			if len(b.GetItems())+len(b.GetTombstones()) > 0 {
				return b
			}
		case <-deadline:
			t.Fatal("no batch came")
		}
	}
}

// until waits for something that the shipper does after it was answered.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func depth(s *spool.Spool) (n uint64) {
	for _, l := range s.Stats().Lanes {
		n += l.Depth
	}
	return n
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}
