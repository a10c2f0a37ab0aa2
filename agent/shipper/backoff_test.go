package shipper

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"safelight/agent/clock"
	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

func TestBackoffGrowsToItsCapAndUsesTheWholeSpan(t *testing.T) {
	almost := backoff{rand: func() float64 { return 0.999999 }}
	for i, ceiling := range []float64{0.5, 1, 2, 4, 8, 16, 32, 60, 60} {
		got := almost.next().Seconds()
		if got >= ceiling || got < ceiling*0.99 {
			t.Errorf("try %d: %v, want just under %v seconds", i, got, ceiling)
		}
	}
	for range 100 {
		if got := almost.next(); got > backoffCap {
			t.Fatalf("%v is over the cap", got)
		}
	}
	none := backoff{rand: func() float64 { return 0 }}
	want(t, "least", none.next(), time.Duration(0))
	almost.reset()
	if got := almost.next(); got > backoffBase {
		t.Errorf("after reset: %v", got)
	}
}

// failing is a client whose streams end as the test says.
type failing struct {
	ship func(ctx context.Context) error
}

func (f failing) Ship(ctx context.Context, _ ...grpc.CallOption) (grpc.BidiStreamingClient[pb.EventBatch, pb.BatchAck], error) {
	return nil, f.ship(ctx)
}

// attempts runs a shipper on fake time and returns when each attempt was made.
func attempts(t *testing.T, during time.Duration, ship func(n int) error, meanwhile func(s *Shipper)) []time.Duration {
	var out []time.Duration
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := New(Config{
			Log: slog.New(slog.DiscardHandler), Rand: func() float64 { return 0.5 },
			Clock: func() clock.Clock { return clock.Clock{Wall: time.Now()} },
			Client: failing{func(context.Context) error {
				out = append(out, time.Since(began))
				return ship(len(out))
			}},
		})
		ctx, cancel := context.WithTimeout(t.Context(), during)
		defer cancel()
		if meanwhile != nil {
			go meanwhile(s)
		}
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return out
}

func TestUnreachableCollectorIsTriedEverMoreSlowly(t *testing.T) {
	got := attempts(t, 20*time.Second, func(int) error { return status.Error(codes.Unavailable, "no route") }, nil)
	want(t, "attempts", got, "[0s 250ms 750ms 1.75s 3.75s 7.75s 15.75s]")
}

func TestServersRetryInfoIsKept(t *testing.T) {
	st, err := status.New(codes.ResourceExhausted, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(10 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	got := attempts(t, 25*time.Second, func(int) error { return st.Err() }, nil)
	want(t, "attempts", got, "[0s 10s 20s]")
}

func TestRefusedDeviceWaitsMinutes(t *testing.T) {
	got := attempts(t, 16*time.Minute, func(int) error { return status.Error(codes.PermissionDenied, "revoked") }, nil)
	want(t, "attempts", got, "[0s 7m30s 15m0s]")
}

func TestRetryDoesNotCutABackOffShort(t *testing.T) {
	got := attempts(t, 10*time.Minute, func(int) error { return status.Error(codes.PermissionDenied, "revoked") }, func(s *Shipper) {
		time.Sleep(time.Second) // fake time
		s.BackOff(30 * time.Second)
		s.Retry()
	})
	want(t, "attempts", got, "[0s 31s 8m1s]")
}

// living is a stream that answers its Hello and then lives for a while.
type living struct {
	grpc.BidiStreamingClient[pb.EventBatch, pb.BatchAck]
	ctx   context.Context
	hello chan *pb.EventBatch
	end   <-chan time.Time
}

func (l *living) Send(b *pb.EventBatch) error { l.hello <- b; return nil }
func (l *living) CloseSend() error            { return nil }

func (l *living) Recv() (*pb.BatchAck, error) {
	select {
	case b := <-l.hello:
		return &pb.BatchAck{Number: b.GetNumber()}, nil
	case <-l.end:
		return nil, errors.New("gone")
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
}

type livingClient struct{ opened func() time.Duration }

func (c *livingClient) Ship(ctx context.Context, _ ...grpc.CallOption) (grpc.BidiStreamingClient[pb.EventBatch, pb.BatchAck], error) {
	return &living{ctx: ctx, hello: make(chan *pb.EventBatch, 1), end: time.After(c.opened())}, nil
}

func TestHealthyPeriodResetsTheBackoff(t *testing.T) {
	for _, c := range []struct {
		name          string
		lives, during time.Duration
		want          string // starts of streams
	}{
		{"short streams are backed off from", time.Second, 8 * time.Second, "[0s 1.25s 2.75s 4.75s 7.75s]"},
		{"long ones are not", time.Minute, 130 * time.Second, "[0s 1m0.25s 2m0.5s]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var starts []time.Duration
				began := time.Now()
				s := New(Config{
					Spool: emptySpool{wait: make(chan struct{})}, Log: slog.New(slog.DiscardHandler), Rand: func() float64 { return 0.5 },
					Clock: func() clock.Clock { return clock.Clock{Wall: time.Now()} },
					Client: &livingClient{opened: func() time.Duration {
						starts = append(starts, time.Since(began))
						return c.lives
					}},
				})
				ctx, cancel := context.WithTimeout(t.Context(), c.during)
				defer cancel()
				if err := s.Run(ctx); err != nil {
					t.Error(err)
				}
				want(t, "starts", starts, c.want)
			})
		})
	}
}

type emptySpool struct {
	Spool
	wait chan struct{}
}

func (emptySpool) Epoch() [16]byte                                        { return [16]byte{1} }
func (emptySpool) Tombstones() []spool.Tombstone                          { return nil }
func (e emptySpool) Wait() <-chan struct{}                                { return e.wait }
func (emptySpool) Pending(uint8, uint64, int, int) ([]spool.Entry, error) { return nil, nil }
