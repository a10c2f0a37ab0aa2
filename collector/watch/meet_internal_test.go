package watch

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"safelight/collector/model"
)

// bothKeep is a store that several collectors write to.
type bothKeep struct{ kept }

func (bothKeep) Shared() bool { return true }

// pair are two collectors with one store, and the clock that the world goes by.
type pair struct {
	t    *testing.T
	at   time.Time
	x, y *Copies
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, at: noon}
	store := bothKeep{kept{}}
	p.x, p.y = p.collector(store, 0), p.collector(store, 0)
	return p
}

// collector is one whose clock is wrong by so much.
func (p *pair) collector(store Runs, wrong time.Duration) *Copies {
	return NewCopies("school", store, func() time.Time { return p.at.Add(wrong) }, slog.New(slog.DiscardHandler))
}

// says has a run speak to a collector, and returns how many copies that proves.
func (p *pair) says(to *Copies, instance string) int {
	p.t.Helper()
	n := to.saw(p.t.Context(), "laptop", instance, to.now())
	if n > 0 {
		p.must(to.save(p.t.Context()))
	}
	return n
}

// passes lets time pass, in which both write down and take in every ten seconds, and
// who is on the line speaks twice a minute. It returns how many copies were noticed.
func (p *pair) passes(d time.Duration, online map[string]*Copies) (noticed int) {
	p.t.Helper()
	for end, tick := p.at.Add(d), 0; p.at.Before(end); tick++ {
		p.at = p.at.Add(runsEvery)
		for _, c := range []*Copies{p.x, p.y} {
			p.must(c.save(p.t.Context()))
			p.must(c.meet(p.t.Context()))
		}
		if tick%3 == 0 {
			for instance, c := range online {
				noticed += p.says(c, instance)
			}
		}
	}
	return noticed
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) isTold(instance string) [2]bool {
	return [2]bool{p.x.told("laptop", instance, p.at), p.y.told("laptop", instance, p.at)}
}

// TestCopiesThatCallDifferentCollectorsAreToldApartWithinMinutes: each for hours, since
// neither's connection ends.
func TestCopiesThatCallDifferentCollectorsAreToldApartWithinMinutes(t *testing.T) {
	for n, slept := range []time.Duration{0, 20 * time.Minute, 3 * time.Hour, 3 * time.Hour, 70 * time.Hour} {
		t.Run(fmt.Sprint("the first slept ", slept), func(t *testing.T) {
			p := newPair(t)
			p.says(p.x, "first")
			p.passes(time.Minute, nil)
			p.says(p.y, "second")
			if n := p.passes(slept, map[string]*Copies{"second": p.y}); n != 0 {
				t.Fatalf("%d copies are noticed while the first one sleeps", n)
			}
			if n == 3 { // and the collector knows neither
				p.x = p.x.again(t, p.at)
			}
			noticed := p.passes(2*time.Minute, map[string]*Copies{"first": p.x, "second": p.y})
			if noticed != 1 || p.isTold("first") != [2]bool{} || p.isTold("second") != [2]bool{true, true} {
				t.Errorf("%d are noticed; the first is told %v, the second %v", noticed, p.isTold("first"), p.isTold("second"))
			}
			if noticed = p.passes(30*time.Minute, map[string]*Copies{"first": p.x, "second": p.y}); noticed != 0 {
				t.Errorf("%d are noticed again", noticed)
			}
			for _, c := range []*Copies{p.x, p.y} {
				if all := c.Copied(p.at)["laptop"]; all.Noticed != 1 || all.Waiting != 1 || all.Own != 0 {
					t.Errorf("a collector says %+v", all)
				}
			}
		})
	}
}

