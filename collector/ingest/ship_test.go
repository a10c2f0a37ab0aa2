package ingest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	isStored    = safelightv1.AckStatus_ACK_STATUS_STORED
	isDuplicate = safelightv1.AckStatus_ACK_STATUS_DUPLICATE
	isRejected  = safelightv1.AckStatus_ACK_STATUS_REJECTED
	isRetry     = safelightv1.AckStatus_ACK_STATUS_RETRY
)

func answers(ack *safelightv1.BatchAck) []safelightv1.AckStatus {
	var all []safelightv1.AckStatus
	for _, item := range ack.GetItems() {
		all = append(all, item.GetStatus())
	}
	return all
}

func wantAnswers(t *testing.T, ack *safelightv1.BatchAck, want ...safelightv1.AckStatus) {
	t.Helper()
	if got := answers(ack); !slices.Equal(got, want) {
		t.Errorf("answers = %v, want %v: %v", got, want, ack)
	}
}

func TestStoredEventIsWhatTheDeviceSaw(t *testing.T) {
	h := openHouse(t, nil)
	ack := h.deliver(h.device("dev-1"), batchOf(eventItem(t, 1)))
	wantAnswers(t, ack, isStored)
	if ack.GetHello().GetProtocol() != Protocol || ack.GetNumber() != 1 || !ack.GetServerTime().AsTime().Equal(noon) {
		t.Errorf("ack = %v, want hello, number 1 and the server's time", ack)
	}
	events := h.stored()
	if len(events) != 1 {
		t.Fatalf("stored %d events, want 1", len(events))
	}
	e := events[0]
	if e.Device != "dev-1" || e.School != school || e.Name != "example.test" || e.Account != "pupil1" || e.Severity != event.High ||
		e.Via != event.ViaTLS || !slices.Equal(e.Also, []event.Via{event.ViaDNS}) || e.Outcome != model.OutcomeConnected ||
		!e.Observed.Equal(noon.Add(-time.Second)) || !e.Received.Equal(noon) || e.Place.Seq != 1 || string(e.Place.SpoolEpoch) != "epoch-1" {
		t.Errorf("stored event = %+v", e)
	}
	if !slices.Equal(h.woken, []event.Severity{event.High}) {
		t.Errorf("woken with %v, want high once", h.woken)
	}
}

func TestHelloComesOnlyOnce(t *testing.T) {
	h := openHouse(t, nil)
	stream := h.device("dev-1")
	h.deliver(stream, batchOf(eventItem(t, 1)))
	second := batchOf(eventItem(t, 2))
	second.Hello = nil
	if ack := h.deliver(stream, second); ack.GetHello() != nil {
		t.Errorf("second ack carries %v", ack.GetHello())
	}
}

func TestSendingAgainIsAnsweredAndHarmless(t *testing.T) {
	h := openHouse(t, nil)
	stream := h.device("dev-1")
	h.deliver(stream, batchOf(eventItem(t, 1)))
	wantAnswers(t, h.deliver(stream, batchOf(eventItem(t, 1), eventItem(t, 2))), isDuplicate, isStored)
	if n := len(h.stored()); n != 2 {
		t.Errorf("stored %d events, want 2", n)
	}
}

func TestSameIDOtherBytesIsRefused(t *testing.T) {
	h := openHouse(t, nil)
	stream := h.device("dev-1")
	h.deliver(stream, batchOf(eventItem(t, 1)))
	other := eventOf(1)
	other.Name = "other.test"
	ack := h.deliver(stream, batchOf(itemOf(t, 1, &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: other}})))
	wantAnswers(t, ack, isRejected)
	if ack.GetItems()[0].GetField() != "id" {
		t.Errorf("field = %q, want id", ack.GetItems()[0].GetField())
	}
}

