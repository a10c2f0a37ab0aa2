package rate

import (
	"fmt"
	"testing"
	"time"
)

func newLimiter(most int) (*Limiter, *time.Time) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	return New(Limit{Burst: 3, Second: 0.5}, most, func() time.Time { return at }), &at
}

func TestABurstGoesThroughAndThenSoManyASecond(t *testing.T) {
	l, at := newLimiter(10)
	for n := range 3 {
		if wait := l.Take("a"); wait != 0 {
			t.Fatalf("number %d waits %s", n, wait)
		}
	}
	for range 100 { // asking in vain costs nothing
		if wait := l.Take("a"); wait != 2*time.Second {
			t.Fatalf("it waits %s, want 2s", wait)
		}
	}
	if l.Wait("b") != 0 || l.Take("b") != 0 {
		t.Error("somebody else waits too")
	}
	*at = at.Add(2 * time.Second)
	if l.Wait("a") != 0 || l.Take("a") != 0 || l.Take("a") == 0 {
		t.Error("after two seconds it may do other than one")
	}
	*at = at.Add(-time.Hour) // a clock that jumps back gives nothing
	if l.Take("a") == 0 {
		t.Error("a clock put back gave more")
	}
	*at = at.Add(24 * time.Hour)
	for range 3 {
		if l.Take("a") != 0 {
			t.Error("a day's rest does not give the burst back")
		}
	}
	if l.Take("a") == 0 {
		t.Error("a day's rest gives more than the burst")
	}
}

func TestEverNewNamesTakeNoMemoryAndForgetNoneWhoIsUsedUp(t *testing.T) {
	l, _ := newLimiter(8)
	for range 3 {
		l.Take("used up")
	}
	for n := range 10_000 {
		l.Take(fmt.Sprint("new", n))
		if len(l.left) > 8 {
			t.Fatalf("%d are remembered", len(l.left))
		}
	}
	if l.Take("used up") == 0 {
		t.Error("a flood of new names gave somebody a new allowance")
	}
}
