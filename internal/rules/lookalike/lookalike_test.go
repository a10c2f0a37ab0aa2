package lookalike

import (
	"strings"
	"testing"
)

func TestNamesDrawnAlikeHaveOneSkeleton(t *testing.T) {
	for _, c := range [][2]string{
		{"modern.example", "rnodern.example"},
		{"wow.example", "vvovv.example"},
		{"bill.example", "b1ll.example"},
		{"bill.example", "bi11.example"},
		{"cool.example", "c00l.example"},
		{"bucher.example", "xn--bcher-kva.example"},
		{"apple.example", "xn--80ak6aa92e.example"},
	} {
		if Skeleton(c[0]) != Skeleton(c[1]) {
			t.Errorf("%s is %s, %s is %s", c[0], Skeleton(c[0]), c[1], Skeleton(c[1]))
		}
	}
	for _, c := range [][2]string{{"school.example", "schools.example"}, {"a.bc.example", "ab.c.example"}, {"cat.example", "cot.example"}} {
		if Skeleton(c[0]) == Skeleton(c[1]) {
			t.Errorf("%s and %s are taken for alike", c[0], c[1])
		}
	}
}

func TestAnOrdinaryHostCostsNoMemory(t *testing.T) {
	s := New([]string{"our-school.example", "bank.example"})
	if n := testing.AllocsPerRun(100, func() { s.Find("www.news.bbc.example") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a host is called, Find answers within it, and never with a name of
// the set or one beneath it.
func FuzzFind(f *testing.F) {
	s := New([]string{"our-school.example", "bank.example"})
	for _, host := range []string{"0ur-schooi.example", "a.b.xn--80ak6aa92e.example", "", ".", "xn--", "....", strings.Repeat("w.", 120) + "bank.example", strings.Repeat("m", 300)} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		i, start, ok := s.Find(host)
		if !ok {
			return
		}
		if i < 0 || i > 1 || start < 0 || start >= len(host) || strings.HasSuffix(host, s.names[i]) {
			t.Errorf("%q: %d at %d", host, i, start)
		}
	})
}