// broken is a record that must be refused, between two good ones that must not.
func TestBadRecordStopsNoOther(t *testing.T) {
	event := func(change func(*safelightv1.Event)) *safelightv1.Item {
		e := eventOf(2)
		change(e)
		return itemOf(t, 2, &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: e}})
	}
	unknown, err := proto.Marshal(&safelightv1.Record{})
	must(t, err)
	later := append(slices.Clone(unknown), 0x7a, 0x02, 0x08, 0x01) // field 15, as a later agent might send
	for name, c := range map[string]struct {
		item  *safelightv1.Item
		field string
	}{
		"malformed":    {&safelightv1.Item{Lane: 3, Seq: 2, Record: []byte("\xff\xff\xffnot protobuf")}, "record"},
		"oversized":    {&safelightv1.Item{Lane: 3, Seq: 2, Record: make([]byte, recordBytes+1)}, "record"},
		"empty":        {&safelightv1.Item{Lane: 3, Seq: 2}, "kind"},
		"unknown kind": {&safelightv1.Item{Lane: 3, Seq: 2, Record: later}, "kind"},
		"no lane":      {&safelightv1.Item{Seq: 2, Record: eventItem(t, 2).Record}, "lane"},
		"wrong lane":   {&safelightv1.Item{Lane: 1, Seq: 2, Record: eventItem(t, 2).Record}, "lane"},
		"huge seq":     {&safelightv1.Item{Lane: 3, Seq: 1 << 63, Record: eventItem(t, 2).Record}, "seq"},
		"short id":     {event(func(e *safelightv1.Event) { e.Id = []byte{1} }), "id"},
		"no name":      {event(func(e *safelightv1.Event) { e.Name = "" }), "name"},
		"long name":    {event(func(e *safelightv1.Event) { e.Name = strings.Repeat("n", 1025) }), "name"},
		"zero byte":    {event(func(e *safelightv1.Event) { e.Verdict.Match = "a\x00b" }), "verdict.match"},
		"zero in evidence": {event(func(e *safelightv1.Event) {
			e.Verdict.Evidence = []*safelightv1.Evidence{{Rule: "a/b", Match: "\x00"}}
		}), "verdict.evidence"},
		"no verdict":    {event(func(e *safelightv1.Event) { e.Verdict = nil }), "verdict"},
		"no rule":       {event(func(e *safelightv1.Event) { e.Verdict.Rule = "" }), "verdict.rule"},
		"no kind":       {event(func(e *safelightv1.Event) { e.Kind = 0 }), "kind"},
		"unknown via":   {event(func(e *safelightv1.Event) { e.Via = 99 }), "via"},
		"no clock":      {event(func(e *safelightv1.Event) { e.Observed = nil }), "observed"},
		"no wall clock": {event(func(e *safelightv1.Event) { e.Observed.Wall = nil }), "observed.wall"},
		"absurd time":   {event(func(e *safelightv1.Event) { e.Observed.Wall.Seconds = 1 << 60 }), "observed.wall"},
		"long account":  {event(func(e *safelightv1.Event) { e.Owner.Account = strings.Repeat("a", 256) }), "owner.account"},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, nil)
			ack := h.deliver(h.device("dev-1"), batchOf(eventItem(t, 1), c.item, eventItem(t, 3)))
			wantAnswers(t, ack, isStored, isRejected, isStored)
			refused := ack.GetItems()[1]
			if refused.GetField() != c.field || refused.GetReason() == "" || refused.GetSeq() != c.item.GetSeq() {
				t.Errorf("refused = %v, want field %q with a reason", refused, c.field)
			}
			if n := len(h.stored()); n != 2 {
				t.Errorf("stored %d events, want 2", n)
			}
		})
	}
}

func TestHealthAndTombstonesAreStored(t *testing.T) {
	h := openHouse(t, nil)
	health := itemOf(t, 4, &safelightv1.Record{Kind: &safelightv1.Record_Health{Health: &safelightv1.Health{
		Id: make([]byte, 16), Observed: seenAt(time.Minute), Topic: "source-down", Detail: "network",
	}}})
	health.Lane = safelightv1.Severity_SEVERITY_LOW
	batch := batchOf(health)
	batch.Tombstones = []*safelightv1.Tombstone{
		{Lane: safelightv1.Severity_SEVERITY_LOW, FromSeq: 1, ToSeq: 3, Reason: "spool full"},
		{Lane: safelightv1.Severity_SEVERITY_LOW, FromSeq: 9, ToSeq: 5, Reason: "backwards"},
	}
	ack := h.deliver(h.device("dev-1"), batch)
	wantAnswers(t, ack, isStored)
	if stones := ack.GetTombstones(); len(stones) != 2 || stones[0].GetStatus() != isStored || stones[1].GetStatus() != isRejected {
		t.Errorf("tombstones = %v, want stored, rejected", stones)
	}
	gaps, err := h.store.Gaps(t.Context(), school, "dev-1")
	must(t, err)
	facts, err := h.store.Health(t.Context(), school, time.Time{})
	must(t, err)
	if len(gaps) != 1 || gaps[0].To != 3 || len(facts) != 1 || facts[0].Topic != "source-down" || !facts[0].At.Equal(noon.Add(-time.Minute)) {
		t.Errorf("gaps = %+v, health = %+v", gaps, facts)
	}
	if len(h.woken) != 0 {
		t.Errorf("woken %v by what is never an alert", h.woken)
	}
}

