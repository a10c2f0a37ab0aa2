package main

import (
	"strings"

	"safelight/internal/rules"
	"safelight/internal/rules/phrases"
)

// reader turns lines into features, as the engine reads them: in their usual
// spelling, word by word and two by two.
type reader struct {
	table   *phrases.Table
	scratch phrases.Scratch
	words   []string
	read    bool

	never map[string]bool // words of which nothing is learnt
	alone map[string]bool // words of which nothing is learnt by themselves
	sexes map[string]bool // those of alone of which nothing is learnt beside another of alone
}

func newReader(spellings []phrases.Spelling, u unspoken) (*reader, error) {
	raw, err := phrases.Build(rules.HelpPhrases(), spellings...)
	if err != nil {
		return nil, err
	}
	table, err := phrases.Open(raw)
	if err != nil {
		return nil, err
	}
	r := &reader{table: table, never: set(u.never), alone: set(u.alone), sexes: set(u.sexes)}
	r.scratch.Listener = r
	return r, nil
}

func set(lines []string) map[string]bool {
	out := map[string]bool{}
	for _, l := range lines {
		for _, w := range phrases.Words(l) {
			out[w] = true
		}
	}
	return out
}

// Heard keeps the first reading: digits are read as letters only where nothing
// else is found, and there is no telling which of them here.
func (r *reader) Heard(reading phrases.Reading) {
	if r.read {
		return
	}
	r.read = true
	for i := range reading.Len() {
		text, _, _, _ := reading.Word(i)
		r.words = append(r.words, string(text))
	}
}

// features gives the words of a line, and each two side by side.
func (r *reader) features(line string) []string {
	r.words, r.read = r.words[:0], false
	r.table.Search(&r.scratch, line)
	var out []string
	seen := map[string]bool{}
	put := func(f string) {
		if !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	for i, w := range r.words {
		if r.never[w] {
			continue
		}
		if r.mayCount(w) {
			put(w)
		}
		if i > 0 && r.mayCountTogether(r.words[i-1], w) {
			put(r.words[i-1] + " " + w)
		}
	}
	return out
}

// asksForHelp reports a line with words that ask for help.
func (r *reader) asksForHelp(line string) bool {
	r.read = true // nobody listens
	return len(r.table.Search(&r.scratch, line)) > 0
}

// mayCount reports a word of which something may be learnt by itself.
func (r *reader) mayCount(w string) bool { return !r.never[w] && !r.alone[w] && !isNumber(w) }

// isNumber reports a word of digits alone: years and marks say nothing of anybody.
func isNumber(w string) bool { return strings.Trim(w, "0123456789") == "" }

// mayLearn reports a word, or two side by side, of which something may be learnt:
// lines of other languages have been read with other lists.
func (r *reader) mayLearn(feature string) bool {
	first, second, two := strings.Cut(feature, " ")
	if !two {
		return r.mayCount(first)
	}
	return r.mayCountTogether(first, second)
}

// mayCountTogether reports two words of which something may be learnt side by side.
func (r *reader) mayCountTogether(a, b string) bool {
	switch {
	case r.never[a] || r.never[b]:
		return false
	case r.sexes[a] || r.sexes[b]: // "a girl", "girls and": a small word adds nothing to it
		return !r.alone[a] || !r.alone[b]
	}
	return true
}
