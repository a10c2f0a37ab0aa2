package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"safelight/collector/model"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// kept is a store, by device and instance.
type kept map[[2]string]model.Run

func (k kept) DeviceRun(_ context.Context, _ model.SchoolID, device, instance string) (model.Run, bool, error) {
	r, ok := k[[2]string{device, instance}]
	return r, ok, nil
}

func (k kept) ToldRuns(context.Context, model.SchoolID) ([]model.Run, error) {
	all := slices.SortedFunc(maps.Values(k), func(x, y model.Run) int { return x.Told.Compare(y.Told) })
	return slices.DeleteFunc(all, func(r model.Run) bool { return r.Told.IsZero() }), nil
}

func (k kept) SaveRuns(_ context.Context, _ model.SchoolID, runs []model.Run) error {
	for _, r := range runs {
		if was, ok := k[[2]string{r.Device, r.Instance}]; ok { // as the store does
			r.Own, r.KeyHash, r.Arrived = was.Own, was.KeyHash, was.Arrived
			if was.Heard.After(r.Heard) {
				r.Heard = was.Heard
			}
			if !was.Told.IsZero() {
				r.Told = was.Told
			}
		}
		k[[2]string{r.Device, r.Instance}] = r
	}
	return nil
}

func (k kept) ForgetRuns(context.Context, model.SchoolID, time.Time) error { return nil }

func (k kept) NewestRun(_ context.Context, _ model.SchoolID, device string) (newest time.Time, _ error) {
	for _, r := range k {
		for _, at := range []time.Time{r.Arrived, r.Heard} {
			if r.Device == device && at.After(newest) {
				newest = at
			}
		}
	}
	return newest, nil
}

func (k kept) RunsSince(_ context.Context, _ model.SchoolID, since time.Time) ([]model.Run, error) {
	all := slices.SortedFunc(maps.Values(k), func(x, y model.Run) int { return x.Told.Compare(y.Told) })
	return slices.DeleteFunc(all, func(r model.Run) bool { return !r.Heard.After(since) && !r.Told.After(since) }), nil
}

func (k kept) Shared() bool { return false }

func newCopies(runs Runs) *Copies {
	return NewCopies("school", runs, func() time.Time { return noon }, slog.New(slog.DiscardHandler))
}

// again is the collector's memory after it was started again at a time.
func (c *Copies) again(t *testing.T, now time.Time) *Copies {
	t.Helper()
	if err := c.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := NewCopies(c.school, c.runs, func() time.Time { return now }, c.log)
	if err := next.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return next
}

// TestALaptopThatSleptIsNotTakenForItsCopy: it keeps its identity, and with it what
// stands under its name, however long it slept and whatever the collector did meanwhile.
func TestALaptopThatSleptIsNotTakenForItsCopy(t *testing.T) {
	for name, asleep := range map[string]time.Duration{"an hour": runEnds + time.Minute, "a weekend": 64 * time.Hour, "Easter": 18 * 24 * time.Hour} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " restarted ", restarted), func(t *testing.T) {
				c, at := newCopies(kept{}), noon
				say := func(instance string) int { return c.saw(t.Context(), "laptop", instance, at) }
				say("original")
				at = at.Add(time.Minute)
				if restarted {
					c = c.again(t, at)
				} else if err := c.save(t.Context()); err != nil {
					t.Fatal(err)
				}
				for began := at; at.Sub(began) < asleep; at = at.Add(20 * time.Minute) {
					if n := say("copy"); n != 0 {
						t.Fatalf("%d copies while one of them sleeps", n)
					}
				}
				if restarted {
					c = c.again(t, at)
					say("copy")
				}
				at = at.Add(time.Minute)
				if n := say("original"); n != 1 {
					t.Errorf("%d copies when it woke, want one", n)
				}
				say("copy")
				if c.told("laptop", "original", at) || !c.told("laptop", "copy", at) {
					t.Error("the one that slept is told to become another device")
				}
			})
		}
	}
}

// failing is a store that cannot be asked for a while.
type failing struct {
	kept
	err error
}

func (f *failing) DeviceRun(ctx context.Context, school model.SchoolID, device, instance string) (model.Run, bool, error) {
	if f.err != nil {
		return model.Run{}, false, f.err
	}
	return f.kept.DeviceRun(ctx, school, device, instance)
}

