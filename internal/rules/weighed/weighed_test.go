package weighed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func table(t testing.TB, sums int, terms ...Term) *Table {
	t.Helper()
	raw, err := Build(sums, terms)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(raw, sums)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func (t *Table) numbers(text string) (out []uint32) {
	for w := range strings.FieldsSeq(text) {
		out = append(out, t.Number([]byte(w)))
	}
	return out
}

func (t *Table) find(text string) []Found { return t.Weigh(new(Scratch), t.numbers(text), Enough, nil) }

var some = []Term{
	{0, []string{"sleep"}, 30},
	{0, []string{"sleep", "forever"}, 50},
	{0, []string{"tonight"}, 25},
	{0, []string{"homework"}, -60},
	{1, []string{"tonight"}, 60},
	{1, []string{"buy"}, 40},
}

func TestASumThatIsReachedIsFoundAndNoOther(t *testing.T) {
	tb := table(t, 2, some...)
	for text, want := range map[string][]int{
		"i want to sleep forever tonight":      {0},
		"forever sleep tonight":                nil, // side by side, in their order
		"sleep forever":                        nil, // 80
		"sleep forever tonight after homework": nil,
		"sleep forever and buy tonight":        {0, 1},
		"tonight tonight tonight":              nil, // a word counts once
		"sleep forever sleep forever":          nil,
		"":                                     nil,
		"sleep " + strings.Repeat("word ", 14) + "tonight buy": {1},
	} {
		var got []int
		for _, f := range tb.find(text) {
			got = append(got, f.Sum)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: sums %v, want %v", text, got, want)
		}
	}
}

// What stands far apart says nothing together: an essay is not a search.
func TestWordsCountWithinAWindow(t *testing.T) {
	tb := table(t, 2, some...)
	far := "buy " + strings.Repeat("word ", Window) + "tonight"
	if got := tb.find(far); got != nil {
		t.Errorf("%q: %v", far, got)
	}
	for before := range 3 * Window { // wherever it begins, near words are within one stretch
		text := strings.Repeat("word ", before) + "buy it later tonight" + strings.Repeat(" word", 40)
		got := tb.find(text)
		if len(got) == 0 || slices.ContainsFunc(got, func(f Found) bool { return f.Sum != 1 || f.From > before || f.To < before+4 }) {
			t.Errorf("after %d words: %v", before, got)
		}
	}
}

func TestALongerTextAsksForMore(t *testing.T) {
	for words, want := range map[int]int{0: 100, 1: 100, 10: 100, 15: 130, 20: 160, 30: 190, 40: 220, 1280: 520} {
		if got := Longer(Enough, words); got != want {
			t.Errorf("%d words: %d points are enough, want %d", words, got, want)
		}
	}
	last := 0
	for words := range 5000 {
		if n := Longer(65, words); n < last {
			t.Fatalf("%d words ask for less than one fewer", words)
		} else {
			last = n
		}
	}
}

func TestTheTermsOfASumComeToIt(t *testing.T) {
	tb := table(t, 2, some...)
	text := "i sleep forever tonight do homework never buy sleep forever now"
	words := tb.numbers(strings.Replace(text, "homework", "it", 1))
	found := tb.Weigh(new(Scratch), words, Enough, nil)
	if len(found) != 2 {
		t.Fatalf("found %v", found)
	}
	var told []string
	sum, counted := 0, map[string]bool{}
	tb.Parts(new(Scratch), words, found[0], func(from, n, points int) {
		told = append(told, fmt.Sprint(from, n, points))
		if term := fmt.Sprint(words[from : from+n]); !counted[term] {
			counted[term] = true
			sum += points
		}
	})
	if got := strings.Join(told, ","); got != "1 1 30,1 2 50,3 1 25,8 1 30,8 2 50" || sum != found[0].Points || sum != 105 {
		t.Errorf("terms %s come to %d", got, sum)
	}
}

func TestTheSameTermsGiveTheSameBytes(t *testing.T) {
	a, _ := Build(2, some)
	other := slices.Clone(some)
	slices.Reverse(other)
	b, _ := Build(2, other)
	if !bytes.Equal(a, b) {
		t.Error("the order of terms shows")
	}
}

func TestATermThatIsNoneIsRefused(t *testing.T) {
	for want, terms := range map[string][]Term{
		"adds to sum 2 of 2":      {{2, []string{"a"}, 5}},
		"want one word or two":    {{0, []string{"a", "b", "c"}, 5}},
		"has 0 points":            {{0, []string{"a"}, 0}},
		"has 91 points":           {{0, []string{"a"}, MaxPoints + 1}},
		"has -91 points":          {{0, []string{"a"}, -MaxPoints - 1}},
		`["a"] stands twice`:      {{0, []string{"a"}, 5}, {1, []string{"a"}, 5}, {0, []string{"a"}, 6}},
		`["" "b"]: want one word`: {{0, []string{"", "b"}, 5}},
	} {
		if _, err := Build(2, terms); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	if _, err := Build(MaxSums+1, nil); err == nil {
		t.Error("too many sums are taken")
	}
}

func TestDamagedTablesAreRefused(t *testing.T) {
	raw, err := Build(2, some)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(raw, 3); err == nil {
		t.Error("a table for two sums opens for three")
	}
	if _, err := Open(raw[:len(raw)-1], 2); err == nil {
		t.Error("a table cut short opens")
	}
	full := slices.Clone(raw)
	ends := func(section int) int { return int(binary.LittleEndian.Uint32(full[12+4*section:])) + 12 + 4*sections }
	for at := ends(aloneSection); at < ends(pairSection); at += pairSize {
		binary.LittleEndian.PutUint32(full[at+12:], 1) // a search would never end
	}
	if _, err := Open(full, 2); err == nil || !strings.Contains(err.Error(), "no slot for pairs is free") {
		t.Errorf("a table of pairs without an end: %v", err)
	}
}

func TestTenfoldTextIsWeighedInAtMostTwelvefoldSteps(t *testing.T) {
	tb := table(t, 2, some...)
	steps := func(n int) int {
		s := new(Scratch)
		tb.Weigh(s, tb.numbers(strings.Repeat("sleep forever buy tonight word ", n)), Enough, nil)
		return s.Steps()
	}
	if small, large := steps(100), steps(1000); large > 12*small || small < 500 {
		t.Errorf("%d steps, ten times of it %d", small, large)
	}
}

func FuzzOpen(f *testing.F) {
	raw, err := Build(2, some)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, "sleep forever tonight")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		tb, err := Open(raw, 2)
		if err != nil {
			return
		}
		words := tb.numbers(text)
		for _, found := range tb.Weigh(new(Scratch), words, Enough, nil) {
			if found.Sum >= 2 || found.From > found.To || found.To > len(words) {
				t.Fatalf("found %v of %d words", found, len(words))
			}
			tb.Parts(new(Scratch), words, found, func(from, n, _ int) {
				if from < 0 || from+n > len(words) {
					t.Errorf("words %d to %d of %d", from, from+n, len(words))
				}
			})
		}
	})
}
