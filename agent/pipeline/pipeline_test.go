package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/agent/spool"
	"safelight/internal/event"
)

func TestAnEventAndItsPlaceAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		log, packets := h.Sink("weblog"), h.Sink("network")
		must(t, log.Put(t.Context(), visit("example.org", "1")))
		must(t, log.Put(t.Context(), visit("flagged.test", "2")))
		packets.Offer(visit("www.flagged.test", ""))
		must(t, log.Put(t.Context(), visit("example.net", "3")))
		h.PolicyArrived()
		defer h.start(t)()
		synctest.Wait()
		want := []write{{names: []string{"flagged.test", "www.flagged.test"}, checkpoints: map[string]string{"weblog": "3"}}}
		if got := h.disk.written(); !reflect.DeepEqual(got, want) {
			t.Errorf("wrote %v, want %v", got, want)
		}
		if got, want := h.Counts(), (pipeline.Counts{Judged: 4, Flagged: 2}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

func TestAnEventSaysByWhichPolicyAndScopeItWasJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.Sink("network").Offer(visit("flagged.test", ""))
		h.PolicyArrived()
		defer h.start(t)()
		synctest.Wait()
		if len(h.disk.events) != 1 {
			t.Fatalf("%d events", len(h.disk.events))
		}
		e := h.disk.events[0]
		if e.PolicyEpoch != 3 || e.PolicySerial != 14 || e.Role != "pupil" || e.BootID != "boot" || e.Mono != 90*time.Second ||
			e.Category != "test" || e.Severity != event.High || e.Why == "" || len(e.NotSeen) == 0 || e.ID == [16]byte{} {
			t.Errorf("got %+v", e)
		}
	})
}

func TestG09AnAdultIsJudgedByTheirOwnScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		for _, who := range []string{"teacher", "adult"} {
			o := visit("flagged.test", "")
			o.User = who
			h.Sink("network").Offer(o)
		}
		h.PolicyArrived()
		defer h.start(t)()
		synctest.Wait()
		if got := h.disk.names(); got != nil {
			t.Errorf("sent %v", got)
		}
		if got, want := h.Counts(), (pipeline.Counts{Judged: 2, Noted: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

func TestLinesThatNoRuleFlagsMoveThePlaceLazily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.PolicyArrived()
		defer h.start(t)()
		for n := range 100 {
			must(t, h.Sink("weblog").Put(t.Context(), visit("example.org", fmt.Sprint(n))))
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got := h.disk.written(); got != nil {
			t.Errorf("wrote %v at once", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := []write{{checkpoints: map[string]string{"weblog": "99"}}}
		if got := h.disk.written(); !reflect.DeepEqual(got, want) {
			t.Errorf("wrote %v, want %v", got, want)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := len(h.disk.written()); got != 1 {
			t.Errorf("%d writes for one place", got)
		}
	})
}

func TestG01AVisitToAHelplineLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.PolicyArrived()
		stop := h.start(t)
		for _, host := range []string{"childline.org.uk", "www.childline.org.uk", "samaritans.org", "chat.giveusashout.org"} {
			must(t, h.Sink("weblog").Put(t.Context(), visit(host, "7")))
			h.Sink("network").Offer(visit(host, ""))
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		stop()
		if got := h.disk.names(); got != nil {
			t.Errorf("sent %v", got)
		}
		if got := h.Counts(); got != (pipeline.Counts{}) {
			t.Errorf("counted %+v", got)
		}
		if h.logged.String() != "" {
			t.Errorf("logged %s", h.logged)
		}
		if got, want := h.disk.places(), map[string]string{"weblog": "7"}; !reflect.DeepEqual(got, want) {
			t.Errorf("places %v, want %v", got, want)
		}
	})
}

func TestNoiseNeverAlertsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		o := visit("flagged.test", "1")
		o.Noise = true
		must(t, h.Sink("weblog").Put(t.Context(), o))
		h.PolicyArrived()
		h.start(t)()
		if got := h.disk.names(); got != nil {
			t.Errorf("sent %v", got)
		}
		if got, want := h.Counts(), (pipeline.Counts{Judged: 1, Noted: 1, Noise: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

func TestNothingIsJudgedBeforeTheFirstPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.start(t)
		must(t, h.Sink("weblog").Put(t.Context(), visit("flagged.test", "1")))
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := h.disk.written(); got != nil || h.Counts() != (pipeline.Counts{}) {
			t.Errorf("wrote %v, counted %+v", got, h.Counts())
		}
		h.PolicyArrived()
		synctest.Wait()
		if got := h.disk.names(); !slices.Equal(got, []string{"flagged.test"}) {
			t.Errorf("sent %v", got)
		}
		stop()
	})
}

// A log is read again from its place, so what waited for a policy is not lost.
func TestStoppingBeforeTheFirstPolicyMovesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.start(t)
		must(t, h.Sink("weblog").Put(t.Context(), visit("flagged.test", "1")))
		stop()
		if got := h.disk.written(); got != nil {
			t.Errorf("wrote %v", got)
		}
	})
}

func TestAFullQueueRefusesOfferAndHoldsPutUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		packets, log := h.Sink("network"), h.Sink("weblog")
		offered := 0
		for packets.Offer(visit("example.org", "")) {
			if offered++; offered > 1_000_000 {
				t.Fatal("the queue has no end")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := log.Put(ctx, visit("flagged.test", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put into a full queue: %v", err)
		}
		put := make(chan error, 1)
		go func() { put <- log.Put(t.Context(), visit("flagged.test", "1")) }()
		synctest.Wait()
		select {
		case err := <-put:
			t.Fatalf("Put did not wait: %v", err)
		default:
		}
		h.PolicyArrived()
		stop := h.start(t)
		must(t, <-put)
		stop()
		if got := h.Counts().Judged; got != uint64(offered)+1 {
			t.Errorf("judged %d of %d", got, offered+1)
		}
		if got := h.disk.names(); !slices.Equal(got, []string{"flagged.test"}) {
			t.Errorf("sent %v", got)
		}
	})
}