// TestALaptopThatWokeWhileTheStoreCouldNotBeAskedIsNotTakenForItsCopy: also where its
// stream ended while the store was asked.
func TestALaptopThatWokeWhileTheStoreCouldNotBeAskedIsNotTakenForItsCopy(t *testing.T) {
	store := &failing{kept: kept{}}
	c, at := newCopies(store), noon
	say := func(instance string) { at = at.Add(time.Minute); c.saw(t.Context(), "laptop", instance, at) }
	say("original")
	if err := c.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	at = at.Add(runEnds)
	say("copy")
	store.err = errors.New("the database is away")
	say("original")
	store.err = nil
	say("copy")
	say("original")
	if c.told("laptop", "original", at) || !c.told("laptop", "copy", at) {
		t.Error("the one that was known first is told to become another device")
	}
}

// TestACopyThatSleptIsStillTheCopy.
func TestACopyThatSleptIsStillTheCopy(t *testing.T) {
	c := newCopies(kept{})
	c.saw(t.Context(), "laptop", "original", noon)
	c.saw(t.Context(), "laptop", "copy", noon.Add(time.Minute))
	c = c.again(t, noon.Add(2*time.Minute))
	late := noon.Add(30 * time.Hour)
	c.saw(t.Context(), "laptop", "original", late)
	c.saw(t.Context(), "laptop", "copy", late.Add(time.Minute))
	c.saw(t.Context(), "laptop", "original", late.Add(2*time.Minute))
	if c.told("laptop", "original", late) || !c.told("laptop", "copy", late) {
		t.Error("the wrong one is told to split")
	}
}

// TestARestartOfTheCollectorCountsNoCopyTwice, and forgets none that waits.
func TestARestartOfTheCollectorCountsNoCopyTwice(t *testing.T) {
	store := kept{}
	c, at := newCopies(store), noon
	say := func(instances ...string) (n int) {
		for _, i := range instances {
			at = at.Add(10 * time.Second)
			n += c.saw(t.Context(), "image", i, at)
		}
		return n
	}
	if n := say("a", "b", "c", "d", "a"); n != 3 {
		t.Fatalf("%d copies, want 3", n)
	}
	if !c.MaySplit("image", []byte("b"), [32]byte{1}) {
		t.Fatal("a copy may not split")
	}
	c.HasSplit("image", []byte("b"))
	before := c.Copied(at)["image"]
	if before.Noticed != 3 || before.Own != 1 || before.Waiting != 2 {
		t.Fatalf("before: %+v", before)
	}
	if err := c.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := store[[2]string{"image", "b"}] // which the store has from what came of it
	own.Own, own.KeyHash = true, append([]byte{1}, make([]byte, 31)...)
	store[[2]string{"image", "b"}] = own
	c = c.again(t, at)
	if n := say("c", "a", "d", "a", "c"); n != 0 {
		t.Errorf("%d copies are noticed again", n)
	}
	after := c.Copied(at)["image"]
	if after != before {
		t.Errorf("it says %+v after, %+v before", after, before)
	}
	if !c.told("image", "c", at) || !c.told("image", "d", at) || c.told("image", "a", at) {
		t.Error("those that wait are not told again")
	}
	if c.MaySplit("image", []byte("b"), [32]byte{2}) {
		t.Error("one that has a device of its own may have another")
	}
	if !c.MaySplit("image", []byte("b"), [32]byte{1}) {
		t.Error("it may not ask again, though its answer was lost")
	}
}

// TestWhileCopiesAreHeldNoneIsTold, and each is told again after.
func TestWhileCopiesAreHeldNoneIsTold(t *testing.T) {
	c := newCopies(kept{})
	c.saw(t.Context(), "laptop", "first", noon.Add(-time.Minute))
	c.saw(t.Context(), "laptop", "second", noon.Add(-30*time.Second))
	c.saw(t.Context(), "laptop", "first", noon)
	c.Held("laptop")
	if c.told("laptop", "second", noon.Add(heldFor-time.Second)) || !c.told("laptop", "second", noon.Add(heldFor)) {
		t.Error("a copy is told to split while none may, or is not told again")
	}
}

