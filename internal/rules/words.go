package rules

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// word is a folded word and the span of the original text it was read from.
type word struct {
	from, to   int // in sentence.buf
	start, end int // in the original text
	compact    bool
}

// sentence is scratch for reading one text; the same one is used again and
// again, so that judging allocates next to nothing.
type sentence struct {
	buf   []byte
	words []word
	hits  []hit
	masks []mask // by category
	steps int    // looks into the trie: what a text costs
}

func (s *sentence) reset() { s.buf, s.words = s.buf[:0], s.words[:0] }

func (s *sentence) bytes(w word) []byte { return s.buf[w.from:w.to] }

// scan is one reading of a text into words.
type scan struct {
	*sentence
	text string
	// one is 0 for a plain reading, else what 1, ! and | stand for: the leet
	// readings, which see letters in digits and signs.
	one byte

	open           bool
	from           int
	start, end     int
	letter, latin  bool
	other, leetish bool
	sawLeet        bool // the text holds a word that a leet reading would change
	sawOne         bool // ... and differently for i and for l
}

// read splits text into folded words. Anything that is no letter, digit or
// mark ends a word.
func (s *scan) read() {
	s.reset()
	for i := 0; i < len(s.text); {
		r, size := rune(s.text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s.text[i:])
		}
		s.rune(r, i, i+size)
		i += size
	}
	s.close()
}

func (s *scan) rune(r rune, from, to int) {
	switch {
	case r >= 'a' && r <= 'z':
		s.add(from, to, byte(r))
		s.letter, s.latin = true, true
	case r >= 'A' && r <= 'Z':
		s.add(from, to, byte(r)+'a'-'A')
		s.letter, s.latin = true, true
	case leet(r, 'i') != 0 && (r < utf8.RuneSelf || r == '€'):
		s.leetRune(r, from, to)
	case r >= '0' && r <= '9':
		s.add(from, to, byte(r))
	case isApostrophe(r) || isJoiner(r):
		if s.open {
			s.end = to
		}
	case r < utf8.RuneSelf:
		s.close()
	default:
		s.wide(r, from, to)
	}
}

// leetRune handles digits and signs that may stand for letters.
func (s *scan) leetRune(r rune, from, to int) {
	digit := r >= '0' && r <= '9'
	if !digit && !s.signInWord(r, to) {
		s.close()
		return
	}
	s.sawOne = s.sawOne || r == '1' || r == '!' || r == '|'
	switch {
	case s.one != 0:
		s.add(from, to, leet(r, s.one))
	case digit:
		s.add(from, to, byte(r))
	default:
		s.sawLeet = true
		s.close()
		return
	}
	s.leetish = true
}

// signInWord reports whether a sign stands where a letter would: inside a
// word, or for @ and $ also at its beginning or end.
func (s *scan) signInWord(r rune, next int) bool {
	var after byte
	if next < len(s.text) {
		after = s.text[next] | 0x20
	}
	switch r {
	case '@', '$', '€':
		return isWordByte(after) || s.open && (after == '$'|0x20 || r == '$')
	}
	return s.open && isWordByte(after)
}

// wide handles a rune outside ASCII.
func (s *scan) wide(r rune, from, to int) {
	if f := folds()[r]; f != "" {
		for i := range len(f) {
			s.add(from, to, f[i])
			s.letter = s.letter || f[i] > '9'
		}
		s.latin = true
		return
	}
	if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) || r == utf8.RuneError {
		s.close()
		return
	}
	s.begin(from)
	s.end = to
	s.buf = utf8.AppendRune(s.buf, unicode.ToLower(r))
	s.letter, s.other = true, true
}

func (s *scan) begin(from int) {
	if !s.open {
		s.open, s.start, s.from = true, from, len(s.buf)
		s.letter, s.latin, s.other, s.leetish = false, false, false, false
	}
}

func (s *scan) add(from, to int, b byte) {
	s.begin(from)
	s.buf = append(s.buf, b)
	s.end = to
}

// close ends the word that is being read, if one is.
func (s *scan) close() {
	if !s.open {
		return
	}
	s.open = false
	if s.latin && s.other {
		s.mixed()
	}
	if s.leetish && !s.letter && s.one != 0 {
		s.digits()
	}
	s.sawLeet = s.sawLeet || s.leetish && s.letter
	if len(s.buf) > s.from {
		s.words = append(s.words, word{from: s.from, to: len(s.buf), start: s.start, end: s.end})
	}
}

// mixed reads the look-alikes in a word that also has Latin letters.
func (s *scan) mixed() {
	w := bytes.Runes(s.buf[s.from:])
	s.buf = s.buf[:s.from]
	for _, r := range w {
		if b := lookAlikes[r]; b != 0 {
			s.buf = append(s.buf, b)
			continue
		}
		s.buf = utf8.AppendRune(s.buf, r)
	}
}

// digits puts a number back that a leet reading took for letters: 1984 is not
// a word.
func (s *scan) digits() {
	s.buf = s.buf[:s.from]
	for i := s.start; i < s.end; i++ {
		if b := s.text[i]; b >= '0' && b <= '9' {
			s.buf = append(s.buf, b)
		}
	}
}

// join puts words back together that were pulled apart: s.e.l.f, su_ic_ide,
// s u i c i d e. It reports whether it changed anything.
func (s *sentence) join(text string) bool {
	changed := false
	out := s.words[:0]
	for i := 0; i < len(s.words); {
		n := s.run(text, i)
		w := s.words[i]
		if n > 1 {
			changed = true
			w = s.merge(i, n)
		}
		out = append(out, w)
		i += n
	}
	s.words = out
	return changed
}

// run counts the words from i that belong together: single letters with the
// same gap between all of them, or pieces with one sign and no space between.
func (s *sentence) run(text string, i int) int {
	n, gap := 1, ""
	for ; i+n < len(s.words); n++ {
		a, b := s.words[i+n-1], s.words[i+n]
		g := text[a.end:b.start]
		if n > 1 && g != gap {
			break
		}
		if !s.letters(a, b) && !isPieceGap(g) {
			break
		}
		gap = g
	}
	if n < 3 && !isPieceGap(gap) {
		return 1 // "i a" is two words
	}
	return n
}

func (s *sentence) letters(a, b word) bool { return a.to-a.from == 1 && b.to-b.from == 1 }

func isPieceGap(g string) bool {
	switch g {
	case ".", "-", "_", "*", "~", "..", "__", "**":
		return true
	}
	return false
}

// merge makes one word of n words from i, at the end of buf.
func (s *sentence) merge(i, n int) word {
	first, last := s.words[i], s.words[i+n-1]
	w := word{from: len(s.buf), start: first.start, end: last.end, compact: true}
	for _, part := range s.words[i : i+n] {
		s.buf = append(s.buf, s.bytes(part)...)
		w.compact = w.compact && part.to-part.from == 1
	}
	w.to = len(s.buf)
	return w
}

// squeeze writes w without doubled letters; ok only where a letter stands
// three times or more, which no ordinary word has.
func squeeze(dst, w []byte) (out []byte, stretched bool) {
	run := 0
	for i, b := range w {
		if i > 0 && b == w[i-1] {
			run++
			stretched = stretched || run >= 2 && b > '9'
			continue
		}
		run = 0
		dst = append(dst, b)
	}
	return dst, stretched
}
