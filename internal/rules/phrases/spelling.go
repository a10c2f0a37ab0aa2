package phrases

import "fmt"

// Spelling is a word as people type it and what they mean by it, "wanna" for
// "want to". A text is read once more with every such word in the usual
// spelling; what is looked for stays as it is written.
type Spelling struct {
	Typed string // one word; a digit or a single letter will do: "2", "u"
	Meant string // at most maxMeant words
}

// maxMeant bounds what a word may stand for, and with it what a text costs.
const maxMeant = 4

// MaxSpellings bounds the spellings of a table.
const MaxSpellings = 5000

// BadSpelling is a spelling that cannot be read.
type BadSpelling struct { //nolint:errname // it is a spelling first
	Index int // in the list given to Build
	What  string
	Mend  string
}

func (b *BadSpelling) Error() string {
	return fmt.Sprintf("spelling %d: %s: %s", b.Index, b.What, b.Mend)
}

// Check says what is wrong with a spelling by itself, or nil. Build refuses what
// Check does.
func (p Spelling) Check() *BadSpelling {
	s := new(Scratch)
	typed, meant := s.wordsOf(p.Typed), s.wordsOf(p.Meant)
	switch {
	case len(typed) != 1:
		return &BadSpelling{What: fmt.Sprintf("%q is %d words", clip(p.Typed), len(typed)), Mend: "want one word, as it is typed"}
	case len(meant) == 0 || len(meant) > maxMeant:
		return &BadSpelling{What: fmt.Sprintf("%q is %d words", clip(p.Meant), len(meant)), Mend: fmt.Sprintf("want 1 to %d", maxMeant)}
	case len(meant) == 1 && meant[0] == typed[0]:
		return &BadSpelling{What: fmt.Sprintf("%q is read anyway as %q", clip(p.Typed), clip(p.Meant)), Mend: "leave it out: case, accents, digits and stretched letters are read by themselves"}
	}
	return nil
}

// Words gives the folded words of a text, read plainly.
func Words(text string) []string { return new(Scratch).wordsOf(text) }

// wordsOf gives the folded words of a text.
func (s *Scratch) wordsOf(text string) (out []string) {
	s.reset(text)
	s.read(text, 0)
	for _, w := range s.words {
		out = append(out, string(s.bytes(w)))
	}
	return out
}

// addSpellings gives spellings the lowest numbers of words.
func (b *builder) addSpellings(list []Spelling) error {
	if len(list) > MaxSpellings {
		return &BadSpelling{Index: MaxSpellings, What: fmt.Sprintf("%d spellings", len(list)), Mend: fmt.Sprintf("want at most %d", MaxSpellings)}
	}
	for i, p := range list {
		bad := p.Check()
		if typed := b.s.wordsOf(p.Typed); bad == nil && b.number[typed[0]] != 0 {
			bad = &BadSpelling{What: fmt.Sprintf("%q stands twice", clip(p.Typed)), Mend: "a word has one usual spelling: keep one of them"}
		} else if bad == nil {
			b.id(typed[0])
		}
		if bad != nil {
			bad.Index = i
			return bad
		}
	}
	for _, p := range list {
		var ids []uint32
		for _, w := range b.s.wordsOf(p.Meant) {
			ids = append(ids, b.id(w))
		}
		b.meant = append(b.meant, ids)
	}
	return nil
}

// layMeant writes what spellings mean.
func (b *builder) layMeant(sec *[sections][]byte) {
	for _, ids := range b.meant {
		sec[secMeantAt] = le.AppendUint32(sec[secMeantAt], uint32(len(sec[secMeant])/4))
		for i, id := range ids {
			node := uint32(0)
			if first, ok := b.next[edge{0, id}]; ok {
				node = b.flagged(first)
			}
			if i == len(ids)-1 {
				id |= lastOne
			}
			sec[secMeant] = le.AppendUint32(sec[secMeant], id)
			sec[secMeant] = le.AppendUint32(sec[secMeant], node)
		}
	}
}

// respell writes the words of s into s.spoken in usual spelling, and reports
// whether any is another then.
func (t *Table) respell(s *Scratch) bool {
	some := false
	for i := range s.words {
		if w := &s.words[i]; w.id-1 < t.nSpellings || w.alt != 0 && t.spellingOf(s, w) != 0 {
			some = true
			break
		}
	}
	if !some {
		return false
	}
	s.spoken = s.spoken[:0]
	for _, w := range s.words {
		id := t.spellingOf(s, &w)
		if id == 0 {
			s.spoken = append(s.spoken, w)
			continue
		}
		at := t.meantAt.at(id - 1)
		for range maxMeant {
			id := t.meant.at(at)
			w.id, w.node, w.alt, w.letters = id&^lastOne, t.meant.at(at+1), 0, false
			w.how |= Respelt
			s.spoken = append(s.spoken, w)
			s.steps++
			if at += 2; id == 0 || id&lastOne != 0 {
				break
			}
		}
	}
	return true
}

// spellingOf gives the spelling that a word is, also stretched, or 0. Of the words
// that a stretched one may be, spellings come first.
func (t *Table) spellingOf(s *Scratch, w *word) uint32 {
	if w.id != 0 || w.alt == 0 {
		if w.id-1 < t.nSpellings {
			return w.id
		}
		return 0
	}
	text := s.bytes(*w)
	for at, n := 2*(w.alt-1), 0; n < MaxWords; at, n = at+2, n+1 {
		id := t.members.at(at)
		if id&^lastOne-1 >= t.nSpellings {
			return 0
		}
		spelled := t.spell(id &^ lastOne)
		s.steps += 1 + len(spelled)/8
		if len(spelled) > 0 && squeezed(spelled, text) {
			return id &^ lastOne
		}
		if id&lastOne != 0 {
			return 0
		}
	}
	return 0
}
