package watch

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	safelightv1 "safelight/proto/safelight/v1"
)

// states is a connection that goes through what it is told.
type states struct{ now, next chan connectivity.State }

func (s states) GetState() connectivity.State { return <-s.now }

func (s states) WaitForStateChange(ctx context.Context, _ connectivity.State) bool {
	select {
	case st := <-s.next:
		s.now <- st
		return true
	case <-ctx.Done():
		return false
	}
}

// calls is a collector's client of which Watch alone is called.
type calls struct {
	safelightv1.AgentServiceClient
	watch func() (safelightv1.AgentService_WatchClient, error)
}

func (c calls) Watch(context.Context, ...grpc.CallOption) (safelightv1.AgentService_WatchClient, error) {
	return c.watch()
}

// A collector was away for ten minutes: the streams try once a minute by then, and
// a whole school must be back within one and a half.
func TestAWaitEndsWhenTheConnectionIsThereAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		w := New(Parts{
			Client: calls{watch: func() (safelightv1.AgentService_WatchClient, error) {
				tries++
				return nil, status.Error(codes.Unavailable, "away")
			}},
			Log: slog.New(slog.DiscardHandler),
		})
		conn := states{make(chan connectivity.State, 1), make(chan connectivity.State)}
		conn.now <- connectivity.TransientFailure
		go func() { _ = w.Run(ctx) }()
		go func() { _ = Ready(ctx, conn, w.Retry) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, st := range []connectivity.State{connectivity.Connecting, connectivity.Ready} {
			before := tries
			conn.next <- st
			synctest.Wait()
			if again := tries - before; again != map[connectivity.State]int{connectivity.Ready: 1}[st] {
				t.Errorf("the connection is %s: %d tries at once", st, again)
			}
		}
		cancel()
	})
}

// asks is a stream on which the collector asks for a pause.
type asks struct {
	safelightv1.AgentService_WatchClient
	said int
}

func (a *asks) Send(*safelightv1.AgentStatus) error { return nil }

func (a *asks) Recv() (*safelightv1.Directive, error) {
	if a.said++; a.said == 1 {
		return &safelightv1.Directive{Hello: &safelightv1.Hello{}}, nil
	}
	return &safelightv1.Directive{Kind: &safelightv1.Directive_BackOff{BackOff: &safelightv1.BackOff{Wait: durationpb.New(time.Minute)}}}, nil
}

func TestAConnectionDoesNotCutShortAPauseThatWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var tried []time.Time
		w := New(Parts{
			Client: calls{watch: func() (safelightv1.AgentService_WatchClient, error) {
				tried = append(tried, time.Now())
				return &asks{}, nil
			}},
			Status: func() *safelightv1.AgentStatus { return &safelightv1.AgentStatus{} },
			Up:     func() {}, Pause: func(time.Duration) {}, Log: slog.New(slog.DiscardHandler),
		})
		go func() { _ = w.Run(ctx) }()
		for range 100 {
			time.Sleep(time.Second)
			w.Retry()
		}
		synctest.Wait()
		if len(tried) != 2 || tried[1].Sub(tried[0]) < time.Minute {
			t.Errorf("tried at %v, want a minute between two tries", tried)
		}
		cancel()
	})
}