// TestACopyThatMovesToACollectorWhichHadItOnTheLineIsToldThere: the one told it, and the
// first never calls the other.
func TestACopyThatMovesToACollectorWhichHadItOnTheLineIsToldThere(t *testing.T) {
	p := newPair(t)
	p.says(p.x, "first")
	p.passes(10*time.Second, nil)
	p.says(p.y, "second")
	p.says(p.x, "second")
	p.at = p.at.Add(10 * time.Second)
	if n := p.says(p.x, "first"); n != 1 {
		t.Fatalf("%d copies are noticed", n)
	}
	p.passes(runsEvery, nil)
	if !p.y.told("laptop", "second", p.at) || !p.y.MaySplit("laptop", []byte("second"), [32]byte{1}) {
		t.Error("it is not told to split where it calls now")
	}
	p.passes(18*time.Minute, map[string]*Copies{"first": p.x, "second": p.y}) // the others know nothing newer
	p.y.HasSplit("laptop", []byte("second"))
	own := p.y.runs.(bothKeep).kept[[2]string{"laptop", "second"}] // which the store has from what came of it
	own.Own, own.KeyHash = true, append([]byte{1}, make([]byte, 31)...)
	p.y.runs.(bothKeep).kept[[2]string{"laptop", "second"}] = own
	p.passes(2*runsEvery, nil)
	for name, c := range map[string]*Copies{"which told it": p.x, "where it split": p.y} {
		if all := c.Copied(p.at)["laptop"]; all.Noticed != 1 || all.Own != 1 || all.Waiting != 0 {
			t.Errorf("the collector %s says %+v", name, all)
		}
		if c.MaySplit("laptop", []byte("second"), [32]byte{2}) {
			t.Errorf("the collector %s lets it have another device", name)
		}
	}
}

// TestEachCollectorCountsWhatTheOthersNoticed, once: also of a device that never called
// it, also one that was started meanwhile.
func TestEachCollectorCountsWhatTheOthersNoticed(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		p := newPair(t)
		for _, i := range []string{"a", "b", "c"} {
			p.says(p.x, i)
			p.at = p.at.Add(settle)
		}
		p.says(p.x, "a")
		p.passes(10*time.Second, nil)
		if restarted {
			p.y = p.y.again(t, p.at)
		}
		p.passes(20*time.Minute, map[string]*Copies{"a": p.x})
		for _, c := range []*Copies{p.x, p.y} {
			if all := c.Copied(p.at)["laptop"]; all.Noticed != 2 || all.Waiting != 2 || !all.First.Equal(p.x.of("laptop").First) {
				t.Errorf("restarted %t: a collector says %+v, want 2", restarted, all)
			}
		}
	}
}

// TestACopyThatSleepsWhenItIsToldIsCountedOnce by each.
func TestACopyThatSleepsWhenItIsToldIsCountedOnce(t *testing.T) {
	p := newPair(t)
	p.says(p.x, "first")
	p.says(p.x, "second")
	p.passes(2*time.Hour, nil)
	if n := p.says(p.x, "first"); n != 1 {
		t.Fatalf("%d copies are noticed", n)
	}
	p.passes(runsEvery, nil)
	p.says(p.x, "third") // and what slept long ago is left to the store
	p.says(p.y, "fourth")
	p.passes(2*runsEvery, nil)
	for name, c := range map[string]*Copies{"which told it": p.x, "the other": p.y} {
		if all := c.Copied(p.at)["laptop"]; all.Noticed != 1 {
			t.Errorf("the collector %s says %+v", name, all)
		}
	}
}

// TestALaptopThatIsStartedAgainAndCallsAnotherCollectorIsNoCopy: whatever their clocks
// say, up to some minutes.
func TestALaptopThatIsStartedAgainAndCallsAnotherCollectorIsNoCopy(t *testing.T) {
	for _, wrong := range []time.Duration{0, 4 * time.Minute, -4 * time.Minute} {
		t.Run(wrong.String(), func(t *testing.T) {
			p := newPair(t)
			p.y = p.collector(p.x.runs, wrong)
			for i := range 20 {
				to := []*Copies{p.x, p.y}[i%2]
				run := fmt.Sprint("run ", i)
				if n := p.says(to, run) + p.passes(time.Duration(i+1)*time.Minute/2, map[string]*Copies{run: to}); n != 0 {
					t.Fatalf("run %d proves %d copies", i, n)
				}
			}
			if len(p.x.Copied(p.at)) != 0 || len(p.y.Copied(p.at)) != 0 {
				t.Errorf("they say %+v and %+v", p.x.Copied(p.at), p.y.Copied(p.at))
			}
		})
	}
}