func TestBrokenProtocolEndsTheStream(t *testing.T) {
	many := make([]*safelightv1.Item, batchItems+1)
	for i := range many {
		many[i] = &safelightv1.Item{Lane: 3, Seq: uint64(i)}
	}
	for name, c := range map[string]struct {
		device string
		change func(*safelightv1.EventBatch)
		code   codes.Code
		says   string
	}{
		"no certificate":   {"", func(*safelightv1.EventBatch) {}, codes.Unauthenticated, "certificate"},
		"no hello":         {"dev-1", func(b *safelightv1.EventBatch) { b.Hello = nil }, codes.InvalidArgument, "hello"},
		"no epoch":         {"dev-1", func(b *safelightv1.EventBatch) { b.SpoolEpoch = nil }, codes.InvalidArgument, "spool_epoch"},
		"long epoch":       {"dev-1", func(b *safelightv1.EventBatch) { b.SpoolEpoch = make([]byte, 65) }, codes.InvalidArgument, "spool_epoch"},
		"no sending clock": {"dev-1", func(b *safelightv1.EventBatch) { b.Sent = nil }, codes.InvalidArgument, "sent"},
		"no wall clock":    {"dev-1", func(b *safelightv1.EventBatch) { b.Sent.Wall = nil }, codes.InvalidArgument, "wall"},
		"too many records": {"dev-1", func(b *safelightv1.EventBatch) { b.Items = many }, codes.InvalidArgument, "want at most 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, nil)
			stream := h.device(c.device)
			batch := batchOf(eventItem(t, 1))
			c.change(batch)
			// Sending may fail already where the server has hung up.
			_ = stream.Send(batch)
			_, err := stream.Recv()
			if status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error = %v, want %s that says %q", err, c.code, c.says)
			}
			if n := len(h.stored()); n != 0 {
				t.Errorf("stored %d events", n)
			}
		})
	}
}

// storeFunc is a store made of one func.
type storeFunc func(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error)

func (f storeFunc) AppendRecords(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
	return f(ctx, school, batch)
}

func TestNothingIsAcknowledgedThatIsNotStored(t *testing.T) {
	failing := true
	h := openHouse(t, func(inner Store) Store {
		return storeFunc(func(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
			if failing { // written and read by the committer and, in between batches, the test
				return model.Appended{}, errors.New("disk full")
			}
			return inner.AppendRecords(ctx, school, batch)
		})
	})
	stream := h.device("dev-1")
	batch := batchOf(eventItem(t, 1))
	batch.Tombstones = []*safelightv1.Tombstone{{Lane: safelightv1.Severity_SEVERITY_LOW, FromSeq: 1, ToSeq: 3, Reason: "spool full"}}
	ack := h.deliver(stream, batch)
	wantAnswers(t, ack, isRetry)
	if ack.GetTombstones()[0].GetStatus() != isRetry || ack.GetItems()[0].GetRetryAfter().AsDuration() <= 0 {
		t.Errorf("ack = %v, want a time to try again", ack)
	}
	if len(h.woken) != 0 {
		t.Errorf("woken %v though nothing is stored", h.woken)
	}
	failing = false
	wantAnswers(t, h.deliver(stream, batchOf(eventItem(t, 1))), isStored)
}

func TestAcknowledgementWaitsForTheStore(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	h := openHouse(t, func(inner Store) Store {
		return storeFunc(func(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
			close(begun)
			<-release
			return inner.AppendRecords(ctx, school, batch)
		})
	})
	stream := h.device("dev-1")
	must(t, stream.Send(batchOf(eventItem(t, 1))))
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		stream.Recv()
	}()
	<-begun
	select {
	case <-acked:
		t.Error("acknowledged before it was stored")
	case <-time.After(50 * time.Millisecond): // gives a wrong acknowledgement time to arrive
	}
	close(release)
	<-acked
}

