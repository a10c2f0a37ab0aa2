package names

import (
	"math"
	"strconv"
	"sync"
	"testing"
)

// TestStrangersAreRarelyTakenForListed measures each stage by itself and
// together, for the whole rate is too small to be seen: one name in 90 passes the
// front, and each of the three bytes that must then agree does so once in 256
// times, whether or not the front let the name through and whether or not
// the other bytes agree. The whole is the product, 2^-30.5.
func TestStrangersAreRarelyTakenForListed(t *testing.T) {
	const n, strangers = 200_000, 1_000_000
	table := built(t, madeUp(0, n, 300), n)
	var through, lucky int
	var agree, both [3]int // bytes that agree; and the front lets it through
	var pairs [3]int       // bytes 0 and 1, 1 and 2, 2 and 0
	name := []byte("00000000.stranger.invalid")
	for i := range strangers {
		h := table.sip.hash(string(strconv.AppendInt(name[:0], int64(i), 36)) + ".stranger.invalid")
		front := table.front.lets(h)
		p0, p1, p2 := table.all.places(h)
		differ := table.slots.at(p0) ^ table.slots.at(p1) ^ table.slots.at(p2) ^ uint32(h)
		if front {
			through++
		}
		if _, ok := table.find(h); ok {
			lucky++
		}
		for b := range 3 {
			if differ>>(8*b)&0xff != 0 {
				continue
			}
			agree[b]++
			if front {
				both[b]++
			}
			if differ>>(8*((b+1)%3))&0xff == 0 {
				pairs[b]++
			}
		}
	}
	rate := float64(through) / strangers
	t.Logf("the front lets %.4f through", rate)
	if rate > 1./90 {
		t.Errorf("the front lets %.4f through, want at most one in 90", rate)
	}
	near := func(what string, got int, want float64) {
		t.Helper()
		if d := math.Abs(float64(got) - want); d > 5*math.Sqrt(want) {
			t.Errorf("%s: %d of %d, want about %.0f", what, got, strangers, want)
		}
	}
	for b := range 3 {
		near("a byte agrees", agree[b], strangers/256.)
		near("a byte agrees and the front lets it through", both[b], strangers*rate/256)
		near("two bytes agree", pairs[b], strangers/65536.)
	}
	if whole := rate / (1 << 24); whole > 1./(1<<28) || lucky > 0 {
		t.Errorf("one in 2^%.1f, and %d of %d", -math.Log2(whole), lucky, strangers)
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	base := built(t, madeUp(0, 1000, 300), 1000)
	table, err := base.With(overlaid(t, base, []Entry{{"new.example", 4}}, madeUpName(3)))
	if err != nil {
		t.Fatal(err)
	}
	deep := "new.example"
	for len(deep) < 240 {
		deep = "a." + deep
	}
	found := 0
	for _, host := range []string{"www." + madeUpName(1), madeUpName(3), "never.example", deep, "1.2.3.4", "", "com"} {
		if n := testing.AllocsPerRun(100, func() { table.Each(host, func(int, uint32) bool { found++; return true }) }); n != 0 {
			t.Errorf("%q: %v allocations", host, n)
		}
	}
	if found != 2*101 {
		t.Errorf("found %d", found)
	}
}

func TestManyMayLookUpAtOnce(t *testing.T) {
	base := built(t, madeUp(0, 1000, 300), 1000)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			table, err := base.With(overlaid(t, base, nil, madeUpName(0)))
			if err != nil {
				t.Error(err)
				return
			}
			for i := 1; i < 1000; i++ {
				if len(found(table, madeUpName(i))) != 1 {
					t.Errorf("name %d is not found", i)
				}
			}
		})
	}
	wait.Wait()
}
