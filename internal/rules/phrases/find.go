package phrases

// Search finds every phrase in text, read in every way it may be meant: plain, in
// usual spelling, with what was pulled apart put together, with digits and signs
// as letters.
// A hit that several readings find is told once, with the mildest. Hits stand
// in no order. The slice is good until s is used again.
func (t *Table) Search(s *Scratch, text string) []Hit {
	text = clipText(text)
	s.begin(t)
	t.reading(s, text, 0)
	leet, ones := s.sawLeet || s.rowLeet, s.sawOne || s.rowOne
	if leet {
		t.reading(s, text, 'i')
	}
	if s.drawn = drawn(text); leet && ones || s.drawn {
		t.reading(s, text, 'l')
	}
	return s.hits
}

// Plain finds every phrase in text, read in the plain way alone: host names are
// no place for guesses. Accents and other alphabets are folded all the same.
func (t *Table) Plain(s *Scratch, text string) []Hit {
	text = clipText(text)
	s.begin(t)
	s.reset(text)
	s.read(text, 0)
	s.joined = false
	t.asWritten(s, 0)
	return s.hits
}

// clipText bounds what is read; see MaxText.
func clipText(text string) string {
	if len(text) > MaxText {
		return text[:MaxText]
	}
	return text
}

// reading reads text one way, once more with its pieces put together, and a last
// time where a row of single letters may have a word of one letter beside it.
func (t *Table) reading(s *Scratch, text string, one byte) {
	s.reset(text)
	s.read(text, one)
	s.joined = false
	t.find(s, 0)
	if s.mayJoin && s.join(false) {
		s.joined = true
		t.find(s, SpelledOut|PutTogether)
		if s.lone {
			s.reset(text)
			s.read(text, one)
			s.join(true)
			t.find(s, 0)
		}
	}
}

// find looks for phrases in the words of s, and in those in their usual spelling.
// Words read in a way that is not in fresh were looked up before.
func (t *Table) find(s *Scratch, fresh How) {
	t.asWritten(s, fresh)
	respelt := t.respell(s)
	if respelt {
		s.words, s.spoken = s.spoken, s.words
		t.eachWord(s)
	}
	if s.Listener != nil {
		s.Listener.Heard(Reading{s})
	}
	if respelt {
		s.words, s.spoken = s.spoken, s.words
	}
}

// asWritten looks for phrases in the words of s, and in parts of them.
func (t *Table) asWritten(s *Scratch, fresh How) {
	s.steps += len(s.words)
	t.lookWords(s, fresh)
	if s.one == 'l' {
		t.eitherOne(s)
	}
	t.eachWord(s)
	if t.nStates > 1 {
		t.findParts(s)
	}
}

// eachWord looks for the phrases that begin at each word of s.
func (t *Table) eachWord(s *Scratch) {
	s.near.clear()
	for i := range s.words {
		w := &s.words[i]
		s.near.budget, s.near.ends = walkBudget, maxShared
		if w.node != 0 {
			t.walk(s, w.node, i, i)
		} else if w.alt != 0 {
			t.stretchedFirst(s, i)
		}
		if w.letters {
			t.spelledOut(s, i)
		}
	}
}

// walkBudget bounds the looks from one word on where stretched words leave
// several ways to go.
const walkBudget = 256

// walk goes from node, which words i to j lead to, as far as words follow.
func (t *Table) walk(s *Scratch, node uint32, i, j int) {
	for j-i < MaxLetters {
		if node&hasEnds != 0 {
			t.found(s, node&nodeID, i, j)
		}
		if node&hasKids == 0 {
			return
		}
		if j++; j == len(s.words) {
			return
		}
		w := &s.words[j]
		if w.id == 0 {
			if w.alt != 0 {
				t.stretchedNext(s, node, i, j)
			}
			return
		}
		if node = t.step(s, node, w.id); node == 0 {
			return
		}
	}
}

// stretchedFirst begins with each word that word i may be.
func (t *Table) stretchedFirst(s *Scratch, i int) {
	t.eachMember(s, i, func(_, node uint32) {
		if node != 0 {
			t.walk(s, node, i, i)
		}
	})
}

