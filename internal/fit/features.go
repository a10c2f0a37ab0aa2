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
}

func newReader(outline *rules.Outline, never, alone []string) (*reader, error) {
	var spellings []phrases.Spelling
	for _, s := range outline.Spellings {
		spellings = append(spellings, phrases.Spelling{Typed: s.Typed, Meant: s.Meant})
	}
	raw, err := phrases.Build(nil, spellings...)
	if err != nil {
		return nil, err
	}
	table, err := phrases.Open(raw)
	if err != nil {
		return nil, err
	}
	r := &reader{table: table, never: set(never), alone: set(alone)}
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
		if !r.alone[w] && !isNumber(w) {
			put(w)
		}
		if i > 0 && !r.never[r.words[i-1]] {
			put(r.words[i-1] + " " + w)
		}
	}
	return out
}

// isNumber reports a word of digits alone: years and marks say nothing of anybody.
func isNumber(w string) bool { return strings.Trim(w, "0123456789") == "" }
