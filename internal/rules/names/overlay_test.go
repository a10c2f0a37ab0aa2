package names

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func overlaid(t testing.TB, base *Table, adds []Entry, removes ...string) *Overlay {
	t.Helper()
	b, err := BuildOverlay(base, adds, removes)
	if err != nil {
		t.Fatal(err)
	}
	o, err := OpenOverlay(b)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnOverlayAddsChangesAndTakesAway(t *testing.T) {
	base := built(t, listed(Entry{"example.com", 1}, Entry{"b.example.com", 2}, Entry{"other.example", 3}), 3)
	table, err := base.With(overlaid(t, base, []Entry{{"new.example", 4}, {"a.b.example.com", 5}, {"other.example", 6}}, "b.example.com", "never.example"))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string][]Entry{
		"x.a.b.example.com": {{"a.b.example.com", 5}, {"example.com", 1}},
		"www.new.example":   {{"new.example", 4}},
		"other.example":     {{"other.example", 6}},
		"never.example":     nil,
	} {
		if got := found(table, host); !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", host, got, want)
		}
	}
	if got := found(base, "b.example.com"); len(got) != 2 {
		t.Errorf("the table beneath has changed: %v", got)
	}
	empty := built(t, listed(), 0)
	if table, err = empty.With(overlaid(t, empty, []Entry{{"new.example", 4}})); err != nil || len(found(table, "new.example")) != 1 {
		t.Errorf("over a table without names: %v", err)
	}
}

func TestAnOverlayIsRefusedByAnotherTable(t *testing.T) {
	base, other := built(t, madeUp(0, 100, 3), 100), built(t, madeUp(0, 101, 3), 101)
	o := overlaid(t, base, []Entry{{"new.example", 4}})
	if _, err := other.With(o); err == nil || !strings.Contains(err.Error(), "it is for table") {
		t.Errorf("got %v", err)
	}
	if _, err := MergeOverlays(o, overlaid(t, other, nil)); err == nil {
		t.Error("merged overlays of two tables")
	}
	if _, err := MergeOverlays(); err == nil {
		t.Error("merged nothing")
	}
}

// TestLaterChangesCount, as overlays one over the other and merged into one.
func TestLaterChangesCount(t *testing.T) {
	base := built(t, madeUp(0, 1000, 300), 1000)
	all := []*Overlay{
		overlaid(t, base, slices.Collect(madeUp(1000, 500, 400)), madeUpName(1), madeUpName(2), madeUpName(3)),
		overlaid(t, base, []Entry{{madeUpName(2), 77}, {madeUpName(1000), 78}}, madeUpName(1001), madeUpName(4)),
		overlaid(t, base, []Entry{{madeUpName(3), 79}, {madeUpName(1001), 80}}, madeUpName(1002)),
	}
	if all[0].bits != 16 || all[1].bits != 8 {
		t.Fatalf("codes of %d and %d bits: merging of different ones was not tried", all[0].bits, all[1].bits)
	}
	b, err := MergeOverlays(all...)
	if err != nil {
		t.Fatal(err)
	}
	one, err := OpenOverlay(b)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]int{1: -1, 2: 77, 3: 79, 4: -1, 5: 5, 1000: 78, 1001: 80, 1002: -1, 1003: 1003 % 400, 1600: -1}
	for what, over := range map[string][]*Overlay{"three": all, "merged": {one}} {
		table, err := base.With(over...)
		if err != nil {
			t.Fatal(err)
		}
		for i, set := range want {
			got := found(table, madeUpName(i))
			if set < 0 && len(got) != 0 || set >= 0 && (len(got) != 1 || got[0].Set != uint32(set)) {
				t.Errorf("%s: name %d gives %v, want set %d", what, i, got, set)
			}
		}
	}
	if one.Len() != 504 {
		t.Errorf("merged changes: %d", one.Len())
	}
	first, err := base.With(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if both, err := first.With(all[1]); err != nil || found(both, madeUpName(2))[0].Set != 77 || len(found(both, madeUpName(1))) != 0 {
		t.Errorf("laid over one after another: %v", err)
	}
}

// TestADayOfFiveThousandNamesIsUnder60KB: the size depends on counts alone.
func TestADayOfFiveThousandNamesIsUnder60KB(t *testing.T) {
	base := built(t, madeUp(0, 10, 3), 10)
	for sets, want := range map[int]int{60: 40 + 8*5000 + 4*60, 5000: 40 + 8*5000 + 4*5000} {
		b, err := BuildOverlay(base, slices.Collect(madeUp(10, 5000, sets)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != want || len(b) > 60<<10 {
			t.Errorf("%d sets: %d bytes, want %d", sets, len(b), want)
		}
	}
}

func TestAnOverlayIsTheSameWhateverTheOrder(t *testing.T) {
	base := built(t, madeUp(0, 10, 3), 10)
	adds := slices.Collect(madeUp(10, 500, 9))
	one, err := BuildOverlay(base, adds, []string{madeUpName(1), madeUpName(2)})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(adds)
	two, err := BuildOverlay(base, adds, []string{madeUpName(2), madeUpName(1)})
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("another order made other bytes: %v", err)
	}
}

func TestOverlaysRefuse(t *testing.T) {
	base := built(t, madeUp(0, 10, 3), 10)
	for want, one := range map[string]struct {
		adds    []Entry
		removes []string
	}{
		`name "a.example" came twice`: {[]Entry{{"a.example", 1}}, []string{"a.example"}},
		`name "a." has an empty`:      {nil, []string{"a."}},
		`name "com" has a single`:     {[]Entry{{"com", 1}}, nil},
	} {
		if _, err := BuildOverlay(base, one.adds, one.removes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	good, err := BuildOverlay(base, slices.Collect(madeUp(10, 30, 9)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := OpenOverlay(good[:n]); err == nil {
			t.Fatalf("opened %d of %d bytes", n, len(good))
		}
	}
	for what, change := range map[string]func(b []byte){
		"another file":     func(b []byte) { b[7] = 'X' },
		"a later format":   func(b []byte) { b[8]++ },
		"width":            func(b []byte) { b[36] = 9 },
		"changes":          func(b []byte) { b[12]++ },
		"order":            func(b []byte) { copy(b[40:48], b[48:56]) },
		"a set not listed": func(b []byte) { b[40] = 10 },
	} {
		b := slices.Clone(good)
		change(b)
		if _, err := OpenOverlay(b); err == nil {
			t.Errorf("%s: opened", what)
		}
	}
}
