package names

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryNameIsFoundWithItsSet(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 30, 100, 1000, 10_000, 100_000} {
		table := built(t, madeUp(0, n, 200), n)
		if table.Len() != n {
			t.Fatalf("%d names: Len is %d", n, table.Len())
		}
		for i := range n {
			name := madeUpName(i)
			if got := found(table, name); len(got) != 1 || got[0] != (Entry{name, uint32(i % 200)}) {
				t.Fatalf("%d names: %q gives %v", n, name, got)
			}
		}
		for i := n; i < n+1000; i++ {
			if got := found(table, madeUpName(i)); len(got) != 0 {
				t.Fatalf("%d names: %q, never listed, gives %v", n, madeUpName(i), got)
			}
		}
	}
}

func TestParentsAreFoundTheMostSpecificFirst(t *testing.T) {
	table := built(t, listed(Entry{"example.com", 1}, Entry{"b.example.com", 2}, Entry{"a.b.example.com", 3}, Entry{"t.co", 4}, Entry{"evil-example.com", 5}, Entry{"1.2.3.4", 6}), 6)
	for host, want := range map[string][]Entry{
		"x.a.b.example.com": {{"a.b.example.com", 3}, {"b.example.com", 2}, {"example.com", 1}},
		"b.example.com":     {{"b.example.com", 2}, {"example.com", 1}},
		"c.example.com":     {{"example.com", 1}},
		"t.co":              {{"t.co", 4}},
		"www.t.co":          {{"t.co", 4}},
		"evil-example.com":  {{"evil-example.com", 5}},
		"1.2.3.4":           {{"1.2.3.4", 6}},
		"9.1.2.3.4":         nil,
		"com":               nil,
		"":                  nil,
		"Example.com":       nil,
		"example.com.":      nil,
		".example.com":      {{"example.com", 1}},
		"..":                nil,

		strings.Repeat("a.", 100) + "example.com": {{"example.com", 1}},
		strings.Repeat("a.", 125) + "example.com": nil,
	} {
		if got := found(table, host); !slices.Equal(got, want) {
			t.Errorf("%q gives %v, want %v", host, got, want)
		}
	}
	var first int
	table.Each("b.example.com", func(int, uint32) bool { first++; return false })
	if first != 1 {
		t.Errorf("visited %d times after it had said enough", first)
	}
}
