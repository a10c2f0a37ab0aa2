package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// keeping is a Keeper on a made-up device, and what it did.
type keeping struct {
	parts KeeperParts

	mu     sync.Mutex // guards everything declared below
	done   []string
	at     []time.Time
	ready  bool
	fail   error
	failed []error
}

func (k *keeping) set(ready bool, fail error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ready, k.fail = ready, fail
}

// counts says how many checks were made, and how many failed.
func (k *keeping) counts() (done, failed int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.done), len(k.failed)
}

func newKeeping(dir string, draw func() float64) *keeping {
	k := &keeping{ready: true}
	k.parts = KeeperParts{
		File: filepath.Join(dir, "selfcheck.json"), Now: time.Now, Rand: draw,
		Ready: func() bool {
			k.mu.Lock()
			defer k.mu.Unlock()
			return k.ready
		},
		Do: func(_ context.Context, cause Cause, request string) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.fail == nil {
				k.done, k.at = append(k.done, strings.TrimSuffix(string(cause)+" "+request, " ")), append(k.at, time.Now())
			}
			return k.fail
		},
		Failed: func(_ context.Context, err error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.failed = append(k.failed, err)
		},
	}
	return k
}

// runs has the keeper run for so long.
func (k *keeping) runs(t *testing.T, long time.Duration, during func(*Keeper)) {
	t.Helper()
	keeper := NewKeeper(k.parts)
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- keeper.Run(ctx) }()
	if during != nil {
		during(keeper)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func half() float64 { return 0.5 }

func TestANewDeviceIsCheckedWithinMinutesAndThenInEachWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draws := 0
		k := newKeeping(t.TempDir(), func() float64 { draws++; return float64(draws%10) / 10 })
		began := time.Now()
		k.runs(t, 8*7*24*time.Hour, nil)
		if first := k.at[0].Sub(began); first > 5*time.Minute {
			t.Errorf("the first check came after %s", first)
		}
		for i := 1; i < len(k.at); i++ {
			if gap := k.at[i].Sub(k.at[i-1]); gap < 6*24*time.Hour || gap > 7*24*time.Hour+maxWait {
				t.Errorf("check %d came %s after the one before", i, gap)
			}
		}
		if len(k.at) < 8 {
			t.Errorf("%d checks in 8 weeks", len(k.at))
		}
	})
}

func TestARestartMakesNoCheckOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := newKeeping(dir, half)
		for range 10 {
			k.runs(t, time.Hour, nil)
		}
		if len(k.done) != 1 {
			t.Errorf("%d checks over ten restarts in a day, want one", len(k.done))
		}
		time.Sleep(8 * 24 * time.Hour) // switched off
		k.runs(t, time.Hour, nil)
		if len(k.done) != 2 {
			t.Errorf("%d checks after a week away, want a second", len(k.done))
		}
	})
}

// TestALaptopsSleepCountsTowardsItsWeek: times with a monotonic clock in them are
// compared by that one, which stands still meanwhile.
func TestALaptopsSleepCountsTowardsItsWeek(t *testing.T) {
	keeper := NewKeeper(newKeeping(t.TempDir(), half).parts)
	if now := keeper.now().String(); strings.Contains(now, " m=") {
		t.Errorf("a check is due by %s", now)
	}
}

func TestAClockPutBackUnderARunningAgentStopsNoCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeping(t.TempDir(), half)
		var back atomic.Int64
		k.parts.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
		k.runs(t, 9*24*time.Hour, func(*Keeper) {
			time.Sleep(time.Hour)
			if done, _ := k.counts(); done != 1 {
				t.Fatalf("%d checks in the first hour", done)
			}
			back.Store(int64(400 * 24 * time.Hour))
		})
		if len(k.done) < 2 {
			t.Errorf("%d checks in nine days", len(k.done))
		}
	})
}

