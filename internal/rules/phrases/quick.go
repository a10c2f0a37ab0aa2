package phrases

import "math/bits"

// Here ASCII letters are read eight at a time; scan.go does the same one by one,
// and everything else.

// spaced reads words of ASCII letters with single spaces between them from i,
// up to where anything else stands in a word, at most 64 bytes. Most text is
// nothing else, so this is what folding costs: bytes are read eight at a time,
// and noted as bits, one for each letter.
func (s *Scratch) spaced(i, to int) int {
	text, buf := s.text[i:to], s.buf[s.n:]
	if len(text) < 8 {
		return i
	}
	letters, n := uint64(0), 0 // n: bytes that are nothing else
	for n < 64 && n < len(text) {
		at := min(n, len(text)-8)
		run := load(text[at:])
		le.PutUint64(buf[at:], run|0x20*ones)
		m := lettersIn(run)
		other := high &^ (m | spacesIn(run))
		letters |= m >> 7 * 0x0102040810204080 >> 56 << at
		if n = at + 8; other != 0 {
			n = at + bits.TrailingZeros64(other)/8
			break
		}
	}
	spaces := ^letters
	if n < 64 {
		spaces &= 1<<n - 1
	}
	if n < len(text) || spaces&(spaces<<1) != 0 {
		// Up to the last space, or to a double one, whichever is first.
		if double := spaces & (spaces << 1); double != 0 {
			spaces &= double&-double - 1
		}
		n = 64 - bits.LeadingZeros64(spaces)
	}
	return i + s.between(letters, i, n)
}

// between adds the words that letters has a bit for each letter of, in the n
// bytes from i that have been folded into buf as they stand.
func (s *Scratch) between(letters uint64, i, n int) int {
	if n < 64 {
		letters &= 1<<n - 1
	}
	s.mayJoin = s.mayJoin || letters&^(letters<<1)&^(letters>>1) != 0
	words := s.words
	for letters != 0 {
		from := bits.TrailingZeros64(letters)
		to := from + bits.TrailingZeros64(^(letters >> from))
		letters &= ^uint64(0) << to
		if len(words) == cap(words) {
			words = append(words, word{})[:len(words)]
		}
		words = words[:len(words)+1]
		w := &words[len(words)-1]
		w.from, w.to, w.start, w.end = uint32(s.n+from), uint32(s.n+to), uint32(i+from), uint32(i+to)
		w.sight = sight{}
	}
	s.words = words
	s.n += n
	if n > 0 && s.buf[s.n-1] != ' ' {
		s.buf[s.n] = ' '
		s.n++
	}
	return n
}

// letters reads words of ASCII letters from i, and what stands between them, up
// to anything else.
func (s *Scratch) letters(i, to int) int {
	text, buf, words, n, signs := s.text[:to], s.buf, s.words, s.n, false
	for i < len(text) {
		start, from := i, n
		for {
			var run uint64
			if len(text)-i >= 8 {
				run = load(text[i:])
			} else {
				run = tail(text, i)
			}
			le.PutUint64(buf[n:], run|0x20*ones)
			k := bits.TrailingZeros64(lettersIn(run)^high) / 8
			n += k
			if i += k; k < 8 || i >= len(text) {
				break
			}
		}
		kind := byte(endsWord)
		if i < len(text) {
			kind = ascii[text[i]]
		}
		if kind > pieceSign {
			if n > from {
				s.openWord(start)
				s.from, s.end, s.letter, s.latin = from, i, true, true
			}
			break
		}
		i++
		signs = signs || kind == pieceSign || n-from == 1
		if n == from {
			continue
		}
		if len(words) == cap(words) {
			words = append(words, word{})[:len(words)]
		}
		words = words[:len(words)+1]
		w := &words[len(words)-1]
		w.from, w.to, w.start, w.end = uint32(from), uint32(n), uint32(start), uint32(i-1)
		w.sight = sight{}
		buf[n] = ' '
		n++
	}
	s.words, s.n, s.mayJoin = words, n, s.mayJoin || signs
	return min(i, len(text))
}

const ones, high = 0x0101010101010101, 0x8080808080808080

// tail gives the last bytes of text from i, fewer than eight, the first lowest,
// and zeros above them.
func tail(text string, i int) (run uint64) {
	if len(text) >= 8 {
		return load(text[len(text)-8:]) >> (64 - 8*(len(text)-i))
	}
	for k := len(text) - 1; k >= i; k-- {
		run = run<<8 | uint64(text[k])
	}
	return run
}

// lettersIn gives the upper bit of each of eight bytes that is a letter.
func lettersIn(run uint64) uint64 {
	low := (run | 0x20*ones) &^ high
	return (low + (0x80-'a')*ones) &^ (low + (0x7f-'z')*ones) &^ run & high
}

// spacesIn gives the upper bit of each of eight bytes that is a space.
func spacesIn(run uint64) uint64 {
	other := run ^ 0x20*ones
	return ^((other&^high + 0x7f*ones) | other) & high
}

func load(t string) uint64 {
	_ = t[7]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 | uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}