// stretchedNext goes on from node with each word that word j may be.
func (t *Table) stretchedNext(s *Scratch, node uint32, i, j int) {
	t.eachMember(s, j, func(id, _ uint32) {
		if next := t.step(s, node, id); next != 0 {
			t.walk(s, next, i, j)
		}
	})
}

// eachMember visits the words that word k is a stretched spelling of, as far as
// the budget goes. Meanwhile it is that word.
func (t *Table) eachMember(s *Scratch, k int, visit func(id, node uint32)) {
	w := &s.words[k]
	text := s.bytes(*w)
	defer func() { w.id = 0 }()
	for at := 2 * (w.alt - 1); s.near.budget > 0; at += 2 {
		s.near.budget--
		id, node := t.members.at(at), t.members.at(at+1)
		spelled := t.spell(id &^ lastOne)
		s.steps += 1 + len(spelled)/8
		if len(spelled) > 0 && squeezed(spelled, text) {
			w.id = id &^ lastOne
			visit(w.id, node)
		}
		if id == 0 || id&lastOne != 0 {
			return
		}
	}
}

// found tells of the phrases that end at node.
func (t *Table) found(s *Scratch, node uint32, i, j int) {
	var how How
	for k := i; k <= j; k++ {
		how |= s.words[k].how
	}
	end := t.endsAt.at(node - 1)
	if end&isList == 0 {
		s.report(end, how, s.words[i].start, s.words[j].end, i, j)
		return
	}
	t.each(s, node, end&^isList, how, i, j)
}

// each tells of what is listed at a place of secEnds for a node.
func (t *Table) each(s *Scratch, node, at uint32, how How, i, j int) {
	kept := false
	for n := t.ends.at(at); n > 0 && s.near.ends > 0; n-- {
		s.near.ends--
		at++
		end := t.ends.at(at)
		switch {
		case end&isGroup == 0:
			s.report(end, how, s.words[i].start, s.words[j].end, i, j)
			continue
		case end == isKept:
		case end&isSet == isSet:
			t.ofSet(s, node, end&^isSet, how, i, j)
			continue
		}
		if !kept {
			kept = true
			s.near.keep(occurrence{node: node, i: int32(i), j: int32(j), how: how})
		}
		if end != isKept {
			t.together(s, end&groupAt, end&^isGroup>>27, how, i, j)
		}
	}
}

// ofSet tells of what a set completes when one of its words stands at words i to
// j. Sets come in no other set, whatever a damaged table says.
func (t *Table) ofSet(s *Scratch, node, set uint32, how How, i, j int) {
	if end := t.endsAt.at(set - 1); node != 0 && end&isList != 0 {
		s.near.sets++
		if s.near.sets == 1 {
			t.each(s, set, end&^isList, how, i, j)
		}
		s.near.sets--
	}
}

// spelledOut looks for phrases of several words in one row of single letters,
// "k i l l m y s e l f". No other word looks here, else "the rapist" would flag
// every therapist.
func (t *Table) spelledOut(s *Scratch, i int) {
	w := &s.words[i]
	t.pairs(s, t.spelt, t.nSpelt, keyIn(s.buf, w.from, w.to).hash(), func(place uint32) bool {
		n := t.spelled.at(place)
		if n <= maxShared && t.spells(s.bytes(*w), place+1+n) {
			for k := uint32(1); k <= n; k++ {
				s.report(t.spelled.at(place+k), w.how, w.start, w.end, i, i)
			}
			return false
		}
		return true
	})
}

// spells reports whether the words listed at place make up row.
func (t *Table) spells(row []byte, place uint32) bool {
	for range MaxLetters {
		id := t.spelled.at(place)
		w := t.spell(id &^ lastOne)
		if len(w) == 0 || len(w) > len(row) || string(row[:len(w)]) != string(w) {
			return false
		}
		row = row[len(w):]
		if id&lastOne != 0 {
			return len(row) == 0
		}
		place++
	}
	return false
}

// Fold gives the words of a text in its plain reading, folded, with a space
// between them: "Ｓｅｌｆ-Härm!" is "self harm". The slice is good until s is used
// again.
func (s *Scratch) Fold(text string) []byte {
	text = clipText(text)
	s.begin(nil)
	s.reset(text)
	s.read(text, 0)
	return s.buf[:max(s.n-1, 0)]
}
