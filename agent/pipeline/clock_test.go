package pipeline_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/agent/pipeline"
)

// Somebody sets the clock forward and back by hours and years while a log is
// read. The bubble's time is what really passes; the pipeline's clock is the one
// that is set.
func TestAClockThatJumpsNeitherLosesNorRepeatsNorDelays(t *testing.T) {
	const year = 365 * 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		var skew atomic.Int64
		began := time.Now()
		wall := func() time.Time { return time.Now().Round(0).Add(time.Duration(skew.Load())) }
		h := &house{disk: &disk{}, logged: &lockedBuilder{}}
		p := parts(t, h.disk, h.logged)
		p.Clock = func() (time.Time, string, time.Duration) { return wall(), "boot", time.Since(began) }
		h.Pipeline = pipeline.New(p)
		h.PolicyArrived()
		stop := h.start(t)
		sink := h.Sink("weblog")
		var want []string
		for i, jump := range []time.Duration{0, time.Hour, -time.Hour, 26 * time.Hour, -26 * time.Hour, 10 * year, -10 * year, -60 * year, 120 * year} {
			skew.Store(int64(jump))
			for n := range 3 {
				name := fmt.Sprintf("n%d-%d.flagged.test", i, n)
				o := visit(name, name)
				o.Time = wall()
				must(t, sink.Put(t.Context(), o))
				want = append(want, name)
			}
			synctest.Wait() // no time passes: what is flagged is written at once
			if got := h.disk.names(); !slices.Equal(got, want) {
				t.Fatalf("after a jump by %s: written %q, want %q", jump, got, want)
			}
			time.Sleep(time.Second) // of the bubble
		}
		// The place of a line that nothing flags follows by real time.
		skew.Store(int64(-10 * year))
		must(t, sink.Put(t.Context(), visit("plain.test", "the end")))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := h.disk.places()["weblog"]; got != "the end" {
			t.Errorf("the place is %q", got)
		}
		stop()
		for i, e := range h.disk.events {
			if passed := time.Duration(i/3) * time.Second; e.Mono != passed || e.BootID != "boot" {
				t.Errorf("%s is stamped %s of %s, want %s: the collector could not correct its time", e.Name, e.Mono, e.BootID, passed)
			}
		}
	})
}
