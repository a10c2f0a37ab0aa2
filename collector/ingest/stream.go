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
}

// waiting is a batch that has been read and waits to be acknowledged, or why
// no more is read.
type waiting struct {
	checked *checked
	done    <-chan outcome
	err     error
}

// Ship reads a device's batches, and answers each in turn once it is stored.
func (s *Server) Ship(stream safelightv1.AgentService_ShipServer) error {
	ctx := stream.Context()
	device, school, ok := s.deviceFrom(ctx)
	if !ok {
		return status.Error(codes.Unauthenticated, "no enrolled device's certificate came with this call")
	}
	who := caller{device: device, school: school, ip: addressOf(ctx)}
	inbox := make(chan waiting, inFlight)
	go s.receive(stream, who, inbox)
	hello := s.hello
	for {
		select {
		case <-s.stopped:
			return status.Error(codes.Unavailable, errStopping.Error())
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case w := <-inbox:
			if w.err != nil {
				return ended(w.err)
			}
			ack, err := s.acknowledge(ctx, w)
			if err != nil {
				return err
			}
			ack.Hello, hello = hello, nil
			if err := stream.Send(ack); err != nil {
				return err
			}
			s.seen(school, device, s.now())
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// receive reads batches until the stream ends, or a batch breaks the protocol.
// It ends with the stream's context, which ends with Ship.
func (s *Server) receive(stream safelightv1.AgentService_ShipServer, who caller, inbox chan<- waiting) {
	ctx := stream.Context()
	for first := true; ; first = false {
		w := s.next(stream, who, first)
		select {
		case inbox <- w:
		case <-ctx.Done():
			return
		}
		if w.err != nil {
			return
		}
	}
}

func (s *Server) next(stream safelightv1.AgentService_ShipServer, who caller, first bool) waiting {
	batch, err := stream.Recv()
	if err != nil {
		return waiting{err: err}
	}
	if first && batch.GetHello() == nil {
		return waiting{err: status.Error(codes.InvalidArgument, "the first batch of a stream must carry hello")}
	}
	checked, err := s.check(who, batch)
	if err != nil {
		return waiting{err: err}
	}
	return waiting{checked: checked, done: s.submit(stream.Context(), who.school, checked.batch)}
}

// acknowledge waits until a batch is stored and says what became of each
// record. The committer answers every submission unless it has stopped.
func (s *Server) acknowledge(ctx context.Context, w waiting) (*safelightv1.BatchAck, error) {
	select {
	case o := <-w.done:
		return w.checked.ack(o, s.now()), nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-s.stopped:
	}
	select {
	case o := <-w.done: // it was stored before the stop
		return w.checked.ack(o, s.now()), nil
	default:
		return nil, status.Error(codes.Unavailable, errStopping.Error())
	}
}

func addressOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	return hostOf(p.Addr.String())
}
