package phrases

import "strings"

// Here is what people write where a letter is drawn like another: a capital I for
// an l, a 1 for a word or for a letter in a row of single ones.

// drawn reports whether text has a capital I that may stand for an l: one after a
// small letter. Ordinary text has none, and is read no further for it.
func drawn(text string) bool {
	for at := 1; at < len(text); at++ {
		next := strings.IndexByte(text[at:], 'I')
		if next < 0 {
			return false
		}
		if at += next; isSmall(text[at-1]) {
			return true
		}
	}
	return false
}

// drawsL reports whether the capital I at byte from stands within small letters:
// "kiII", and neither "WWII" nor "In".
func (s *Scratch) drawsL(from int) bool {
	if !s.open || from == 0 || from == s.start {
		return false
	}
	before := s.text[from-1]
	return isSmall(before) || before == 'I' && s.buf[s.n-1] == 'l'
}

// loneOne reports whether the number that is being closed is a 1 with a space, and
// then a letter, behind it, and nothing but a space before: a word of a sentence,
// not the number of a line.
func (s *Scratch) loneOne() bool {
	at := s.start
	if s.end != at+1 || s.text[at] != '1' || at > 0 && s.text[at-1] != ' ' || at+2 >= len(s.text) || s.text[at+1] != ' ' {
		return false
	}
	return isSmall(s.text[at+2] | 0x20)
}

// minLeetRow is how long a row of single letters is at least in which digits are
// read as letters too: fewer are a form, a chess move, a sum.
const minLeetRow = 4

// leetRow reads the digits among n words from i, single letters that now stand
// together in buf at to, as this reading reads digits. Where digits are as many as
// letters they are digits: "a 1 b 2".
func (s *Scratch) leetRow(i, n, to int) How {
	letters, digits, some := 0, 0, false
	for _, w := range s.words[i : i+n] {
		c := s.text[w.start]
		if c < '0' || c > '9' {
			letters++
			continue
		}
		digits++
		some = some || c == '1'
	}
	s.steps += n
	if digits == 0 {
		return 0
	}
	leetish := n >= minLeetRow && letters > digits
	s.rowLeet, s.rowOne = s.rowLeet || leetish, s.rowOne || leetish && some
	if s.one == 0 {
		return 0
	}
	for _, w := range s.words[i : i+n] {
		if c := s.text[w.start]; c >= '0' && c <= '9' {
			s.buf[to] = c
			if as := leet(rune(c), s.one); leetish && as != 0 {
				s.buf[to] = as
			}
		}
		to += int(w.to - w.from)
	}
	if leetish {
		return Digits
	}
	return 0
}
