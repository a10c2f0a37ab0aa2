package ingest

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
)

// slowStore says when it is asked, and stores when it may.
type slowStore struct {
	Store
	asked, may chan struct{}
}

func (s slowStore) AppendRecords(ctx context.Context, id model.SchoolID, b model.Batch) (model.Appended, error) {
	s.asked <- struct{}{}
	<-s.may
	return s.Store.AppendRecords(ctx, id, b)
}

// A batch that is being stored when the collector is told to stop is answered before
// its stream ends, and one that comes later is not taken.
func TestWhatIsStoredWhileItStopsIsAnswered(t *testing.T) {
	slow := slowStore{asked: make(chan struct{}), may: make(chan struct{})}
	h := openHouse(t, func(s Store) Store { slow.Store = s; return slow })
	stream := h.device("dev-1")
	must(t, stream.Send(batchOf(eventItem(t, 1))))
	<-slow.asked
	var drained sync.WaitGroup
	done := make(chan struct{})
	drained.Go(func() { h.server.Drain(context.Background()); close(done) })
	for taken := true; taken; { // until it takes no more
		h.server.underway.mu.Lock()
		taken = !h.server.underway.draining
		h.server.underway.mu.Unlock()
	}
	late := h.device("dev-2")
	must(t, late.Send(batchOf(eventItem(t, 2))))
	if _, err := late.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("a batch that came late: %v", err)
	}
	select {
	case <-done:
		t.Error("it was drained while a batch was stored")
	default:
	}
	close(slow.may)
	ack, err := stream.Recv()
	must(t, err)
	wantAnswers(t, ack, isStored)
	drained.Wait()
	if n := len(h.stored()); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

// A device that was cut off, and one that says nothing, hold nobody up.
func TestNobodyWhoIsGoneHoldsUpTheStop(t *testing.T) {
	slow := slowStore{asked: make(chan struct{}), may: make(chan struct{})}
	h := openHouse(t, func(s Store) Store { slow.Store = s; return slow })
	ctx, cancel := context.WithCancel(t.Context())
	gone, idle := h.shipAs(ctx, "dev-1"), h.device("dev-2")
	must(t, gone.Send(batchOf(eventItem(t, 1))))
	<-slow.asked
	must(t, idle.Send(batchOf()))
	cancel()
	close(slow.may)
	if _, err := idle.Recv(); err != nil { // its hello is answered
		t.Fatal(err)
	}
	h.server.Drain(context.Background())
}

// What cannot be stored in time is left: its device sends it again.
func TestAStopWaitsNoLongerThanItMay(t *testing.T) {
	slow := slowStore{asked: make(chan struct{}), may: make(chan struct{})}
	h := openHouse(t, func(s Store) Store { slow.Store = s; return slow })
	must(t, h.device("dev-1").Send(batchOf(eventItem(t, 1))))
	<-slow.asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	h.server.Drain(ctx)
	close(slow.may)
}
