package main

import (
	"slices"
	"strings"

	"safelight/internal/rules"
	"safelight/internal/rules/phrases"
)

// reader turns a line into the words that the engine would read in it.
type reader struct {
	room  phrases.Scratch
	usual map[string]string // spellings, by what is typed
	never map[string]bool   // words that no weight may be learnt for
}

func newReader(spellings []rules.OutlineSpelling, never []string) *reader {
	r := &reader{usual: map[string]string{}, never: map[string]bool{}}
	for _, s := range spellings {
		r.usual[string(r.room.Fold(s.Typed))] = string(r.room.Fold(s.Meant))
	}
	for _, line := range never {
		for w := range strings.FieldsSeq(string(r.room.Fold(line))) {
			r.never[w] = true
		}
	}
	return r
}

var digits = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t")

// words gives the words of a line in usual spelling.
func (r *reader) words(line string) []string {
	var out []string
	row := ""
	flush := func() {
		if len(row) >= 3 {
			out = append(out, r.spelt(row)...)
		} else {
			for _, c := range row {
				out = append(out, r.spelt(string(c))...)
			}
		}
		row = ""
	}
	for w := range strings.FieldsSeq(string(r.room.Fold(line))) {
		if len(w) == 1 {
			row += w
			continue
		}
		flush()
		out = append(out, r.spelt(w)...)
	}
	flush()
	return out
}

// spelt gives a word as it is usually spelt.
func (r *reader) spelt(w string) []string {
	if usual, ok := r.usual[w]; ok {
		return strings.Fields(usual)
	}
	if strings.ContainsAny(w, "013457") && strings.ContainsAny(w, "abcdefghijklmnopqrstuvwxyz") {
		w = digits.Replace(w)
	}
	w = squeezed(w)
	if usual, ok := r.usual[w]; ok {
		return strings.Fields(usual)
	}
	return []string{w}
}

// squeezed leaves one of a letter that stands three times or more.
func squeezed(w string) string {
	var b strings.Builder
	for i := 0; i < len(w); {
		n := 1
		for i+n < len(w) && w[i+n] == w[i] {
			n++
		}
		b.WriteByte(w[i])
		if n == 2 {
			b.WriteByte(w[i])
		}
		i += n
	}
	return b.String()
}

// features gives the words and pairs of words that a weight may be learnt for,
// once each.
func (r *reader) features(line string) []string {
	words := r.words(line)
	var out []string
	for i, w := range words {
		if r.never[w] || !plain(w) {
			continue
		}
		if len(w) > 1 {
			out = append(out, w)
		}
		if i > 0 && !r.never[words[i-1]] && plain(words[i-1]) {
			out = append(out, words[i-1]+" "+w)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// plain says whether a word is one of letters: numbers say nothing that is meant.
func plain(w string) bool {
	return !strings.ContainsFunc(w, func(c rune) bool { return c < 'a' || c > 'z' })
}
