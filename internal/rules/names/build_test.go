package names

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestATableIsTheSameWhateverTheOrder(t *testing.T) {
	const n = 5000
	all := slices.Collect(madeUp(0, n, 300))
	one, err := Build(listed(all...), n, testKey)
	if err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	two, err := Build(listed(all...), n, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("another order made other bytes")
	}
	key := testKey
	key[15]++
	three, err := Build(listed(all...), n, key)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(one[headerSize:], three[headerSize:]) {
		t.Error("another key made the same bytes")
	}
}

// TestATableIsTheSameOnEverySystem: the id is of all bytes. If it changes, tables
// in the field are no longer read, and the format's number must change.
func TestATableIsTheSameOnEverySystem(t *testing.T) {
	id := built(t, madeUp(0, 1000, 300), 1000).ID()
	if got, want := hex.EncodeToString(id[:]), "17a932800e93890e6c78c78fa94f6edb"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
}

// TestFewNamesAlwaysFindTheirSlots: with few names a first seed fails often.
func TestFewNamesAlwaysFindTheirSlots(t *testing.T) {
	again := 0
	for n := range 200 {
		for k := range 20 {
			key := [16]byte{byte(n), byte(k)}
			b, err := Build(madeUp(n*1000, n, 3), n, key)
			if err != nil {
				t.Fatalf("%d names: %v", n, err)
			}
			table, err := Open(b)
			if err != nil {
				t.Fatal(err)
			}
			if table.all.seed != 0 && table.all.seed != mix(uint64(n)|uint64(k)<<8)|1 {
				again++
			}
			for i := range n {
				if got := found(table, madeUpName(n*1000+i)); len(got) != 1 || got[0].Set != uint32((n*1000+i)%3) {
					t.Fatalf("%d names, key %d: name %d gives %v", n, k, i, got)
				}
			}
		}
	}
	if again == 0 {
		t.Error("no table took a second seed: that was not tried")
	}
	t.Logf("%d of 4,000 tables took a second seed", again)
}

func TestKeysThatNoSeedParts(t *testing.T) {
	f := plan(2)
	if err := new(peeler).peel(&f, []uint64{7, 7}, 0); !errors.Is(err, errPeel) {
		t.Errorf("got %v", err)
	}
	f = plan(1000)
	if err := new(peeler).peel(&f, make([]uint64, 1000), 0); !errors.Is(err, errPeel) {
		t.Errorf("a thousand keys in one slot: %v", err)
	}
}

func TestSetsBeyondTheCommonestAreKept(t *testing.T) {
	sets := []uint32{0, 1, 1<<32 - 1, 1 << 31, 70_000}
	for i := range 600 {
		sets = append(sets, uint32(1000*i+7))
	}
	var all []Entry
	for i := range 20_000 {
		all = append(all, Entry{madeUpName(i), sets[min(i%1000, len(sets)-1)]})
	}
	table := built(t, listed(all...), len(all))
	if table.few.segments == 0 {
		t.Fatal("no set is rare: that was not tried")
	}
	for _, e := range all {
		if got := found(table, e.Name); len(got) != 1 || got[0] != e {
			t.Fatalf("%v gives %v", e, got)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	a, b := Entry{"a.example", 1}, Entry{"b.example", 2}
	for what, one := range map[string]struct {
		entries []Entry
		n       int
		want    string
	}{
		"a name twice":             {[]Entry{a, b, a}, 3, `name "a.example" came twice`},
		"a name twice, other sets": {[]Entry{a, {"a.example", 9}}, 2, `name "a.example" came twice`},
		"a list that broke off":    {[]Entry{a, b}, 3, "2 names came of the 3"},
		"more than announced":      {[]Entry{a, b}, 1, "more than the 1 names"},
		"a bad name":               {[]Entry{a, {"B.example", 1}}, 2, `name 2, "B.example", has capital letters`},
		"a long name":              {[]Entry{{strings.Repeat("a.", 200) + "example", 1}}, 1, "is longer than 253 bytes"},
		"fewer than none":          {nil, -1, "0 to 16777216"},
		"too many":                 {nil, MaxNames + 1, "0 to 16777216"},
	} {
		out, err := Build(listed(one.entries...), one.n, testKey)
		if err == nil || !strings.Contains(err.Error(), one.want) || out != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestBuildTellsHowFarItIs(t *testing.T) {
	var told []int
	if _, err := Build(madeUp(0, 140_000, 9), 140_000, testKey, WithProgress(func(n int) { told = append(told, n) })); err != nil {
		t.Fatal(err)
	}
	if want := []int{65_536, 131_072, 140_000}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// TestBytesAName holds the size of a table, which depends on nothing but how
// many names there are.
func TestBytesAName(t *testing.T) {
	for _, n := range []int{1_000_000, 5_000_000, 10_000_000} {
		f := plan(n)
		l := lay(n, rareCode, f.slots(), 0)
		if a := float64(l.end) / float64(n); a > 6 {
			t.Errorf("%d names: %.2f bytes each", n, a)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, good := range []string{"a.b", "xn--bcher-kva.example", "_dmarc.example.com", "1.2.3.4", "3-0.info", "a." + strings.Repeat("b", 63), "0x10.com"} {
		if err := Check(good); err != nil {
			t.Errorf("%q %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "com", ".", "a.", ".a", "a..b", "A.b", "bücher.example", "a b.example", "a/b.example", "*.example.com", "a." + strings.Repeat("b", 64),
		"1.2.3", "1.2.3.4.5", "1.2.3.400", "example.123", "::1", "a.b\n", strings.Repeat("a.", 126) + "bc",
	} {
		if Check(bad) == nil {
			t.Errorf("%q is let through", bad)
		}
	}
}