func TestOneThatCannotBeStoredHoldsUpNobodyElse(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	h := openHouse(t, func(inner Store) Store {
		return storeFunc(func(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
			begin()
			<-release // until all devices wait together
			for _, e := range batch.Events {
				if e.Device == "poison" {
					return model.Appended{}, errors.New("no")
				}
			}
			return inner.AppendRecords(ctx, school, batch)
		})
	})
	poison, good := h.device("poison"), h.device("dev-2")
	must(t, h.device("dev-1").Send(batchOf(eventItem(t, 1))))
	<-begun
	must(t, poison.Send(batchOf(eventItem(t, 1))))
	must(t, good.Send(batchOf(eventItem(t, 1))))
	for len(h.server.queue) < 2 {
		time.Sleep(time.Millisecond) // the streams' own goroutines fill the queue
	}
	close(release)
	ack, err := poison.Recv()
	must(t, err)
	wantAnswers(t, ack, isRetry)
	ack, err = good.Recv()
	must(t, err)
	wantAnswers(t, ack, isStored)
}

func TestStoppingEndsStreamsAtOnce(t *testing.T) {
	h := openHouse(t, nil)
	stream := h.device("dev-1")
	h.deliver(stream, batchOf(eventItem(t, 1)))
	ended := make(chan error, 1)
	go func() {
		_, err := stream.Recv()
		ended <- err
	}()
	h.stop()
	if err := <-ended; err == nil {
		t.Error("the stream ended without an error: the agent would take it for a goodbye")
	}
}

func TestStreamThatNobodyReadsIsBounded(t *testing.T) {
	release := make(chan struct{})
	h := openHouse(t, func(inner Store) Store {
		return storeFunc(func(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
			<-release
			return inner.AppendRecords(ctx, school, batch)
		})
	})
	defer close(release)
	var taken int
	ctx, cancel := context.WithCancel(t.Context())
	d := h.server.delivery(&endless{t: t, taken: &taken, ctx: ctx}, caller{device: "dev-1", school: school})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.receive(ctx); err == nil {
			t.Error("reading ended without a reason")
		}
		d.acks.Wait()
	}()
	for len(d.places) < inFlight {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	if taken > inFlight+1 {
		t.Errorf("read %d batches ahead, want at most %d", taken, inFlight+1)
	}
}

func TestWhatWaitsInAllIsBoundedAndGivenBack(t *testing.T) {
	fail := errors.New("disk full")
	h := openHouse(t, func(Store) Store {
		return storeFunc(func(context.Context, model.SchoolID, model.Batch) (model.Appended, error) {
			return model.Appended{}, fail
		})
	})
	full := model.Batch{Gaps: make([]model.Gap, batchItems)}
	for range 3 * heldRecords / batchItems { // had failures kept their room this would block
		if o := h.outcomeOf(t.Context(), full); o.err == nil {
			t.Fatal("stored on a full disk")
		}
	}
	must(t, h.server.held.Acquire(t.Context(), heldRecords))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := h.outcomeOf(ctx, full); !errors.Is(o.err, context.Canceled) {
		t.Errorf("outcome = %v, want it to have waited for room", o.err)
	}
}

// outcomeOf submits a batch and waits for what became of it.
func (h *house) outcomeOf(ctx context.Context, batch model.Batch) outcome {
	done := make(chan *submission, 1)
	h.server.submit(ctx, &submission{school: school, checked: &checked{batch: batch}, done: done})
	return (<-done).outcome
}

func TestWhatCameBeforeTheGoodbyeIsAcknowledged(t *testing.T) {
	release := make(chan struct{})
	h := openHouse(t, func(inner Store) Store {
		return storeFunc(func(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
			<-release
			return inner.AppendRecords(ctx, school, batch)
		})
	})
	stream := h.device("dev-1")
	hello := batchOf()
	for n := range uint64(inFlight + 2) {
		batch := batchOf(eventItem(t, int(n)))
		if n == 0 {
			batch = hello
		}
		batch.Number = n + 1
		must(t, stream.Send(batch))
	}
	must(t, stream.CloseSend())
	close(release)
	for n := range uint64(inFlight + 2) {
		ack, err := stream.Recv()
		must(t, err)
		if ack.GetNumber() != n+1 {
			t.Errorf("acknowledged batch %d, want %d: in the order of sending", ack.GetNumber(), n+1)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("then %v, want the end", err)
	}
}

// endless is a stream whose device never stops sending.
type endless struct {
	safelightv1.AgentService_ShipServer
	t     testing.TB
	taken *int
	ctx   context.Context
}

func (e *endless) Context() context.Context { return e.ctx }

func (e *endless) Recv() (*safelightv1.EventBatch, error) {
	*e.taken++
	return batchOf(eventItem(e.t, *e.taken)), nil
}
