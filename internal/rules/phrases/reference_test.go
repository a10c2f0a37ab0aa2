package phrases

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// found is a hit without how it was read.
type found struct {
	ref        uint32
	start, end int
}

// reference finds phrases in the plain reading of a text in the most obvious
// way: every phrase at every word.
type reference struct {
	list      []Phrase
	vocab     map[string]bool
	spellings [][2][]string
}

func newReference(list []Phrase, spellings []Spelling) *reference {
	r := &reference{list: list, vocab: map[string]bool{}}
	for _, p := range spellings {
		for _, w := range new(Scratch).wordsOf(p.Typed + " " + p.Meant) {
			r.vocab[w] = true
		}
		r.spellings = append(r.spellings, [2][]string{new(Scratch).wordsOf(p.Typed), new(Scratch).wordsOf(p.Meant)})
	}
	for _, p := range list {
		if p.Part {
			continue
		}
		for _, text := range append(slices.Concat(p.All...), p.Text) {
			words, _ := elementTokens(new(Scratch), text)
			for _, w := range words {
				r.vocab[w] = true
			}
		}
	}
	return r
}

// plain gives what Plain should find. Groups are left out where a stretched
// word stands, which may be several words at once.
func (r *reference) plain(text string) (out []found, groups bool) {
	s := new(Scratch)
	s.reset(text)
	s.read(text, 0)
	return r.in(s, true)
}

// usual gives what Search should find besides in the usual spelling of words.
func (r *reference) usual(text string) (out []found) {
	s := new(Scratch)
	s.reset(text)
	s.read(text, 0)
	if r.respell(s) {
		out, _ = r.in(s, false)
	}
	return out
}

// respell puts words in their usual spelling.
func (r *reference) respell(s *Scratch) (some bool) {
	var words []word
	for _, w := range s.words {
		i := slices.IndexFunc(r.spellings, func(p [2][]string) bool { return p[0][0] == string(s.bytes(w)) })
		if i < 0 {
			words = append(words, w)
			continue
		}
		some = true
		for _, meant := range r.spellings[i][1] {
			w.from = uint32(len(s.buf))
			s.buf = append(s.buf, meant...)
			w.to = uint32(len(s.buf))
			words = append(words, w)
		}
	}
	s.words = words
	return some
}

// in gives what should be found in words, and in parts of them.
func (r *reference) in(s *Scratch, parts bool) (out []found, groups bool) {
	groups = true
	for _, w := range s.words {
		groups = groups && !stretched(s.bytes(w))
	}
	for _, p := range r.list {
		switch {
		case p.Part && !parts:
		case p.Part:
			out = append(out, r.parts(s, p)...)
		case len(p.All) == 0:
			for _, at := range r.places(s, p.Text) {
				out = append(out, found{p.Ref, int(s.words[at[0]].start), int(s.words[at[1]].end)})
			}
		case groups:
			out = append(out, r.group(s, p)...)
		}
	}
	return tidy(out), groups
}

func tidy(out []found) []found {
	slices.SortFunc(out, func(a, b found) int {
		return slices.Compare([]int{int(a.ref), a.start, a.end}, []int{int(b.ref), b.start, b.end})
	})
	return slices.Compact(out)
}

// places gives the first and last word of each place a phrase stands.
func (r *reference) places(s *Scratch, text string) (out [][2]int) {
	want, _ := elementTokens(new(Scratch), text)
	for i := 0; i+len(want) <= len(s.words); i++ {
		same := true
		for k, w := range want {
			same = same && r.same(s.bytes(s.words[i+k]), w)
		}
		if same {
			out = append(out, [2]int{i, i + len(want) - 1})
		}
	}
	return out
}

func (r *reference) same(text []byte, want string) bool {
	return string(text) == want || !r.vocab[string(text)] && stretched(text) && squeezed(text, []byte(want))
}

