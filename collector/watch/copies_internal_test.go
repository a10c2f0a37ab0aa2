package watch

import (
	"fmt"
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
	if n := len(c.devices["laptop"]); n > maxRunning {
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
