package shipper

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

const (
	maxInFlight = 4
	// drainFor is what answers that are on their way get when the agent stops.
	drainFor = 500 * time.Millisecond
)

var errSilent = errors.New("the collector left a batch unanswered")

// session is one stream, from Hello to its end. Only Run's goroutine uses it.
type session struct {
	*Shipper
	stream   grpc.BidiStreamingClient[pb.EventBatch, pb.BatchAck]
	number   uint64                  // of the last batch sent
	cursor   [spool.Lanes + 1]uint64 // first record of each lane not looked at yet
	inFlight map[uint64]*sent
	buried   map[spool.Tombstone]time.Time // not to be sent before then; onItsWay while unanswered
	watchdog *time.Timer
	heard    bool // the collector has answered something
}

// sent is what a batch on its way holds.
type sent struct {
	items      map[place]bool
	tombstones []spool.Tombstone
}

// session opens a stream and sends until it breaks or ctx ends. It says whether
// the collector answered at all.
func (s *Shipper) session(ctx context.Context) (heard bool, err error) {
	// The stream outlives ctx by a moment, so that answers on their way arrive.
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainFor, cancel) })()

	stream, err := s.cfg.Client.Ship(streamCtx)
	if err != nil {
		return false, err
	}
	var silent atomic.Bool
	watchdog := time.AfterFunc(s.cfg.AckTimeout, func() { silent.Store(true); cancel() })
	watchdog.Stop()
	defer watchdog.Stop()

	acks, ended := receive(streamCtx, stream)
	se := &session{
		Shipper: s, stream: stream, inFlight: map[uint64]*sent{},
		buried: map[spool.Tombstone]time.Time{}, watchdog: watchdog,
	}
	err = se.loop(ctx, acks, ended)
	cancel()
	for range acks { // until the receiver has gone
	}
	if silent.Load() {
		err = errSilent
	}
	return se.heard, err
}

// receive reads acks in a goroutine of its own until the stream ends; it closes
// acks then, after leaving the reason in ended.
func receive(ctx context.Context, stream grpc.BidiStreamingClient[pb.EventBatch, pb.BatchAck]) (<-chan *pb.BatchAck, <-chan error) {
	acks, ended := make(chan *pb.BatchAck), make(chan error, 1)
	go func() {
		defer close(acks)
		for {
			ack, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case acks <- ack:
			case <-ctx.Done():
				ended <- ctx.Err()
				return
			}
		}
	}()
	return acks, ended
}

// loop sends what there is and takes in answers, until the stream ends or ctx.
func (se *session) loop(ctx context.Context, acks <-chan *pb.BatchAck, ended <-chan error) error {
	stopping := ctx.Done()
	for {
		appended := se.cfg.Spool.Wait()
		if se.rewound.Swap(false) {
			se.cursor = [spool.Lanes + 1]uint64{}
		}
		if stopping != nil {
			if err := se.sendAll(); err != nil {
				return se.sendFailed(err, ended)
			}
		} else if len(se.inFlight) == 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(se.nextDue(stopping == nil))
		select {
		case ack, ok := <-acks:
			if !ok {
				timer.Stop()
				return <-ended
			}
			if err := se.take(ack); err != nil {
				timer.Stop()
				return err
			}
		case <-stopping:
			stopping = nil
			_ = se.stream.CloseSend() // nothing more to say; answers may still come
		case <-appended:
		case <-timer.C:
		case <-se.poke:
		}
		timer.Stop()
	}
}

// sendFailed finds the reason of a failed Send, which the receiving side has.
func (se *session) sendFailed(err error, ended <-chan error) error {
	if errors.Is(err, errSpool) {
		return err
	}
	select {
	case reason := <-ended:
		return reason
	case <-time.After(time.Second):
		return err
	}
}

// sendAll sends batches while there is something to send and room on the way.
// The first message of a stream goes whatever there is: it carries the Hello.
func (se *session) sendAll() error {
	for len(se.inFlight) < maxInFlight && (se.number == 0 || se.paused() == 0) {
		batch, out, err := se.collect()
		if err != nil {
			return err
		}
		if len(out.items)+len(out.tombstones) == 0 && se.number > 0 {
			return nil
		}
		se.number++
		batch.Number = se.number
		if se.number == 1 {
			batch.Hello = &pb.Hello{Version: se.cfg.Version, Protocol: Protocol, Capabilities: se.cfg.Capabilities}
		}
		if len(se.inFlight) == 0 {
			se.watchdog.Reset(se.cfg.AckTimeout)
		}
		se.inFlight[batch.Number] = out
		if err := se.stream.Send(batch); err != nil {
			return fmt.Errorf("sending batch: %w", err)
		}
		se.update(func(st *Status) { st.Sent += uint64(len(out.items)) })
	}
	return nil
}

// nextDue is how long until something held back may be sent.
func (se *session) nextDue(stopping bool) time.Duration {
	wait := time.Hour
	if stopping || len(se.inFlight) >= maxInFlight {
		return wait // an answer must come first
	}
	if p := se.paused(); p > 0 {
		return p
	}
	for _, due := range se.held {
		wait = min(wait, max(0, time.Until(due)))
	}
	for _, due := range se.buried {
		if due != onItsWay {
			wait = min(wait, max(0, time.Until(due)))
		}
	}
	return wait
}
