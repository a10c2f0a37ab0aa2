package ingest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

// boundless is Limits that leave nothing but Waiting.
var boundless = Limits{Records: 1e12, RecordBurst: 1e12, Bytes: 1e15, ByteBurst: 1e15, Waiting: 2000}

func (h *house) limit(l Limits) { h.server.allowances.limits = l }

// TestHostileDeviceDelaysNobodyElse counts in events, not in seconds: whatever
// one device sends, another's event waits for no more than what the first may
// have waiting, and the transaction that is under way.
func TestHostileDeviceDelaysNobodyElse(t *testing.T) {
	var mu sync.Mutex
	stored, atGood := 0, 0
	h := openHouse(t, func(Store) Store { // how fast it stores is not what is asked
		return storeFunc(func(_ context.Context, _ model.SchoolID, batch model.Batch) (model.Appended, error) {
			time.Sleep(time.Duration(batch.Len()) * 5 * time.Microsecond) // so that the store is what is waited for
			mu.Lock()
			defer mu.Unlock()
			stored += batch.Len()
			if slices.ContainsFunc(batch.Events, func(e model.Event) bool { return e.Device == "good" }) {
				atGood = stored
			}
			return model.Appended{Events: slices.Repeat([]model.Stored{model.StoredNew}, len(batch.Events))}, nil
		})
	})
	h.limit(boundless)
	count := func() int { mu.Lock(); defer mu.Unlock(); return stored }
	stop := make(chan struct{})
	var hostile sync.WaitGroup
	for range 16 {
		stream := h.device("hostile")
		hostile.Go(func() { flood(t, stream, stop) })
	}
	defer hostile.Wait()
	defer close(stop)
	for count() < 2000 { // the flood has begun
		time.Sleep(time.Millisecond)
	}
	share := h.server.allowances.enter("good")
	done, worst := make(chan *submission, 1), 0
	for range 30 {
		before := count()
		h.server.submit(t.Context(), &submission{school: school, checked: &checked{batch: model.Batch{Events: []model.Event{{Device: "good"}}}}, done: done, share: share})
		if o := (<-done).outcome; o.err != nil {
			t.Fatal(o.err)
		}
		mu.Lock()
		worst = max(worst, atGood-before)
		mu.Unlock()
	}
	t.Logf("at most %d events of others between reading an event and its answer", worst)
	// what it has waiting, what comes to be stored in the same transaction, and
	// the event itself
	if bound := boundless.Waiting + groupRecords + batchItems + 1; worst > bound {
		t.Errorf("another device's event waited for %d events, want at most %d", worst, bound)
	}
}

// flood sends whole batches of the same records until told to stop.
func flood(t *testing.T, stream safelightv1.AgentService_ShipClient, stop <-chan struct{}) {
	var items []*safelightv1.Item
	for n := range 500 {
		items = append(items, eventItem(t, 1_000_000+n))
	}
	b := batchOf(items...)
	go func() {
		for {
			if _, err := stream.Recv(); err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-stop:
			_ = stream.CloseSend()
			return
		default:
		}
		if stream.Send(b) != nil {
			return
		}
	}
}

func TestDeviceOverItsRateIsToldWhenAndLosesNothing(t *testing.T) {
	h := openHouse(t, nil)
	h.limit(Limits{Records: 100, RecordBurst: 5, Bytes: 1e9, ByteBurst: 1e9, Waiting: 100})
	stream := h.device("dev-1")
	var left []*safelightv1.Item
	for n := range 20 {
		left = append(left, eventItem(t, n+1))
	}
	told := 0
	for round := 0; len(left) > 0; round++ {
		if round > 1000 {
			t.Fatal("never let through")
		}
		ack := h.deliver(stream, batchOf(left[:min(5, len(left))]...))
		for _, a := range ack.GetItems() {
			switch a.GetStatus() {
			case safelightv1.AckStatus_ACK_STATUS_STORED:
				left = slices.DeleteFunc(left, func(it *safelightv1.Item) bool { return it.GetSeq() == a.GetSeq() })
			case safelightv1.AckStatus_ACK_STATUS_RETRY:
				told++
				if w := a.GetRetryAfter().AsDuration(); w <= 0 || w > time.Second {
					t.Errorf("told to wait %s, want some moments", w)
				}
			default:
				t.Fatalf("answered %v", a)
			}
		}
	}
	if told == 0 {
		t.Error("never told to wait: the limit did nothing")
	}
	if got := len(h.stored()); got != 20 {
		t.Errorf("%d events stored, want 20", got)
	}
}

