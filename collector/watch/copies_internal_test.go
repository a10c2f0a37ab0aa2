package watch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestAnAgentThatIsStartedAgainIsNoCopy(t *testing.T) {
	c := NewCopies()
	for i := range 300 { // and what is remembered is bounded
		at := noon.Add(time.Duration(i) * time.Minute)
		for range 3 {
			if n := c.saw("laptop", fmt.Sprint("run ", i), at); n != 0 {
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
	c := NewCopies()
	c.saw("laptop", "old", noon)
	c.saw("laptop", "new", noon.Add(time.Second))
	if n := c.saw("laptop", "old", noon.Add(3*time.Second)); n != 0 || c.told("laptop", "new") {
		t.Error("a restart is taken for a copy")
	}
}

func TestOfCopiesThatTakeTurnsTheLaterOnesSplitEachOnce(t *testing.T) {
	c := NewCopies()
	c.saw("laptop", "first", noon)
	c.saw("laptop", "second", noon.Add(time.Second))
	c.saw("laptop", "third", noon.Add(2*time.Second))
	if n := c.saw("laptop", "first", noon.Add(30*time.Second)); n != 2 {
		t.Errorf("%d copies are noticed, want 2", n)
	}
	if n := c.saw("laptop", "first", noon.Add(60*time.Second)); n != 0 {
		t.Error("copies are noticed again")
	}
	if c.told("laptop", "first") || !c.told("laptop", "second") || c.told("other", "second") {
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
	c, noticed, at := NewCopies(), 0, noon
	order := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		for _, i := range order.Perm(laptops) {
			noticed += c.saw("image", fmt.Sprint(i), at)
			at = at.Add(200 * time.Millisecond)
		}
	}
	told := 0
	for i := range laptops {
		if c.told("image", fmt.Sprint(i)) {
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
		c.saw("image", fmt.Sprint("made up ", i), at)
	}
	if n := len(c.devices["image"].runs); n > maxRunning {
		t.Errorf("%d runs are remembered, want at most %d", n, maxRunning)
	}
}
