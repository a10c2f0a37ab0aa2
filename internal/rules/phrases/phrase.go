package phrases

import (
	"fmt"
	"unicode/utf8"
)

// Phrase is what is looked for, and what to report when it is found. It has
// either a Text or All.
type Phrase struct {
	Ref  uint32 // reported with a hit; below 1<<31. Several phrases may share one: forms of a rule
	Text string // words that stand together
	// All are elements that stand near each other: at most Within words between
	// the end of the first of them and the beginning of the last. An element is
	// any one of some words or phrases. They stand in any order, and then no two
	// of them may share a word; or with Ordered one behind the other as listed.
	All     [][]string
	Within  int
	Ordered bool
	// HeadOnly makes the span of a hit that of All[0], for contexts: "kill" near
	// "process". Every All[0] that has the others near it is a hit.
	HeadOnly bool
	// Part finds Text within words too.
	Part bool
	// NoSpelledOut leaves out the phrase written as one row of single letters,
	// "k i l l m y s e l f": for phrases that allow.
	NoSpelledOut bool
}

// Limits of a phrase and of a table. They bound what a text costs.
const (
	MaxWords   = 12   // in a phrase
	MaxLetters = 64   // in a phrase of a script without spaces, and in a part
	MinPart    = 4    // letters in a part
	MaxParts   = 2000 // in a table
	MaxAll     = 8    // elements of All
	MaxAny     = 1000 // words or phrases that an element may be
	MaxWithin  = 50
	maxShared  = 4096 // phrases that begin one another: "kill", "kill him" in all their rules
)

// BadPhrase is a phrase that cannot be looked for.
type BadPhrase struct { //nolint:errname // it is a phrase first
	Index int // in the list given to Build
	What  string
	Mend  string
}

func (b *BadPhrase) Error() string {
	return fmt.Sprintf("phrase %d: %s: %s", b.Index, b.What, b.Mend)
}

// Check says what is wrong with a phrase by itself, or nil. Build refuses what
// Check does.
func (p Phrase) Check() *BadPhrase {
	s := new(Scratch)
	if p.Ref >= 1<<31 {
		return bad("number too large", "number phrases from 0")
	}
	if len(p.All) > 0 {
		return p.checkAll(s)
	}
	if p.Part {
		return p.checkPart(s)
	}
	_, b := tokens(s, p.Text)
	return b
}

func bad(what, mend string) *BadPhrase { return &BadPhrase{What: what, Mend: mend} }

func (p Phrase) checkAll(s *Scratch) *BadPhrase {
	switch {
	case p.Text != "" || p.Part:
		return bad("both a text and words apart", "write one of them")
	case len(p.All) < 2 || len(p.All) > MaxAll:
		return bad(fmt.Sprintf("%d words or phrases apart", len(p.All)), fmt.Sprintf("want 2 to %d", MaxAll))
	case p.Within < 0 || p.Within > MaxWithin:
		return bad(fmt.Sprintf("words apart within %d", p.Within), fmt.Sprintf("want 0 to %d", MaxWithin))
	case p.Ordered && p.HeadOnly:
		return bad("a context in order", "write it without an order")
	}
	type owner struct {
		element int
		text    string
	}
	owners := map[string]owner{}
	letters := 0 // elements that may be a single letter
	for i, choice := range p.All {
		if len(choice) == 0 || len(choice) > MaxAny {
			return bad(fmt.Sprintf("%d words or phrases to choose from", len(choice)), fmt.Sprintf("want 1 to %d", MaxAny))
		}
		lone := false
		for _, text := range choice {
			words, b := elementTokens(s, text)
			if b != nil {
				return b
			}
			lone = lone || len(words) == 1 && utf8.RuneCountInString(words[0]) == 1
			for _, w := range words {
				if o, taken := owners[w]; taken && o.element != i && !p.Ordered {
					return bad(fmt.Sprintf("%q and %q share the word %q", clip(o.text), clip(text), w), "write them as one phrase, leave the word out of one of them, or have them stand in order")
				}
				owners[w] = owner{i, text}
			}
		}
		if lone {
			letters++
		}
	}
	if letters == len(p.All) {
		return bad("single letters alone", "one of the words apart has at least two letters")
	}
	return nil
}

func (p Phrase) checkPart(s *Scratch) *BadPhrase {
	words, b := tokens(s, p.Text)
	switch {
	case b != nil:
		return b
	case len(words) != 1:
		return bad(fmt.Sprintf("part %q is %d words", clip(p.Text), len(words)), "a part lies within one word")
	case utf8.RuneCountInString(words[0]) < MinPart:
		return bad(fmt.Sprintf("part %q is shorter than %d letters", clip(p.Text), MinPart), "it would be found in ordinary words; write it as a whole word")
	case len(words[0]) > MaxLetters:
		return bad(fmt.Sprintf("part of %d letters", len(words[0])), fmt.Sprintf("want at most %d", MaxLetters))
	}
	return nil
}

// elementTokens folds an element of words apart, which may be a single letter:
// "i" beside "want to die".
func elementTokens(s *Scratch, text string) ([]string, *BadPhrase) {
	if words := s.wordsOf(text); len(words) == 1 && !s.words[0].glued && utf8.RuneCountInString(words[0]) == 1 {
		return words, nil
	}
	return tokens(s, text)
}

// tokens folds a phrase into the words it is looked for by.
func tokens(s *Scratch, text string) ([]string, *BadPhrase) {
	s.reset(text)
	s.read(text, 0)
	runs, letters := 0, 0
	var out []string
	for i, w := range s.words {
		b := string(s.bytes(w))
		out = append(out, b)
		letters += utf8.RuneCountInString(b)
		if !w.glued || i == 0 || !s.words[i-1].glued || s.words[i-1].end != w.start {
			runs++
		}
	}
	switch {
	case letters == 0:
		return nil, bad(fmt.Sprintf("phrase %q has no word in it", clip(text)), "write at least one word of two letters")
	case letters == 1 && s.words[0].glued:
		return nil, bad(fmt.Sprintf("phrase %q is one character of a script without spaces", clip(text)), "it would be found within other words; write at least two")
	case letters == 1:
		return nil, bad(fmt.Sprintf("phrase %q has no word in it", clip(text)), "write at least one word of two letters")
	case runs > MaxWords:
		return nil, bad(fmt.Sprintf("phrase of %d words", runs), fmt.Sprintf("want at most %d", MaxWords))
	case len(out) > MaxLetters:
		return nil, bad(fmt.Sprintf("phrase of %d characters", len(out)), fmt.Sprintf("want at most %d", MaxLetters))
	}
	return out, nil
}

// clip shortens what is quoted in an error.
func clip(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
