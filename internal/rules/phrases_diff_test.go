package rules

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"safelight/internal/rules/phrases"
)

// The new finder finds what the old one found, and nothing that it did not, in
// every line of the packs and every mutation of them. Delete this file together
// with trie.go.
func TestPhrasesFindWhatTheTrieFound(t *testing.T) {
	texts := packTexts(t)
	old := newTrie()
	var list []phrases.Phrase
	for i, text := range texts {
		allow := i%7 == 0
		p := phrases.Phrase{Ref: uint32(i), Text: text, NoSpelledOut: allow}
		if p.Check() != nil {
			continue
		}
		old.add(text, ref{rule: int32(i), allow: allow})
		list = append(list, p)
	}
	b, err := phrases.Build(list)
	if err != nil {
		t.Fatal(err)
	}
	table, err := phrases.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d phrases, %d bytes", len(list), len(b))
	var was sentence
	var now phrases.Scratch
	rng := rand.New(rand.NewPCG(5, 7))
	lines, bad := 0, 0
	check := func(line string) {
		lines++
		old.search(&was, line)
		compareHits(t, line, was.hits, table.Search(&now, line), &bad)
		old.plain(&was, line)
		compareHits(t, line, was.hits, table.Plain(&now, line), &bad)
	}
	for _, p := range pleas() {
		texts = append(texts, p.line, p.signal)
	}
	for _, line := range texts {
		check(line)
		for range 8 {
			check(mutated(rng, line))
		}
		if bad > 20 {
			t.Fatal("and more")
		}
	}
	t.Logf("%d lines", lines)
}

type span struct {
	ref        uint32
	start, end int
}

func compareHits(t *testing.T, line string, was []hit, now []phrases.Hit, bad *int) {
	t.Helper()
	a, b := map[span]bool{}, map[span]bool{}
	for _, h := range was {
		a[span{uint32(h.rule), h.start, h.end}] = true
	}
	for _, h := range now {
		// Newly read are stretched letters outside ASCII, and a stretched word as
		// each of the words it may be: "goood" as god and as good.
		// And scripts without spaces, where a phrase is found within a run.
		at := span{h.Ref, h.Start, h.End}
		glued := strings.ContainsFunc(line[h.Start:h.End], func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) })
		if h.How&phrases.Stretched == 0 && !glued || a[at] {
			b[at] = true
		}
	}
	for s := range a {
		if !b[s] {
			*bad++
			t.Errorf("%q: %q is no longer found as phrase %d", line, line[s.start:s.end], s.ref)
		}
	}
	for s := range b {
		if !a[s] {
			*bad++
			t.Errorf("%q: %q is now found as phrase %d", line, line[s.start:s.end], s.ref)
		}
	}
}

// packTexts gives every line of the packs that ship, and what stands between
// their brackets and commas: phrases, forms, tests.
func packTexts(t *testing.T) []string {
	t.Helper()
	seen := map[string]bool{}
	var out []string
	files, err := filepath.Glob("../../packs/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no packs", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			for _, text := range append(strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(",[]{}:#", r) }), line) {
				text = strings.Trim(strings.TrimSpace(text), `-"' `)
				if text != "" && !seen[text] {
					seen[text] = true
					out = append(out, text)
				}
			}
		}
	}
	return out
}

// mutated writes a line as somebody might who does not want it to be found, or
// who cannot type.
func mutated(rng *rand.Rand, line string) string {
	out := []string{}
	for _, r := range line {
		s := string(r)
		switch rng.IntN(14) {
		case 0:
			s = strings.ToUpper(s)
		case 1:
			s += "."
		case 2:
			s = strings.Repeat(s, 1+rng.IntN(4))
		case 3:
			const from, to = "oieastbg", "01345789"
			if at := strings.IndexByte(from, s[0]); at >= 0 {
				s = to[at : at+1]
			}
		case 4:
			s = []string{"а", "é", "ｅ", "1", "!", "$", "@", "-", "_", " ", "\u200b", "'", "\u0301", "ß", "ﬃ", "|", "€", "ё", "σ", "\xff"}[rng.IntN(20)]
		case 5:
			s = ""
		}
		out = append(out, s)
	}
	switch rng.IntN(12) {
	case 0:
		return strings.Join(out, " ")
	case 1:
		return strings.Join(out, ".")
	case 2:
		return strings.Join(slices.DeleteFunc(out, func(s string) bool { return s == " " }), "-")
	case 3:
		return strings.ReplaceAll(strings.Join(out, ""), " ", "_")
	}
	return strings.Join(out, "")
}
