// Package shipper sends what is spooled to the collector: the highest lane
// first, in batches, several on their way at a time, and takes each record off
// the spool only when the collector has answered for it. Whatever goes wrong it
// tries again, ever more slowly and never in step with other devices; a record
// sent twice does no harm, because the collector knows it by its id.
//
// agent/daemon builds it and runs it. It knows nothing of what a record says.
package shipper

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"safelight/agent/clock"
	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

// Protocol is the revision that this shipper speaks.
const Protocol = 1

// Spool is what the shipper needs of *spool.Spool.
type Spool interface {
	Epoch() [16]byte
	Pending(lane uint8, from uint64, maxRecords, maxBytes int) ([]spool.Entry, error)
	Ack(lane uint8, seqs ...uint64) error
	Reject(lane uint8, seq uint64, reason, field string) error
	Tombstones() []spool.Tombstone
	AckTombstone(spool.Tombstone) error
	Rewind(lane uint8, from uint64) (again, lost uint64, err error)
	Wait() <-chan struct{}
}

// Client is what the shipper needs of pb.AgentServiceClient.
type Client interface {
	Ship(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[pb.EventBatch, pb.BatchAck], error)
}

// Config is what a Shipper is made of. Spool, Client, Version and Log are
// needed; the zero value of the rest means the default.
type Config struct {
	Spool        Spool
	Client       Client
	Version      string
	Capabilities []string
	Log          *slog.Logger

	// Clock stamps batches; default clock.Now.
	Clock func() clock.Clock
	// Rand returns a number from 0 up to 1; default math/rand/v2's.
	Rand func() float64
	// AckTimeout is how long a collector may leave a batch unanswered before
	// the stream is given up; default 30 s.
	AckTimeout time.Duration
}

// State is how the shipper stands with the collector.
type State string

// The states of a shipper.
const (
	Connecting State = "connecting" // or waiting to try again
	Connected  State = "connected"  // the collector has answered
	Refused    State = "refused"    // the collector does not accept this device's certificate
)

// Status is what `safelight-agent status` says of the shipper.
type Status struct {
	State    State     `json:"state"`
	Since    time.Time `json:"since"`
	LastAck  time.Time `json:"last_ack,omitzero"`
	Sent     uint64    `json:"sent"`     // records, each sending counted
	Acked    uint64    `json:"acked"`    // records the collector has
	Rejected uint64    `json:"rejected"` // records the collector will never take
}

// Shipper sends what is spooled.
type Shipper struct {
	cfg  Config
	poke chan struct{} // something outside the stream has changed

	rewound atomic.Bool // records behind a stream's cursors have become pending

	mu     sync.Mutex // guards status and pause
	status Status
	pause  time.Time // the collector asked for quiet until then

	held map[place]time.Time // Run's: records to be sent again, and when

	follows follows
}

// place is where a record stands in the spool.
type place struct {
	lane uint8
	seq  uint64
}

// New makes a shipper. It does nothing until Run.
func New(cfg Config) *Shipper {
	cfg = cfg.withDefaults()
	return &Shipper{
		cfg: cfg, poke: make(chan struct{}, 1), held: map[place]time.Time{},
		status: Status{State: Connecting, Since: time.Now()},
	}
}

// Run sends until ctx ends, then returns nil within a second: batches that are
// on their way get half of one to be answered.
func (s *Shipper) Run(ctx context.Context) error {
	retry := backoff{rand: s.cfg.Rand}
	for {
		began := time.Now()
		heard, err := s.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if heard && time.Since(began) >= healthyAfter {
			retry.reset()
		}
		wait := s.afterFailure(ctx, &retry, err)
		if !s.sleep(ctx, max(wait, s.paused())) {
			return nil
		}
	}
}

// Status says how the shipper stands. Any goroutine may ask.
func (s *Shipper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// BackOff keeps the shipper quiet for a while, because the collector asked for
// it. Asking again replaces what was asked before.
func (s *Shipper) BackOff(wait time.Duration) {
	s.mu.Lock()
	s.pause = time.Now().Add(min(max(wait, 0), maxPause))
	s.mu.Unlock()
	s.wake()
}

// Retry ends a wait between two attempts, where something has changed that may
// let the next one through: a new certificate, a network that came back.
func (s *Shipper) Retry() { s.wake() }

func (s *Shipper) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Rewind sends what was acked from a number on again, as far as it is kept: the
// collector has lost it, or is not sure that it has it, where sending it again
// does no harm. What is no longer kept is told as a gap.
func (s *Shipper) Rewind(lane uint8, from uint64) error {
	again, lost, err := s.cfg.Spool.Rewind(lane, from)
	if err != nil {
		return err
	}
	if again+lost > 0 {
		s.cfg.Log.Info("the collector asked for records again", slog.Uint64("again", again), slog.Uint64("no_longer_kept", lost))
		s.rewound.Store(true)
		s.wake()
	}
	return nil
}

// paused is how long the collector still wants quiet.
func (s *Shipper) paused() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, time.Until(s.pause))
}

// sleep waits, at least as long as the collector asked for; Retry cuts the rest
// short. It returns false when ctx ends.
func (s *Shipper) sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-s.poke:
			timer.Reset(s.paused())
		}
	}
}

func (s *Shipper) setState(state State) {
	s.update(func(st *Status) {
		if st.State != state {
			st.State, st.Since = state, time.Now()
		}
	})
}

func (s *Shipper) update(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}
