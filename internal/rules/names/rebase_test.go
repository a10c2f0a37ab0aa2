package names

import (
	"testing"
	"time"
)

func TestATableIsReplacedBySizeOrAge(t *testing.T) {
	const month = 30 * 24 * time.Hour
	for seed := range uint64(1000) {
		for what, one := range map[string]struct {
			base, changes int
			age           time.Duration
			want          bool
		}{
			"new":         {5_000_000, 0, 0, false},
			"two percent": {5_000_000, 100_000, time.Hour, false},
			"more":        {5_000_000, 110_001, time.Hour, true},
			"a month":     {5_000_000, 5000, month, false},
			"and a day":   {5_000_000, 5000, month + 25*time.Hour, true},
			"empty":       {0, 1, 0, true},
			"clock back":  {5_000_000, 0, -month, false},
		} {
			if got := ShouldRebase(one.base, one.changes, one.age, seed); got != one.want {
				t.Fatalf("%s, seed %d: %v", what, seed, got)
			}
		}
	}
}

// TestNotEveryDeviceFetchesAtOnce: in any tenth of the time about a tenth does.
func TestNotEveryDeviceFetchesAtOnce(t *testing.T) {
	const month = 30 * 24 * time.Hour
	var byAge, bySize, byDelay [10]int
	for seed := range uint64(10_000) {
		for i := range 10 {
			if ShouldRebase(5_000_000, 0, month+time.Duration(i+1)*24*time.Hour/10, seed) {
				byAge[i]++
			}
			if ShouldRebase(5_000_000, 100_000+(i+1)*1000, 0, seed) {
				bySize[i]++
			}
			if RebaseDelay(seed, time.Hour) < time.Duration(i+1)*time.Hour/10 {
				byDelay[i]++
			}
		}
	}
	for i := range 10 {
		for what, n := range map[string]int{"age": byAge[i], "size": bySize[i], "delay": byDelay[i]} {
			if want := (i + 1) * 1000; n < want-200 || n > want+200 {
				t.Errorf("by %s, after %d tenths: %d of 10,000 devices", what, i+1, n)
			}
		}
	}
	if d := RebaseDelay(1, -time.Hour); d != 0 {
		t.Errorf("a delay of %s", d)
	}
}