func TestReconnectingBuysNoNewAllowance(t *testing.T) {
	h := openHouse(t, nil)
	h.limit(Limits{Records: 0.001, RecordBurst: 1, Bytes: 1e9, ByteBurst: 1e9, Waiting: 100})
	wantAnswers(t, h.deliver(h.device("dev-1"), batchOf(eventItem(t, 1))), isStored)
	ack := h.deliver(h.device("dev-1"), batchOf(eventItem(t, 2)))
	if got := ack.GetItems()[0].GetStatus(); got != safelightv1.AckStatus_ACK_STATUS_RETRY {
		t.Errorf("answered %v on a second stream, want RETRY", got)
	}
	wantAnswers(t, h.deliver(h.device("dev-2"), batchOf(eventItem(t, 3))), isStored)
}

func TestAllowancesOfDevicesThatLeftAreForgotten(t *testing.T) {
	a := allowances{limits: boundless, all: map[string]*allowance{}}
	for n := range 3 * maxIdle {
		a.leave(a.enter(string(rune('a' + n))))
	}
	if len(a.all) > maxIdle {
		t.Errorf("%d devices remembered, want at most %d", len(a.all), maxIdle)
	}
}

// TestImpossibleClocksHurtNobody: what a device claims of its time is stored as
// a date that can be shown to people, whatever it claims.
func TestImpossibleClocksHurtNobody(t *testing.T) {
	h := openHouse(t, nil)
	stream := h.device("hostile")
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	n := 0
	for _, sent := range []time.Time{first, noon, last} {
		for _, seen := range []time.Time{first, noon, last} {
			for _, boot := range []string{"boot-1", "boot-2"} {
				n++
				e := eventOf(n)
				e.Observed = &safelightv1.Clock{Wall: timestamppb.New(seen), BootId: "boot-1", MonotonicNs: 0}
				b := batchOf(itemOf(t, uint64(n), &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: e}}))
				b.Sent = &safelightv1.Clock{Wall: timestamppb.New(sent), BootId: boot, MonotonicNs: 1<<63 - 1}
				wantAnswers(t, h.deliver(stream, b), isStored)
			}
		}
	}
	for _, e := range h.stored() {
		if e.Observed.After(noon) || e.Observed.Before(noon.Add(-oldest)) {
			t.Errorf("observed %v, want a time a device can have kept it since", e.Observed)
		}
	}
}

// TestAnotherDevicesIdsAreNoWayToItsEvents: the device comes from the
// certificate, so an id that another device used, or will use, changes nothing.
func TestAnotherDevicesIdsAreNoWayToItsEvents(t *testing.T) {
	h := openHouse(t, nil)
	forged := eventOf(1)
	forged.Name = "forged.test"
	wantAnswers(t, h.deliver(h.device("hostile"), batchOf(itemOf(t, 1, &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: forged}}))), isStored)
	wantAnswers(t, h.deliver(h.device("good"), batchOf(eventItem(t, 1))), isStored)
	if got := h.stored(); len(got) != 2 {
		t.Errorf("%d events, want each device's own", len(got))
	}
}

func TestPositionIsWhatIsHeldWithoutAHole(t *testing.T) {
	h := openHouse(t, nil)
	h.server.ledger.store = h.store
	high := func() uint64 {
		held, err := h.server.Held(t.Context(), school, "dev-1", []byte("epoch-1"))
		must(t, err)
		return held[event.High]
	}
	stream := h.device("dev-1")
	h.deliver(stream, batchOf(eventItem(t, 1), eventItem(t, 2)))
	h.deliver(stream, batchOf(eventItem(t, 5)))
	if got := high(); got != 2 {
		t.Errorf("position %d after 1, 2 and 5, want 2", got)
	}
	bad := eventItem(t, 3)
	bad.Record = []byte("no record") // refused for good, and so answered for
	h.deliver(stream, batchOf(bad))
	tomb := batchOf()
	tomb.Tombstones = []*safelightv1.Tombstone{{Lane: safelightv1.Severity_SEVERITY_HIGH, FromSeq: 4, ToSeq: 4, Reason: "full"}}
	h.deliver(stream, tomb)
	if got := high(); got != 5 {
		t.Errorf("position %d after a refusal and a tombstone, want 5", got)
	}
	for h.server.ledger.flush(t.Context()) {
	}
	stored, err := h.store.Positions(t.Context(), school, "dev-1", []byte("epoch-1"))
	must(t, err)
	if len(stored) != 1 || stored[0].Upto != 5 {
		t.Errorf("stored %+v, want 5", stored)
	}
	h.deliver(h.device("dev-1"), batchOf(eventItem(t, 6))) // a new stream goes on from there
	if got := high(); got != 6 {
		t.Errorf("position %d on a second stream, want 6", got)
	}
}

