package ingest

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// inFlight is how many batches of one stream may wait for their outcome before
// it is read no further.
const inFlight = 4

// caller is who delivers.
type caller struct {
	device string
	school model.SchoolID
	ip     string
	share  *allowance // what it may have of the collector
}

// Ship reads a device's batches, and answers each in turn once it is stored.
//
//	receive -> queue -> committer -> inbox -> Ship -> acknowledgement
//
// The committer puts what became of a batch straight into its stream's inbox,
// so that no goroutine wakes only to wait for the next one. It never waits for
// a stream: of the inbox's places each batch holds one from before it is
// submitted until it is acknowledged.
func (s *Server) Ship(stream safelightv1.AgentService_ShipServer) error {
	ctx := stream.Context()
	device, school, ok := s.deviceFrom(ctx)
	if !ok {
		return status.Error(codes.Unauthenticated, "no enrolled device's certificate came with this call")
	}
	inbox := make(chan *submission, inFlight+1) // and one place for why no more is read
	places := make(chan struct{}, inFlight)
	who := caller{device: device, school: school, ip: addressOf(ctx), share: s.allowances.enter(device)}
	defer s.allowances.leave(who.share)
	go s.receive(stream, who, inbox, places)
	held := track{server: s, who: who}
	hello := s.hello
	for {
		sub, err := s.stored(inbox)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ack := sub.checked.ack(sub.outcome, s.now())
		held.take(ctx, sub.checked, ack)
		ack.Hello, hello = hello, nil
		if err := stream.Send(ack); err != nil {
			return err
		}
		<-places
		s.seen(school, device, s.now())
	}
}

// stored waits for the next batch that may be acknowledged. What was stored
// before the service stopped still is. An end of the stream comes through the
// inbox too.
func (s *Server) stored(inbox <-chan *submission) (*submission, error) {
	var sub *submission
	select {
	case sub = <-inbox:
	case <-s.stopped:
		select {
		case sub = <-inbox:
		default:
			return nil, status.Error(codes.Unavailable, errStopping.Error())
		}
	}
	if sub.checked == nil {
		return nil, sub.outcome.err
	}
	return sub, nil
}

// receive reads batches until the stream ends, or a batch breaks the protocol.
// It ends with the stream's context, which ends with Ship.
func (s *Server) receive(stream safelightv1.AgentService_ShipServer, who caller, inbox chan *submission, places chan<- struct{}) {
	ctx := stream.Context()
	for first := true; ; first = false {
		checked, err := s.next(stream, who, first)
		if err != nil {
			// What came before is acknowledged first.
			for range inFlight {
				if place(ctx, places) != nil {
					break
				}
			}
			inbox <- &submission{outcome: outcome{err: err}}
			return
		}
		if err := place(ctx, places); err != nil {
			inbox <- &submission{outcome: outcome{err: err}}
			return
		}
		s.submit(ctx, &submission{school: who.school, checked: checked, done: inbox, share: who.share})
		if checked.later > 0 {
			rest(ctx, checked.later)
		}
	}
}

// place takes a place in the inbox.
func place(ctx context.Context, places chan<- struct{}) error {
	select {
	case places <- struct{}{}: // nearly always, and at a tenth of the cost of the other
		return nil
	default:
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (s *Server) next(stream safelightv1.AgentService_ShipServer, who caller, first bool) (*checked, error) {
	batch, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if first && batch.GetHello() == nil {
		return nil, status.Error(codes.InvalidArgument, "the first batch of a stream must carry hello")
	}
	return s.check(who, batch)
}

func addressOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	return hostOf(p.Addr.String())
}
