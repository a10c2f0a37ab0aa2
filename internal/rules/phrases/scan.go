package phrases

import (
	"unicode"
	"unicode/utf8"
)

// scan is the state of one reading of a text into words.
type scan struct {
	text string
	// one is 0 for a plain reading, else what 1, ! and | stand for: the leet
	// readings, which see letters in digits and signs.
	one byte

	open           bool
	from           int // of the open word, in buf
	start, end     int // in the text
	how            How
	letter, latin  bool
	other, leetish bool
	sawLeet        bool // the text holds a word that a leet reading would change
	sawOne         bool // ... and differently for i and for l
	mayJoin        bool // there are single letters, or signs that pieces are joined by

	tracing bool     // keep where each folded byte was read
	trace   []uint32 // by folded byte: where its rune begins in the text
	mark    int      // of the open word, in trace
}

// read splits text into folded words. Anything that is no letter, digit or mark
// ends a word.
func (s *Scratch) read(text string, one byte) {
	s.text, s.one, s.open, s.tracing, s.trace = text, one, false, false, s.trace[:0]
	s.sawLeet, s.sawOne, s.mayJoin = false, false, false
	s.steps += len(text)
	s.span(0, len(text))
}

// span reads text[i:to], which begins and ends where a word may.
func (s *Scratch) span(i, to int) {
	text := s.text
	for i < to {
		c := text[i]
		switch kind := ascii[c]; {
		case kind >= 'a' && !s.tracing && !s.open && !s.drawn:
			if at := s.spaced(i, to); at > i {
				i = at
				continue
			}
			i = s.letters(i, to)
		case kind <= pieceSign:
			s.mayJoin = s.mayJoin || kind == pieceSign
			s.close()
			i++
		case c < utf8.RuneSelf:
			s.rune(rune(c), i, i+1)
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			s.rune(r, i, i+size)
			i += size
		}
	}
	s.close()
}

func (s *Scratch) rune(r rune, from, to int) {
	switch {
	case r >= 'a' && r <= 'z':
		s.add(from, to, byte(r))
		s.letter, s.latin = true, true
	case r == 'I' && s.drawn && s.drawsL(from):
		s.add(from, to, 'l')
		s.how |= LookAlike
		s.letter, s.latin = true, true
	case r >= 'A' && r <= 'Z':
		s.add(from, to, byte(r)+'a'-'A')
		s.letter, s.latin = true, true
	case leet(r, 'i') != 0:
		s.leetRune(r, from, to)
	case r >= '0' && r <= '9':
		s.add(from, to, byte(r))
	case isApostrophe(r):
		s.pass(to, 0)
	case r < utf8.RuneSelf:
		s.close()
	default:
		s.wide(r, from, to)
	}
}

// pass goes over something that is not read within a word.
func (s *Scratch) pass(to int, how How) {
	if s.open {
		s.end = to
		s.how |= how
	}
}

// leetRune handles digits and signs that may stand for letters.
func (s *Scratch) leetRune(r rune, from, to int) {
	digit := r >= '0' && r <= '9'
	if !digit && !s.signInWord(r, to) {
		s.close()
		return
	}
	s.sawOne = s.sawOne || r == '1' || r == '!' || r == '|'
	switch {
	case s.one != 0:
		s.add(from, to, leet(r, s.one))
		s.how |= Digits
	case digit:
		s.add(from, to, byte(r))
	default:
		s.sawLeet = true
		s.close()
		return
	}
	s.leetish = true
}

// signInWord reports whether a sign stands where a letter would: inside a word,
// or for @ and $ also at its beginning or end.
func (s *Scratch) signInWord(r rune, next int) bool {
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
func (s *Scratch) wide(r rune, from, to int) {
	if f := foldOf(r); f != 0 {
		s.folded(r, f, from, to)
		return
	}
	if how, joins := joiner(r); joins {
		s.pass(to, how)
		return
	}
	if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) || r == utf8.RuneError {
		s.close()
		return
	}
	if isGlued(r) {
		s.close()
		if last := len(s.words) - 1; last >= 0 && s.words[last].glued && s.words[last].end == uint32(from) {
			s.n-- // no space between them
		}
	}
	for _, b := range utf8.AppendRune(make([]byte, 0, utf8.UTFMax), unicode.ToLower(r)) {
		s.add(from, to, b)
	}
	s.letter, s.other = true, true
	if isGlued(r) {
		s.close()
		s.words[len(s.words)-1].glued = true
	}
}

// folded adds what a rune is folded to: up to four bytes, the first lowest.
func (s *Scratch) folded(r rune, f uint32, from, to int) {
	s.openWord(from)
	if byte(f) >= utf8.RuneSelf {
		s.other = true
	} else {
		s.latin = true
	}
	s.how |= howFolded(r, f)
	for ; f != 0; f >>= 8 {
		s.add(from, to, byte(f))
		s.letter = s.letter || byte(f) > '9'
	}
}

func (s *Scratch) add(from, to int, b byte) {
	s.openWord(from)
	s.buf[s.n] = b
	s.n++
	s.end = to
	if s.tracing {
		s.trace = append(s.trace, uint32(from))
	}
}

func (s *Scratch) openWord(from int) {
	if !s.open {
		s.open, s.start, s.from, s.mark = true, from, s.n, len(s.trace)
		s.how, s.letter, s.latin, s.other, s.leetish = 0, false, false, false, false
	}
}

// close ends the word that is being read, if one is.
func (s *Scratch) close() {
	if !s.open {
		return
	}
	s.open = false
	if s.latin && s.other {
		s.mixed()
	}
	if s.leetish {
		if !s.letter && s.one != 0 {
			s.digits()
		}
		s.sawLeet = s.sawLeet || s.letter
	}
	if s.n > s.from {
		s.words = append(s.words, word{
			from: uint32(s.from), to: uint32(s.n), start: uint32(s.start), end: uint32(s.end), sight: sight{how: s.how},
		})
		s.mayJoin = s.mayJoin || s.n-s.from == runeSize(s.buf[s.from])
		s.buf[s.n] = ' '
		s.n++
	}
}

// mixed reads the look-alikes in a word that also has Latin letters. What it
// writes is never longer than what it reads.
func (s *Scratch) mixed() {
	at, out := s.from, s.from
	for at < s.n {
		r, size := utf8.DecodeRune(s.buf[at:s.n])
		if b := lookAlikes[r]; b != 0 {
			s.move(at, out, 1)
			s.buf[out] = b
			s.how |= LookAlike
			out++
		} else {
			s.move(at, out, size)
			copy(s.buf[out:], s.buf[at:at+size])
			out += size
		}
		at += size
	}
	s.n = out
	if s.tracing {
		s.trace = s.trace[:s.mark+out-s.from]
	}
}

// move keeps the trace beside n bytes that go from at to out.
func (s *Scratch) move(at, out, n int) {
	if s.tracing {
		copy(s.trace[s.mark+out-s.from:][:n], s.trace[s.mark+at-s.from:])
	}
}

// digits puts a number back that a leet reading took for letters: 1984 is not a
// word. A lone 1 with words beside it is: "1 want to d1e".
func (s *Scratch) digits() {
	if s.loneOne() {
		s.buf[s.from] = 'i' // and never l, whatever the rest is read as
		return
	}
	s.n, s.how = s.from, s.how&^Digits
	s.trace = s.trace[:s.mark]
	for i := s.start; i < s.end; i++ {
		if b := s.text[i]; b >= '0' && b <= '9' {
			s.add(s.start, s.end, b)
			if s.tracing {
				s.trace[len(s.trace)-1] = uint32(i)
			}
		}
	}
	s.open = false
}