func TestTheCollectorsRequestIsCarriedOutOnceAndWithinItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := newKeeping(dir, half)
		k.runs(t, time.Hour, nil) // the first, by itself
		asked := time.Now()
		k.runs(t, 2*time.Hour, func(keeper *Keeper) {
			for range 3 { // told again on each new stream
				must(t, keeper.Ask("request-1", 10*time.Minute))
				time.Sleep(20 * time.Minute)
			}
		})
		k.runs(t, time.Hour, func(keeper *Keeper) { must(t, keeper.Ask("request-1", time.Minute)) }) // and after a restart
		if len(k.done) != 2 || k.done[1] != "collector request-1" {
			t.Fatalf("did %q", k.done)
		}
		if took := k.at[1].Sub(asked); took != 5*time.Minute {
			t.Errorf("carried out after %s, want half of ten minutes as drawn", took)
		}
	})
}

func TestACheckWaitsForTheCollectorAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeping(t.TempDir(), half)
		k.set(false, nil)
		k.runs(t, 10*time.Hour, func(*Keeper) {
			time.Sleep(5 * time.Hour)
			if done, _ := k.counts(); done != 0 {
				t.Error("it checked although nobody would have taken the report")
			}
			k.set(true, errors.New("disk"))
			time.Sleep(time.Hour)
			if _, failed := k.counts(); failed == 0 {
				t.Error("a check that failed was not told of")
			}
			k.set(true, nil)
		})
		if len(k.done) != 1 {
			t.Errorf("%d checks once it could", len(k.done))
		}
	})
}

func TestAFileOfNonsenseOrAClockPutBackStopsNoCheck(t *testing.T) {
	for name, text := range map[string]string{
		"nonsense": "{{{", "nothing": "", "a year ahead": `{"last":"2101-01-01T00:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeeping(t.TempDir(), half)
				must(t, os.WriteFile(k.parts.File, []byte(text), 0o600))
				k.runs(t, time.Hour, nil)
				if len(k.done) != 1 {
					t.Errorf("%d checks", len(k.done))
				}
			})
		})
	}
}

func TestARequestWithoutAnIdIsRefused(t *testing.T) {
	k := NewKeeper(newKeeping(t.TempDir(), half).parts)
	for _, id := range []string{"", strings.Repeat("x", 65)} {
		if err := k.Ask(id, time.Minute); err == nil {
			t.Errorf("an id of %d bytes was taken", len(id))
		}
	}
	for range pendingChecks {
		must(t, k.Ask("r", time.Minute))
	}
	if err := k.Ask("r", time.Minute); err == nil {
		t.Error("more was taken than is carried out")
	}
}

// TestAThousandDevicesDoNotReportAtOnce draws for each as it draws for itself.
func TestAThousandDevicesDoNotReportAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const devices, spread = 1000, 400 * time.Second // as the collector chooses for so many
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex // guards slots and last
		slots, last := map[time.Duration]int{}, time.Duration(0)
		asked := time.Now()
		draw := rand.New(rand.NewPCG(7, 7)) // the same each time
		var running sync.WaitGroup
		for n := range devices {
			own := draw.Float64()
			k := NewKeeper(KeeperParts{
				File: filepath.Join(dir, fmt.Sprint(n)), Now: time.Now, Rand: func() float64 { return own }, Ready: func() bool { return true },
				Failed: func(_ context.Context, err error) { t.Error(err) },
				Do: func(_ context.Context, cause Cause, _ string) error {
					mu.Lock()
					defer mu.Unlock()
					at := time.Since(asked)
					slots[at/(10*time.Second)]++
					last = max(last, at)
					if cause != ByCollector {
						t.Errorf("a check by cause %s", cause)
					}
					return nil
				},
			})
			must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), fmt.Appendf(nil, `{"last":%q}`, asked.Format(time.RFC3339)), 0o600))
			k = NewKeeper(k.parts) // one that was checked today
			running.Go(func() { _ = k.Run(ctx) })
			must(t, k.Ask("request", spread))
		}
		time.Sleep(10 * time.Minute)
		cancel()
		running.Wait()
		all, most := 0, 0
		for _, n := range slots {
			all, most = all+n, max(most, n)
		}
		if all != devices || last > spread {
			t.Errorf("%d devices checked themselves, the last after %s; want all within %s", all, last, spread)
		}
		if most > 2*devices/40 { // forty times ten seconds
			t.Errorf("%d of them within the same ten seconds: they are not spread", most)
		}
	})
}