func TestAnAgentThatIsStartedAgainIsNoCopy(t *testing.T) {
	c := newCopies(kept{})
	for i := range 300 { // and what is remembered is bounded
		at := noon.Add(time.Duration(i) * time.Minute)
		for range 3 {
			if n := c.saw(t.Context(), "laptop", fmt.Sprint("run ", i), at); n != 0 {
				t.Fatalf("run %d proves %d copies", i, n)
			}
			at = at.Add(15 * time.Second)
		}
	}
	if n := len(c.devices["laptop"].runs); n > 62 {
		t.Errorf("%d runs are remembered", n)
	}
}

// What the old run sent last may be read after what the new one sent first.
func TestALateMessageOfTheOldRunMakesNoCopy(t *testing.T) {
	c := newCopies(kept{})
	c.saw(t.Context(), "laptop", "old", noon)
	c.saw(t.Context(), "laptop", "new", noon.Add(time.Second))
	if n := c.saw(t.Context(), "laptop", "old", noon.Add(3*time.Second)); n != 0 || c.told("laptop", "new", noon) {
		t.Error("a restart is taken for a copy")
	}
}

func TestOfCopiesThatTakeTurnsTheLaterOnesSplitEachOnce(t *testing.T) {
	c := newCopies(kept{})
	c.saw(t.Context(), "laptop", "first", noon)
	c.saw(t.Context(), "laptop", "second", noon.Add(time.Second))
	c.saw(t.Context(), "laptop", "third", noon.Add(2*time.Second))
	if n := c.saw(t.Context(), "laptop", "first", noon.Add(30*time.Second)); n != 2 {
		t.Errorf("%d copies are noticed, want 2", n)
	}
	if n := c.saw(t.Context(), "laptop", "first", noon.Add(60*time.Second)); n != 0 {
		t.Error("copies are noticed again")
	}
	if c.told("laptop", "first", noon) || !c.told("laptop", "second", noon) || c.told("other", "second", noon) {
		t.Error("the wrong one is told to split")
	}
	one, other := [32]byte{1}, [32]byte{2}
	if c.MaySplit("laptop", []byte("first"), one) || !c.MaySplit("laptop", []byte("third"), one) {
		t.Error("the wrong one may split")
	}
	if !c.MaySplit("laptop", []byte("third"), one) || c.MaySplit("laptop", []byte("third"), other) {
		t.Error("it may ask again with its key, and with no other")
	}
}

// TestAnImageOfAWholeSchoolIsToldApart: three hundred laptops that were given one
// identity, each calling now and then as it is let in, in no order.
func TestAnImageOfAWholeSchoolIsToldApart(t *testing.T) {
	const laptops = 300
	c, noticed, at := newCopies(kept{}), 0, noon
	order := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		for _, i := range order.Perm(laptops) {
			noticed += c.saw(t.Context(), "image", fmt.Sprint(i), at)
			at = at.Add(200 * time.Millisecond)
		}
	}
	told := 0
	for i := range laptops {
		if c.told("image", fmt.Sprint(i), at) {
			told++
			if i%2 == 0 {
				c.HasSplit("image", []byte(fmt.Sprint(i)))
				c.HasSplit("image", []byte(fmt.Sprint(i))) // its answer was lost, and it asked again
			}
		}
	}
	all := c.Copied(at)["image"]
	if told != laptops-1 || noticed != laptops-1 || all.Noticed != laptops-1 || !all.First.After(noon) {
		t.Errorf("%d are told, %d noticed, and it says %+v; want %d", told, noticed, all, laptops-1)
	}
	if all.Waiting < laptops/2-2 || all.Waiting > laptops/2 {
		t.Errorf("%d wait, want about half", all.Waiting)
	}
	if off := c.Copied(at.Add(runEnds + time.Minute))["image"]; off.Waiting != 0 || off.Noticed != laptops-1 || off.Own != laptops-1-all.Waiting {
		t.Errorf("the rest were switched off, and it says %+v: they became no devices of their own", off)
	}
	if len(c.Copied(at.Add(copiesShown+time.Hour))) != 0 {
		t.Error("it is shown for ever")
	}
	for i := range 5 * maxRunning { // a device that is up to no good
		c.saw(t.Context(), "image", fmt.Sprint("made up ", i), at)
	}
	if n := len(c.devices["image"].runs); n > maxRunning {
		t.Errorf("%d runs are remembered, want at most %d", n, maxRunning)
	}
}
