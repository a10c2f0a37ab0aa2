package names

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestANameOnSeveralListsIsOneNameInTheirSet(t *testing.T) {
	const both = 7
	join := func(a, b uint32) uint32 {
		if a == b {
			t.Errorf("set %d was joined with itself", a)
		}
		return both
	}
	entries := []Entry{{"one.example", 1}, {"shared.example", 1}, {"twice.example", 1}, {"twice.example", 1}, {"shared.example", 2}, {"two.example", 2}}
	key := [16]byte{5}
	raw, err := BuildMerged(slices.Values(entries), join, key)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	if table.Len() != 4 {
		t.Errorf("%d names, want 4", table.Len())
	}
	for name, want := range map[string]uint32{"one.example": 1, "two.example": 2, "shared.example": both, "twice.example": 1} {
		got := uint32(99)
		table.Each(name, func(_ int, set uint32) bool { got = set; return false })
		if got != want {
			t.Errorf("%s is in set %d, want %d", name, got, want)
		}
	}
	slices.Reverse(entries)
	if again, err := BuildMerged(slices.Values(entries), join, key); err != nil || !bytes.Equal(raw, again) {
		t.Errorf("another order gives other bytes, %v", err)
	}
	merged := []Entry{{"one.example", 1}, {"two.example", 2}, {"shared.example", both}, {"twice.example", 1}}
	if same, err := Build(slices.Values(merged), len(merged), key); err != nil || !bytes.Equal(raw, same) {
		t.Errorf("it is not the table that Build makes, %v", err)
	}
}

func TestMoreNamesThanABlockHoldsAreAllThere(t *testing.T) {
	const n = 2*gatherBlock + 5
	name := func(i int) string {
		return strings.Repeat("x", 1+i%3) + string(rune('a'+i%26)) + "-" + strconv.Itoa(i) + ".example"
	}
	raw, err := BuildMerged(func(yield func(Entry) bool) {
		for i := range n {
			if !yield(Entry{name(i), uint32(i % 3)}) {
				return
			}
		}
	}, func(a, _ uint32) uint32 { return a }, [16]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		found := false
		table.Each(name(i), func(start int, set uint32) bool { found = start == 0 && set == uint32(i%3); return false })
		if !found {
			t.Fatalf("name %d is not there", i)
		}
	}
}

func TestATableOfNamesThatAreNoneIsRefused(t *testing.T) {
	_, err := BuildMerged(slices.Values([]Entry{{"good.example", 0}, {"Bad.example", 0}}), func(a, _ uint32) uint32 { return a }, [16]byte{})
	if err == nil || !strings.Contains(err.Error(), `name 2, "Bad.example"`) {
		t.Errorf("%v", err)
	}
}
