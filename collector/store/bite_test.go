package store

import (
	"testing"
	"time"
)

func TestGathererTakesNoMoreThanWhatHoldsEveryoneUpForAShortTime(t *testing.T) {
	for _, tc := range []struct {
		name  string
		each  time.Duration // what one event holds the connection for
		least int
		most  int
	}{
		{"quick", 2 * time.Microsecond, mostBite, mostBite},
		{"usual", 40 * time.Microsecond, 80, 100},
		{"slow", time.Millisecond, leastBite, leastBite},
		{"no clock", 0, mostBite, mostBite},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &bite{rows: firstBite}
			for range 20 {
				b.took(b.size(), time.Duration(b.size())*tc.each)
			}
			if got := b.size(); got < tc.least || got > tc.most {
				t.Errorf("it takes %d at a time, want %d to %d", got, tc.least, tc.most)
			}
		})
	}
}

func TestAFewQuickEventsSayNothingOfHowManyMayBeTaken(t *testing.T) {
	b := &bite{rows: 300}
	for range 20 {
		b.took(1, time.Millisecond)
	}
	if got := b.size(); got != 300 {
		t.Errorf("it takes %d at a time after single events, want 300 as before", got)
	}
	b.took(10, 40*time.Millisecond)
	if got := b.size(); got >= 300 {
		t.Errorf("it takes %d at a time after ten that held the connection for 40 ms, want fewer", got)
	}
}

func TestGatheringTakesABiteAtATime(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "amy")
	add(t, s, eventOf("dev-1", 1, "amy", 1), eventOf("dev-1", 2, "amy", 1), eventOf("dev-1", 3, "amy", 1))
	s.bite.rows = 2
	n, err := s.GatherOnce(t.Context(), school, noon, 100, (&jobs{}).insert)
	if err != nil || n != 2 {
		t.Errorf("gathered %d, %v: want the two that a bite has", n, err)
	}
}
