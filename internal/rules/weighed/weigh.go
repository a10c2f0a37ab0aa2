package weighed

import "encoding/binary"

// Scratch is the room one text is weighed in, used again and again by one goroutine
// at a time. The zero value is ready.
type Scratch struct {
	sums  []int32
	steps int
}

// Steps counts the work of the last Weigh and of Parts since. It grows with the text
// and not with the clock.
func (s *Scratch) Steps() int { return s.steps }

// Longer scales points that are enough in a search to a text of so many words. The
// longer a text is, the more words come together in it by chance, so each doubling
// beyond short asks for growth per cent more.
func Longer(points, words int) int {
	doublings, at := 0, short
	for words >= 2*at {
		doublings, at = doublings+1, 2*at
	}
	return points + points*growth*doublings/100 + points*growth*max(words-at, 0)/(100*at)
}

// short is how many words a search has at most that is no sentence yet; most have
// six. growth is in per cent.
const short, growth = 10, 60

// Found is a sum that was reached, within which words of the text (from, up to and
// without to), and what it comes to.
type Found struct{ Sum, From, To, Points int }

// Weigh adds up the words of a text, as Number gives them, and appends the sums of
// at least so many points to found. A text longer than Window is weighed in stretches of it that
// overlap by half. In a stretch a term counts once, however often it stands.
func (t *Table) Weigh(s *Scratch, words []uint32, least int, found []Found) []Found {
	if len(s.sums) < t.sums {
		s.sums = make([]int32, t.sums)
	}
	s.steps = 0
	for from := 0; ; from += Window / 2 {
		to := min(from+Window, len(words))
		found = t.stretch(s, words, from, to, least, found)
		if to == len(words) {
			return found
		}
	}
}

func (t *Table) stretch(s *Scratch, words []uint32, from, to, least int, found []Found) []Found {
	sums := s.sums[:t.sums]
	clear(sums)
	t.each(s, words[from:to], false, func(_, _ int, points []byte) {
		for at := 0; at < len(points); at += pointSize {
			sums[binary.LittleEndian.Uint16(points[at:])] += int32(int16(binary.LittleEndian.Uint16(points[at+2:])))
		}
		s.steps += len(points) / pointSize
	})
	s.steps += len(sums) / 8
	for sum, points := range sums {
		if int(points) >= least {
			found = append(found, Found{sum, from, to, int(points)})
		}
	}
	return found
}

// each visits the points of each word, and of each two side by side, at their first
// place or at every: those of words from to from+n.
func (t *Table) each(s *Scratch, words []uint32, every bool, visit func(from, n int, points []byte)) {
	for i, w := range words {
		s.steps++
		if w == 0 {
			continue
		}
		if every || !stoodBefore(words[:i], w) {
			visit(i, 1, t.of(w))
		}
		if i > 0 && words[i-1] != 0 && (every || !pairBefore(words[:i], words[i-1], w)) {
			visit(i-1, 2, t.ofPair(words[i-1], w))
		}
	}
}

func stoodBefore(words []uint32, w uint32) bool {
	for _, o := range words {
		if o == w {
			return true
		}
	}
	return false
}

func pairBefore(words []uint32, a, b uint32) bool {
	for i := 1; i < len(words); i++ {
		if words[i-1] == a && words[i] == b {
			return true
		}
	}
	return false
}

// Parts visits each place of what adds to a sum that was found: n words from the
// from-th of the text on, and their points. A term counts once: it is for whoever
// asks to say at which of its places.
func (t *Table) Parts(s *Scratch, words []uint32, f Found, visit func(from, n, points int)) {
	t.each(s, words[f.From:f.To], true, func(from, n int, points []byte) {
		s.steps += len(points) / pointSize
		for at := 0; at < len(points); at += pointSize {
			if int(binary.LittleEndian.Uint16(points[at:])) == f.Sum {
				visit(f.From+from, n, int(int16(binary.LittleEndian.Uint16(points[at+2:]))))
			}
		}
	})
}