var errFull = errors.New("no space left on the disk")

func TestAFailingSpoolIsTriedAgainAndNothingIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.disk.fail(errFull)
		h.PolicyArrived()
		stop := h.start(t)
		log := h.Sink("weblog")
		must(t, log.Put(t.Context(), visit("a.flagged.test", "1")))
		synctest.Wait()
		must(t, log.Put(t.Context(), visit("example.org", "2")))
		must(t, log.Put(t.Context(), visit("b.flagged.test", "3")))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if h.disk.tries < 100 || h.disk.tries > 1000 {
			t.Errorf("%d tries in ten minutes", h.disk.tries)
		}
		if n := strings.Count(h.logged.String(), "\n"); n != 1 {
			t.Errorf("one trouble was logged %d times", n)
		}
		h.disk.fail(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := []write{
			{names: []string{"a.flagged.test"}, checkpoints: map[string]string{"weblog": "1"}},
			{names: []string{"b.flagged.test"}, checkpoints: map[string]string{"weblog": "3"}},
		}
		if got := h.disk.written(); !reflect.DeepEqual(got, want) {
			t.Errorf("wrote %v, want %v", got, want)
		}
		stop()
	})
}

// The disk is full at stop, and has room again for a later, smaller write: its
// place must not step over what was not written.
func TestAtStopNoPlaceStepsOverWhatWasNotWritten(t *testing.T) {
	for _, c := range []struct {
		name     string
		failures int // Appends that fail before the disk works again
	}{{"one failure", 1}, {"two failures", 2}, {"three failures", 3}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &disk{}
				flaky := &flakySpool{disk: d, failures: c.failures}
				p := pipeline.New(parts(t, flaky, &lockedBuilder{}))
				for n := range 600 { // three writes
					name := "example.org"
					if n%100 == 0 {
						name = fmt.Sprintf("n%d.flagged.test", n)
					}
					must(t, p.Sink("weblog").Put(t.Context(), visit(name, fmt.Sprint(n))))
				}
				p.PolicyArrived()
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				must(t, p.Run(ctx))
				place := -1
				if cp, ok := d.places()["weblog"]; ok {
					_, err := fmt.Sscan(cp, &place)
					must(t, err)
				}
				names := d.names()
				for n := 0; n <= place; n += 100 {
					if !slices.Contains(names, fmt.Sprintf("n%d.flagged.test", n)) {
						t.Errorf("the place is %d, and event %d was not written", place, n)
					}
				}
			})
		})
	}
}

type flakySpool struct {
	disk     *disk
	failures int
}

func (f *flakySpool) Append(r []spool.Record, c map[string][]byte) error {
	if f.failures > 0 {
		f.failures--
		return errFull
	}
	return f.disk.Append(r, c)
}

func TestWhatIsQueuedAtStopIsJudgedAndWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		for n := range 3000 {
			must(t, h.Sink("weblog").Put(t.Context(), visit("flagged.test", fmt.Sprint(n))))
		}
		must(t, h.Sink("other").Put(t.Context(), visit("example.org", "idle")))
		h.PolicyArrived()
		h.start(t)()
		if got := len(h.disk.names()); got != 3000 {
			t.Errorf("%d of 3000 events were written", got)
		}
		want := map[string]string{"weblog": "2999", "other": "idle"}
		if got := h.disk.places(); !reflect.DeepEqual(got, want) {
			t.Errorf("places %v, want %v", got, want)
		}
	})
}

// Somebody who gives programs absurd paths must not fill a write to where the
// spool refuses it, for ever.
func TestTheLargestEventsFitTheSpool(t *testing.T) {
	s, err := spool.Open(filepath.Join(t.TempDir(), "spool"), spool.Options{})
	must(t, err)
	defer s.Close()
	p := pipeline.New(parts(t, s, &lockedBuilder{}))
	wide := func(n int) string { return strings.Repeat("\U0001F600", n) }
	for n := range 512 {
		o := visit("flagged.test", fmt.Sprint(n))
		o.Exe, o.Process, o.Client, o.Server, o.User = wide(4096), wide(255), wide(255), wide(255), wide(255)
		must(t, p.Sink("weblog").Put(t.Context(), o))
	}
	p.PolicyArrived()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, p.Run(ctx))
	if got := string(s.Checkpoint("weblog")); got != "511" {
		t.Errorf("the place is %q, want 511", got)
	}
}

func TestAPlaceThatTheSpoolCouldNotKeepStopsItsSourceAlone(t *testing.T) {
	h := newHouse(t)
	o := source.Observed{Checkpoint: make([]byte, spool.MaxCheckpointBytes+1)}
	err := h.Sink("weblog").Put(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "weblog") {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeEncodedHoldsNobodyUpAndIsNotNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		bad := visit("flagged.test", "1")
		bad.Via = "telepathy"
		must(t, h.Sink("weblog").Put(t.Context(), bad))
		must(t, h.Sink("weblog").Put(t.Context(), visit("www.flagged.test", "2")))
		h.PolicyArrived()
		h.start(t)()
		if got := h.disk.names(); !slices.Equal(got, []string{"www.flagged.test"}) {
			t.Errorf("sent %v", got)
		}
		if log := h.logged.String(); !strings.Contains(log, "could not be encoded") || strings.Contains(log, "pupil14") || strings.Contains(log, `"flagged.test"`) {
			t.Errorf("logged %s", log)
		}
	})
}
