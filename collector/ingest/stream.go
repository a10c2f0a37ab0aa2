package ingest

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

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
//	Ship -> queue -> committer -> inbox -> acknowledge -> acknowledgement
//
// A stream on which nothing is under way, as nearly all are nearly always, costs
// one goroutine: acknowledge runs only while something waits for its outcome.
func (s *Server) Ship(stream safelightv1.AgentService_ShipServer) error {
	ctx := stream.Context()
	device, school, ok := s.deviceFrom(ctx)
	if !ok {
		return status.Error(codes.Unauthenticated, "no enrolled device's certificate came with this call")
	}
	who := caller{device: device, school: school, ip: addressOf(ctx), share: s.allowances.enter(device)}
	defer s.allowances.leave(who.share)
	d := s.delivery(stream, who)
	err := d.receive(ctx)
	// What came before is acknowledged first.
	d.acks.Wait()
	s.underway.leave(d.waiting) // of a stream that broke
	if d.err != nil {
		return d.err
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// delivery is one stream. The committer puts what became of a batch straight into
// its inbox, and never waits for it: of the inbox's places each batch holds one
// from before it is submitted until it is acknowledged.
type delivery struct {
	server *Server
	stream safelightv1.AgentService_ShipServer
	who    caller
	inbox  chan *submission
	places chan struct{}

	acks   sync.WaitGroup // acknowledge, while it runs
	failed chan struct{}  // closed once err is set
	err    error

	mu      sync.Mutex
	waiting int // batches without an acknowledgement; guarded by mu

	// acknowledge's:
	held  track
	hello *safelightv1.Hello
}

func (s *Server) delivery(stream safelightv1.AgentService_ShipServer, who caller) *delivery {
	return &delivery{
		server: s, stream: stream, who: who, held: track{server: s, who: who}, hello: s.hello,
		inbox: make(chan *submission, inFlight), places: make(chan struct{}, inFlight), failed: make(chan struct{}),
	}
}

// receive reads batches until the stream ends, or a batch breaks the protocol.
func (d *delivery) receive(ctx context.Context) error {
	for first := true; ; first = false {
		checked, err := d.server.next(d.stream, d.who, first)
		if err != nil {
			return err
		}
		d.server.sift(ctx, checked.batch.Events)
		if err := d.place(ctx); err != nil {
			return err
		}
		if !d.server.underway.enter() {
			return status.Error(codes.Unavailable, errStopping.Error())
		}
		d.server.submit(ctx, &submission{school: d.who.school, checked: checked, done: d.inbox, share: d.who.share})
		d.submitted(ctx)
		if checked.later > 0 {
			rest(ctx, checked.later)
		}
	}
}

// submitted has the batch's acknowledgement sent when it is stored.
func (d *delivery) submitted(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting++; d.waiting == 1 {
		d.acks.Go(func() { d.acknowledge(ctx) })
	}
}

// acknowledge answers batches until none waits.
func (d *delivery) acknowledge(ctx context.Context) {
	for more := true; more; {
		if err := d.one(ctx); err != nil {
			d.err = err
			close(d.failed)
			return // waiting stays above nought: nobody comes after
		}
		<-d.places
		d.server.underway.leave(1)
		d.mu.Lock()
		d.waiting--
		more = d.waiting > 0
		d.mu.Unlock()
	}
}

func (d *delivery) one(ctx context.Context) error {
	s := d.server
	sub, err := s.stored(ctx, d.inbox)
	if err != nil {
		return err
	}
	ack := sub.checked.ack(sub.outcome, s.now())
	d.held.take(ctx, sub.checked, ack)
	ack.Hello, d.hello = d.hello, nil
	if err := d.stream.Send(ack); err != nil {
		return err
	}
	s.seen(d.who.school, d.who.device, s.now())
	return nil
}

// stored waits for the next batch that may be acknowledged. What was stored
// before the service stopped still is.
func (s *Server) stored(ctx context.Context, inbox <-chan *submission) (*submission, error) {
	select {
	case sub := <-inbox:
		return sub, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-s.stopped:
	}
	select {
	case sub := <-inbox:
		return sub, nil
	default:
		return nil, status.Error(codes.Unavailable, errStopping.Error())
	}
}

// place takes a place in the inbox.
func (d *delivery) place(ctx context.Context) error {
	select {
	case d.places <- struct{}{}: // nearly always, and at a tenth of the cost of the other
		return nil
	default:
	}
	select {
	case d.places <- struct{}{}:
		return nil
	case <-d.failed:
		return d.err
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
	if len(batch.GetItems()) < heavyBatch {
		return s.check(who, batch)
	}
	s.heavy <- struct{}{} // nobody waits for long: a check waits for nothing
	defer func() { <-s.heavy }()
	return s.check(who, batch)
}

// heavyBatch is from how many records on a batch takes milliseconds to check. So
// many at a time are checked as leave a processor for the committer, whom all of
// them wait for: on two cores it else queues behind every device's backlog.
const heavyBatch = 32

func heavyAtOnce() int { return max(1, runtime.GOMAXPROCS(0)-1) }

func addressOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	return hostOf(p.Addr.String())
}