func TestPositionIsNeverMoreThanWhatIsHeld(t *testing.T) {
	var r reached
	for n := uint64(1000); n > 1; n -= 2 { // more runs than are remembered
		r.add(n, n)
	}
	if r.upto != 0 || len(r.above) > maxApart {
		t.Fatalf("upto %d with %d runs", r.upto, len(r.above))
	}
	for n := uint64(1); n < 1000; n += 2 {
		r.add(n, n)
		if r.upto > n+1 {
			t.Fatalf("upto %d when %d was the last odd number", r.upto, n)
		}
	}
	r.add(1, 1<<63-1)
	if r.upto != 1<<63-1 {
		t.Errorf("upto %d", r.upto)
	}
}

// FuzzEventBatch hands the checks whatever bytes parse as a batch.
func FuzzEventBatch(f *testing.F) {
	server, err := New(Options{Now: func() time.Time { return noon }})
	must(f, err)
	whole := batchOf(eventItem(f, 1), itemOf(f, 2, &safelightv1.Record{Kind: &safelightv1.Record_Health{Health: &safelightv1.Health{Id: make([]byte, 16), Observed: seenAt(0), Topic: "t"}}}))
	whole.Tombstones = []*safelightv1.Tombstone{{Lane: 1, FromSeq: 1, ToSeq: 2, Reason: "full"}}
	seed, err := proto.Marshal(whole)
	must(f, err)
	f.Add(seed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b safelightv1.EventBatch
		if proto.Unmarshal(data, &b) != nil {
			return
		}
		c, err := server.check(caller{device: "dev-1", school: school}, &b)
		if err != nil {
			return
		}
		if len(c.items) != len(b.GetItems()) || len(c.tombstones) != len(b.GetTombstones()) {
			t.Fatalf("%d records and %d tombstones answered of %d and %d", len(c.items), len(c.tombstones), len(b.GetItems()), len(b.GetTombstones()))
		}
		c.ack(outcome{err: errStopping}, noon)
		for _, e := range c.batch.Events {
			if e.Device != "dev-1" || e.School != school || e.Observed.After(noon) || e.Observed.Before(noon.Add(-oldest)) {
				t.Fatalf("stored as %+v", e)
			}
		}
	})
}

// TestCopiedSpoolLosesAndRepeatsNothing: a disk that was copied delivers from
// two machines under one certificate and one epoch. What both had is stored
// once; what each saw since is stored, though their numbers are the same.
func TestCopiedSpoolLosesAndRepeatsNothing(t *testing.T) {
	h := openHouse(t, nil)
	h.server.ledger.store = h.store
	first, second := h.device("dev-1"), h.device("dev-1")
	at := func(seq, id int) *safelightv1.Item {
		return itemOf(t, uint64(seq), &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: eventOf(id)}})
	}
	wantAnswers(t, h.deliver(first, batchOf(at(1, 1), at(2, 2))), isStored, isStored)
	ack := h.deliver(second, batchOf(at(1, 1), at(2, 2), at(3, 1003)))
	for i, want := range []safelightv1.AckStatus{
		safelightv1.AckStatus_ACK_STATUS_DUPLICATE, safelightv1.AckStatus_ACK_STATUS_DUPLICATE, safelightv1.AckStatus_ACK_STATUS_STORED,
	} {
		if got := ack.GetItems()[i].GetStatus(); got != want {
			t.Errorf("record %d of the copy answered %v, want %v", i+1, got, want)
		}
	}
	wantAnswers(t, h.deliver(first, batchOf(at(3, 3), at(4, 4))), isStored, isStored)
	wantAnswers(t, h.deliver(second, batchOf(at(4, 1004))), isStored)
	if got := len(h.stored()); got != 6 {
		t.Errorf("%d events, want 2 of both, 2 of the first and 2 of the copy", got)
	}
}
