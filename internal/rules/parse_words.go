package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/rules/phrases"
)

// wordsFile holds words for the phrases of every category: sets that they name,
// and how people spell. It flags nothing by itself:
//
//	words: english
//	title: How pupils write
//	why: One list of ways to say it serves every phrase.
//	spellings:
//	  - {means: want to, typed: [wanna, wana]}
//	sets:
//	  - {set: want, any: [want to, need to, going to]}
type wordsFile struct {
	pos       pos
	spellings []spelling
	sets      []wordSet
}

type spelling struct {
	pos pos
	phrases.Spelling
}

// wordSet is words or phrases of which any one will do.
type wordSet struct {
	pos  pos
	name string
	any  []string // texts, or names of sets with setSign before them

	state setState
	words []string // any, with the words of the sets that it names, once it is read
}

// setState is how far a set is read: each is read once, however many name it.
type setState uint8

const (
	setUnread setState = iota
	setOpen            // on the way: who names it now is one of its own
	setRead
	setBad // said
)

const (
	setSign = "$"
	// maxSets and maxTyped are far above what people keep in order.
	maxSets  = 1000
	maxTyped = 200
	maxAny   = phrases.MaxAny
)

// wordsFile reads a words file.
func (r *reader) wordsFile(n *yaml.Node) *wordsFile {
	f, ok := r.mapping(n, "the file", "words", "title", "why", "owner", "spellings", "sets")
	if !ok {
		return nil
	}
	w := &wordsFile{pos: r.at(n)}
	r.id(f, "words")
	r.need(f, "title", maxTitle)
	r.need(f, "why", maxAbout)
	for _, n := range r.list(f.by["spellings"], "spellings") {
		r.spelling(n, w)
	}
	for _, n := range r.list(f.by["sets"], "sets") {
		r.set(n, w)
	}
	return w
}

// spelling reads `{means: want to, typed: [wanna, wana]}`.
func (r *reader) spelling(n *yaml.Node, w *wordsFile) {
	f, ok := r.mapping(n, "a spelling", "means", "typed")
	if !ok {
		return
	}
	means, typed := r.need(f, "means", maxPhrase), r.texts(f.by["typed"], "typed", maxPhrase)
	switch {
	case f.by["typed"] == nil || len(typed) == 0 && len(f.by["typed"].Content) == 0:
		r.bad(n, "no typed", "add `typed: [...]`: how people write it")
	case len(typed) > maxTyped:
		r.bad(f.by["typed"], fmt.Sprintf("%d ways to write %q", len(typed), clip(means)), fmt.Sprintf("want at most %d", maxTyped))
		return
	}
	for i, text := range typed {
		s := phrases.Spelling{Typed: text, Meant: means}
		if bad := s.Check(); means != "" && bad != nil {
			r.bad(f.by["typed"].Content[i], bad.What, bad.Mend)
			continue
		}
		w.spellings = append(w.spellings, spelling{r.at(f.by["typed"].Content[i]), s})
	}
}

// set reads `{set: want, any: [want to, need to]}`.
func (r *reader) set(n *yaml.Node, w *wordsFile) {
	f, ok := r.mapping(n, "a set", "set", "any")
	if !ok {
		return
	}
	s := wordSet{pos: r.at(n), name: r.id(f, "set"), any: r.texts(f.by["any"], "any", maxPhrase)}
	if n := f.by["any"]; n == nil || len(s.any) == 0 && len(n.Content) == 0 {
		r.bad(f.node, "no any", "add `any: [...]`: the words of the set")
	}
	if s.name != "" && len(s.any) > 0 {
		w.sets = append(w.sets, s)
	}
}

// anyOf reads one element of `all`: a text, `$set`, or a list of these.
func (r *reader) anyOf(n *yaml.Node) []string {
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) == 0 {
			r.bad(n, "an empty list in `all`", "write the words of which any one will do")
		}
		return r.texts(n, "all", maxPhrase)
	}
	if s := r.text(n, "a line of all", maxPhrase); s != "" {
		return []string{s}
	}
	return nil
}

// addWords gathers the sets and the spellings of all packs.
func (c *compiler) addWords() {
	typed := map[string]pos{}
	total := 0
	for _, f := range c.wordFiles {
		for _, s := range f.spellings {
			key := string(new(phrases.Scratch).Fold(s.Typed))
			if other, twice := typed[key]; twice {
				c.bad(s.pos, fmt.Sprintf("spelling %q is also in %s", clip(s.Typed), other), "a word has one usual spelling: keep one of them")
				continue
			}
			typed[key] = s.pos
			c.source.spellings = append(c.source.spellings, s.Spelling)
		}
		for i, s := range f.sets {
			if other := c.sets[s.name]; other != nil {
				c.bad(s.pos, fmt.Sprintf("set %q is also in %s", s.name, other.pos), "give each set its own name")
				continue
			}
			c.sets[s.name] = &f.sets[i]
			total++
		}
	}
	if n := len(c.source.spellings); n > phrases.MaxSpellings || total > maxSets {
		c.bad(c.wordFiles[0].pos, fmt.Sprintf("%d spellings and %d sets", n, total), fmt.Sprintf("want at most %d and %d", phrases.MaxSpellings, maxSets))
	}
	for _, f := range c.wordFiles {
		for _, s := range f.sets {
			c.expand(s.pos, []string{setSign + s.name})
		}
	}
}

// expand gives texts with the words of the sets that they name; none where one of
// those is no good, which is said once.
func (c *compiler) expand(at pos, texts []string) []string {
	out, _ := c.expandAll(at, texts)
	if len(out) > maxAny {
		c.bad(at, fmt.Sprintf("%d words or phrases to choose from", len(out)), fmt.Sprintf("want at most %d", maxAny))
		return nil
	}
	return out
}

func (c *compiler) expandAll(at pos, texts []string) (out []string, ok bool) {
	for _, text := range texts {
		name, isSet := strings.CutPrefix(text, setSign)
		if !isSet {
			c.wordsAlone(at, text)
			out = append(out, text)
			continue
		}
		set := c.sets[name]
		if set == nil {
			c.bad(at, fmt.Sprintf("set %q, which no pack here has", clip(text)), meant(name, slices.Sorted(maps.Keys(c.sets)))+"write it in a file that begins with `words:`")
			return nil, false
		}
		if !c.readSet(at, set) {
			return nil, false
		}
		if out = append(out, set.words...); len(out) > 2*maxAny {
			return out, true // said by expand
		}
	}
	return slices.Compact(out), true
}

// readSet expands a set that is named at a place, and reports whether it is good.
func (c *compiler) readSet(at pos, set *wordSet) (ok bool) {
	switch set.state {
	case setOpen:
		c.bad(at, fmt.Sprintf("set %q holds itself", setSign+set.name), "take it out of the sets that it names")
	case setUnread:
		set.state = setOpen
		if set.words, ok = c.expandAll(set.pos, set.any); ok {
			set.state = setRead
		} else {
			set.state = setBad
		}
	}
	return set.state == setRead
}

// wordsAlone refuses the name of a set among words: it would be read as a word, find
// nothing, and nobody would notice.
func (c *compiler) wordsAlone(at pos, text string) {
	for _, word := range strings.Fields(text) {
		if name, is := strings.CutPrefix(word, setSign); is && c.sets[strings.TrimRight(name, ".,:;!?+/")] != nil {
			c.bad(at, fmt.Sprintf("%q names the set %q among words", clip(text), clip(word)), "name it by itself, in `all` or `near`: all: [$want, die]")
		}
	}
}
