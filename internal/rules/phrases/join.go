package phrases

import (
	"slices"
	"unicode/utf8"
)

// join puts words back together that were pulled apart: s.e.l.f, su_ic_ide,
// s u i c i d e. It reports whether it changed anything, and notes in s.lone
// whether a row of letters begins or ends with one that is a word by itself; apart
// leaves those out of the rows.
func (s *Scratch) join(apart bool) bool {
	changed := false
	s.lone = false
	out := s.words[:0]
	for i := 0; i < len(s.words); {
		n := s.run(i)
		w, last := s.words[i], word{}
		before, after := s.loners(i, n)
		s.lone = s.lone || before+after > 0
		if apart && before > 0 {
			out = append(out, w)
			i, n, w = i+1, n-1, s.words[i+1]
		}
		if apart && after > 0 {
			n, last = n-1, s.words[i+n-1]
		}
		if n > 1 {
			changed = true
			w = s.merge(i, n)
		}
		out = append(out, w)
		i += n
		if last.to > 0 {
			out = append(out, last)
			i++
		}
	}
	s.words = out
	return changed
}

// loners says whether the first and the last of n words from i, a row of letters,
// are words by themselves: "i k i l l m y s e l f". Without them three letters are
// left at least.
func (s *Scratch) loners(i, n int) (before, after int) {
	if n <= minRow || slices.ContainsFunc(s.words[i:i+n], func(w word) bool { return !s.single(w) }) {
		return 0, 0
	}
	s.steps += n
	if s.loner(s.words[i]) {
		before = 1
	}
	if n-before > minRow && s.loner(s.words[i+n-1]) {
		after = 1
	}
	return before, after
}

// loner reports the letters that English has as words, a and I.
func (s *Scratch) loner(w word) bool {
	return w.to-w.from == 1 && (s.buf[w.from] == 'a' || s.buf[w.from] == 'i')
}

// minRow is how many single letters make a row: "i a" is two words.
const minRow = 3

// run counts the words from i that belong together: single letters with the
// same gap between all of them, or pieces with one sign and no space between.
func (s *Scratch) run(i int) int {
	n, gap := 1, ""
	for ; i+n < len(s.words); n++ {
		a, b := s.words[i+n-1], s.words[i+n]
		g := s.text[a.end:b.start]
		s.steps++
		if n > 1 && !s.equal(g, gap) {
			break
		}
		if !(s.single(a) && s.single(b)) && !isPieceGap(g) {
			break
		}
		gap = g
	}
	if n < minRow && !isPieceGap(gap) {
		return 1
	}
	return n
}

// single reports whether a word is one letter, and no whole word as it is where
// none has spaces around it.
func (s *Scratch) single(w word) bool {
	n := int(w.to - w.from)
	return n == 1 || n <= utf8.UTFMax && !w.glued && runeSize(s.buf[w.from]) == n
}

// runeSize gives how many bytes a rune has that begins with b.
func runeSize(b byte) int {
	switch {
	case b < 0xc0:
		return 1
	case b < 0xe0:
		return 2
	case b < 0xf0:
		return 3
	}
	return 4
}

func (s *Scratch) equal(a, b string) bool {
	s.steps += min(len(a), len(b))
	return a == b
}

func isPieceGap(g string) bool {
	switch g {
	case ".", "-", "_", "*", "~", "..", "__", "**":
		return true
	}
	return false
}

// merge makes one word of n words from i, at the end of buf.
func (s *Scratch) merge(i, n int) word {
	first, last := s.words[i], s.words[i+n-1]
	w := word{from: uint32(s.n), start: first.start, end: last.end, sight: sight{letters: true}}
	for _, part := range s.words[i : i+n] {
		s.n += copy(s.buf[s.n:], s.bytes(part))
		w.letters = w.letters && s.single(part)
		w.how |= part.how &^ Stretched // of the piece by itself
	}
	w.to = uint32(s.n)
	if w.letters {
		w.how |= s.leetRow(i, n, int(w.from))
	}
	s.steps += int(w.to - w.from)
	if w.letters {
		w.how |= SpelledOut
	} else {
		w.how |= PutTogether
	}
	return w
}

// stretched reports whether a letter stands three times or more in a row, which
// no ordinary word has.
func stretched(w []byte) bool {
	var last rune
	run := 0
	for i := 0; i < len(w); {
		r, size := next(w[i:])
		i += size
		if r != last {
			last, run = r, 1
			continue
		}
		if run++; run == 3 && r > '9' {
			return true
		}
	}
	return false
}

// squeezed compares two words without their doubled letters.
func squeezed(a, b []byte) bool {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		r, n := next(a[i:])
		q, m := next(b[j:])
		if r != q {
			return false
		}
		for i += n; i < len(a); i += n {
			if r, n = next(a[i:]); r != q {
				break
			}
		}
		for j += m; j < len(b); j += m {
			if r, m = next(b[j:]); r != q {
				break
			}
		}
	}
	return i == len(a) && j == len(b)
}

// squeezedHash hashes a word without its doubled letters.
func squeezedHash(w []byte) uint64 {
	var last rune
	h := uint64(prime1)
	for i := 0; i < len(w); {
		r, size := next(w[i:])
		i += size
		if r != last {
			h = mix(h, uint64(r))
			last = r
		}
	}
	return h
}

func next(w []byte) (rune, int) {
	if w[0] < utf8.RuneSelf {
		return rune(w[0]), 1
	}
	return utf8.DecodeRune(w)
}