// TestWhatACollectorReadsLateMakesNoCopy: it stood still while a laptop was started again
// elsewhere, and then reads what the run before had sent.
func TestWhatACollectorReadsLateMakesNoCopy(t *testing.T) {
	p := newPair(t)
	p.says(p.x, "before")
	p.passes(time.Minute, map[string]*Copies{"before": p.x})
	p.says(p.y, "after")
	p.must(p.y.save(t.Context()))
	p.at = p.at.Add(2 * time.Minute)
	p.must(p.x.meet(t.Context()))
	if n := p.says(p.x, "before"); n != 0 || p.isTold("after") != [2]bool{} {
		t.Error("a restart is taken for a copy")
	}
}

// TestARunThatIsNewAfterTheClockWasSetBackIsNotTheFirst: what was known is, whatever its
// time was.
func TestARunThatIsNewAfterTheClockWasSetBackIsNotTheFirst(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		c := newCopies(kept{})
		c.saw(t.Context(), "laptop", "first", noon.AddDate(1, 0, 0))
		if restarted {
			c = c.again(t, noon)
		}
		noticed := 0
		for i, run := range []string{"second", "first", "second", "first"} {
			noticed += c.saw(t.Context(), "laptop", run, noon.Add(time.Duration(i)*time.Minute))
		}
		if noticed != 1 || c.told("laptop", "first", noon) || !c.told("laptop", "second", noon) {
			t.Errorf("restarted %t: %d noticed; told: first %t, second %t", restarted, noticed, c.told("laptop", "first", noon), c.told("laptop", "second", noon))
		}
	}
}

// TestACollectorThatEndsWritesDownWhatItHeard.
func TestACollectorThatEndsWritesDownWhatItHeard(t *testing.T) {
	p := newPair(t)
	p.says(p.x, "first")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.x.Run(ctx); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if _, known, _ := p.x.runs.DeviceRun(t.Context(), "school", "laptop", "first"); !known {
		t.Error("what it heard last is not written down")
	}
}

// TestCopiesBeyondWhatIsRememberedAreCountedOnce: taken in again each time that they are
// met, more would be told of than there are.
func TestCopiesBeyondWhatIsRememberedAreCountedOnce(t *testing.T) {
	p := newPair(t)
	meet := func() int {
		p.x.mu.Lock()
		defer p.x.mu.Unlock()
		for i := range maxRunning + 100 {
			p.x.met(model.Run{Device: "laptop", Instance: fmt.Sprint(i), Arrived: noon, Heard: p.at, Told: noon}, p.at)
		}
		return p.x.devices["laptop"].noticed
	}
	first := meet()
	p.at = p.at.Add(runsEvery)
	if again := meet(); first < maxRunning || again != first {
		t.Errorf("%d copies, and when they are met again %d", first, again)
	}
}

// TestACopyThatWasToldElsewhereIsCountedWhereItCalls before the two collectors have met:
// whoever reads either is told of as many.
func TestACopyThatWasToldElsewhereIsCountedWhereItCalls(t *testing.T) {
	p := newPair(t)
	p.says(p.x, "first")
	p.at = p.at.Add(time.Minute)
	p.says(p.x, "copy")
	p.at = p.at.Add(time.Minute)
	if n := p.says(p.x, "first"); n != 1 {
		t.Fatalf("%d copies are told, want 1", n)
	}
	p.says(p.y, "copy")
	if n := p.y.devices["laptop"].noticed; n != 1 {
		t.Errorf("%d copies where it calls next, want 1", n)
	}
	p.must(p.y.meet(t.Context()))
	if n := p.y.devices["laptop"].noticed; n != 1 {
		t.Errorf("%d copies once they have met, want 1", n)
	}
}