func (r *reference) group(s *Scratch, p Phrase) (out []found) {
	places := make([][][2]int, len(p.All))
	for i, choice := range p.All {
		for _, text := range choice {
			places[i] = append(places[i], r.places(s, text)...)
		}
	}
	var try func(chosen [][2]int)
	best := map[[2]int]int{} // by the last element: where the shortest begins
	try = func(chosen [][2]int) {
		if len(chosen) < len(p.All) {
			for _, at := range places[len(chosen)] {
				if n := len(chosen); !p.Ordered || n == 0 || chosen[n-1][1] < at[0] {
					try(append(slices.Clone(chosen), at))
				}
			}
			return
		}
		first, last := chosen[0], chosen[0]
		for _, at := range chosen {
			if at[0] < first[0] {
				first = at
			}
			if at[0] > last[0] {
				last = at
			}
		}
		if last[0]-first[1]-1 > p.Within {
			return
		}
		if p.HeadOnly {
			out = append(out, found{p.Ref, int(s.words[chosen[0][0]].start), int(s.words[chosen[0][1]].end)})
			return
		}
		if at, ok := best[last]; !ok || first[0] > at {
			best[last] = first[0]
		}
	}
	try(nil)
	for last, first := range best {
		out = append(out, found{p.Ref, int(s.words[first].start), int(s.words[last[1]].end)})
	}
	return out
}

func (r *reference) parts(s *Scratch, p Phrase) (out []found) {
	words, _ := tokens(new(Scratch), p.Text)
	for _, w := range s.words {
		b := string(s.bytes(w))
		for i := range len(b) {
			if strings.HasPrefix(b[i:], words[0]) {
				start, end := s.where(w, i, i+len(words[0]))
				out = append(out, found{p.Ref, start, end})
			}
		}
	}
	return out
}

// where reads ever longer pieces of a word until they fold to its first bytes.
func (s *Scratch) where(w word, from, to int) (start, end int) {
	if w.how == 0 && w.to-w.from == w.end-w.start {
		return int(w.start) + from, int(w.start) + to
	}
	again := new(Scratch)
	again.reset(s.text)
	again.scan = scan{text: s.text, tracing: true}
	again.span(int(w.start), int(w.end))
	start = int(again.trace[from])
	end = int(again.trace[to-1])
	_, size := utf8.DecodeRuneInString(s.text[end:])
	return start, end + size
}

// quickIsSlow holds reading eight letters at a time to reading one at a time.
func quickIsSlow(t *testing.T, text string) {
	t.Helper()
	for _, one := range []byte{0, 'i', 'l'} {
		quick, slow := new(Scratch), new(Scratch)
		quick.reset(text)
		quick.read(text, one)
		slow.reset(text)
		slow.scan = scan{text: text, one: one, tracing: true}
		slow.span(0, len(text))
		a, b := quick.shown(), slow.shown()
		if !slices.Equal(a, b) || quick.sawLeet != slow.sawLeet || quick.sawOne != slow.sawOne || quick.mayJoin != slow.mayJoin {
			t.Fatalf("%q is read as %v, letter by letter as %v", text, a, b)
		}
	}
}

func (s *Scratch) shown() (out []string) {
	for _, w := range s.words {
		out = append(out, fmt.Sprint(string(s.bytes(w)), w.start, w.end, w.how, w.glued))
	}
	return out
}

// agree holds Plain to the reference, and every hit of Search to what any hit
// must be.
func agree(t *testing.T, list []Phrase, table *Table, spellings []Spelling, text string) {
	t.Helper()
	s := new(Scratch)
	quickIsSlow(t, text)
	want, groups := newReference(list, spellings).plain(text)
	isGroup := map[uint32]bool{}
	for _, p := range list {
		isGroup[p.Ref] = len(p.All) > 0
	}
	var got []found
	for _, h := range table.Plain(s, text) {
		if groups || !isGroup[h.Ref] {
			got = append(got, found{h.Ref, h.Start, h.End})
		}
	}
	n := len(got)
	if got = tidy(got); len(got) != n {
		t.Fatalf("%q: a hit is told twice: %v", text, got)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q in %+v: found %v, want %v", text, list, got, want)
	}
	everywhere := map[found]bool{}
	for _, h := range table.Search(s, text) {
		if h.Start < 0 || h.Start >= h.End || h.End > len(text) {
			t.Fatalf("%q: span %d-%d", text, h.Start, h.End)
		}
		if utf8.ValidString(text) && !utf8.ValidString(text[h.Start:h.End]) {
			t.Fatalf("%q: %q cuts a letter in two", text, text[h.Start:h.End])
		}
		if (h.How == 0) != (s.ReadAs(h) == "") || (h.How == 0) != (len(h.How.Words()) == 0) {
			t.Fatalf("%q: read as %q by %v", text, s.ReadAs(h), h.How.Words())
		}
		everywhere[found{h.Ref, h.Start, h.End}] = true
	}
	if groups {
		got = append(got, newReference(list, spellings).usual(text)...)
	}
	for _, f := range got {
		if !everywhere[f] {
			t.Fatalf("%q: Search misses %v", text, f)
		}
	}
}
