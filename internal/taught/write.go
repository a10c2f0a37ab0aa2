package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/rules"
)

const (
	madeSuffix   = "-hints.yaml"
	ordinaryFile = "words-ordinary.yaml"
	testLines    = 4 // of each kind in a file
)

// write gives the files, by their names in the pack.
func (t *taught) write(hints []hint) map[string][]byte {
	made := map[string][]byte{ordinaryFile: t.ordinary(hints)}
	for c, id := range t.categories {
		if text := t.category(hints, c, id); text != nil {
			made[id+madeSuffix] = text
		}
	}
	return made
}

const madeBy = "# Made by `go run -tags grpcnotrace ./internal/taught` from lines in internal/taught/lines. Change those, or write rules of your own beside.\n"

func (t *taught) ordinary(hints []hint) []byte {
	var b bytes.Buffer
	b.WriteString(madeBy)
	b.WriteString("words: ordinary\ntitle: Words that speak for an ordinary reason\nwhy: >-\n  Homework, recipes, games and jokes share words with harm. These words take weight off the hints beside them; they never\n  hide a phrase.\n")
	b.WriteString("ordinary:\n")
	list(&b, hints, -1, "")
	return b.Bytes()
}

func (t *taught) category(hints []hint, c int, id string) []byte {
	if !slices.ContainsFunc(hints, func(h hint) bool { return h.category == c }) {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(madeBy)
	fmt.Fprintf(&b, "extends: %s\nowner: Designated Safeguarding Lead\nwhy: >-\n  Much is said in words that no list foresees. Words that pupils at risk type more often than others weigh together; each\n  by itself says nothing.\nhints:\n", id)
	severity := ""
	if t.risk[id] != rules.RiskOrdinary {
		severity = "severity: medium, "
	}
	list(&b, hints, c, severity)
	b.WriteString("tests:\n")
	tests(&b, "hit", t.examples(hints, c))
	tests(&b, "miss", t.counterexamples(hints, c))
	return b.Bytes()
}

// list writes the hints of a category, those of one weight together.
func list(b *bytes.Buffer, hints []hint, category int, severity string) {
	for i := 0; i < len(hints); {
		h := hints[i]
		var words []string
		for ; i < len(hints) && hints[i].category == h.category && hints[i].weight == h.weight; i++ {
			words = append(words, quoted(hints[i].text))
		}
		if h.category == category {
			fmt.Fprintf(b, "  - {weight: %d, %sany: [%s]}\n", h.weight, severity, strings.Join(words, ", "))
		}
	}
}

func tests(b *bytes.Buffer, what string, lines []string) {
	fmt.Fprintf(b, "  %s:\n", what)
	for _, l := range lines {
		fmt.Fprintf(b, "    - %s\n", quoted(l))
	}
}

// quoted writes a text as YAML that is read as text: yes, no and on are words too.
func quoted(text string) string {
	var n yaml.Node
	n.SetString(text)
	out, err := yaml.Marshal(&n)
	if s := strings.TrimSuffix(string(out), "\n"); err == nil && !strings.ContainsAny(s, ",[]{}#:") {
		return s
	}
	return fmt.Sprintf("%q", text)
}

// sums gives what the hints of a line weigh, all together and those of a category.
func (t *taught) sums(l line, weights map[string]hint, category int) (all, own int, most bool) {
	by := map[int]int{}
	for _, f := range l.features {
		switch h, ok := weights[t.features[f]]; {
		case ok && h.category < 0:
			all -= h.weight
		case ok:
			all += h.weight
			by[h.category] += h.weight
		}
	}
	for c, n := range by {
		if c != category && n >= by[category] {
			return all, by[category], false
		}
	}
	return all, by[category], true
}

func byText(hints []hint) map[string]hint {
	out := map[string]hint{}
	for _, h := range hints {
		out[h.text] = h
	}
	return out
}

// scored is a line and what its hints weigh.
type scored struct {
	text string
	sum  int
}

// examples gives lines of a category that its hints flag by far.
func (t *taught) examples(hints []hint, category int) []string {
	weights := byText(hints)
	return t.choose(category, func(l line) (int, bool) {
		all, own, most := t.sums(l, weights, category)
		return own, l.category == category && most && all > flags*3/2
	})
}

// counterexamples gives ordinary lines that have most of a category's hints and
// are not flagged.
func (t *taught) counterexamples(hints []hint, category int) []string {
	weights := byText(hints)
	return t.choose(category, func(l line) (int, bool) {
		all, own, _ := t.sums(l, weights, category)
		return own, l.category < 0 && !l.hard && own > 0 && all < flags*2/3
	})
}

func (t *taught) choose(_ int, good func(line) (int, bool)) []string {
	var some []scored
	for _, l := range t.lines {
		if own, ok := good(l); ok {
			some = append(some, scored{l.text, own})
		}
	}
	slices.SortStableFunc(some, func(a, b scored) int { return cmp.Or(cmp.Compare(b.sum, a.sum), cmp.Compare(a.text, b.text)) })
	var out []string
	for _, s := range some[:min(testLines, len(some))] {
		out = append(out, s.text)
	}
	return out
}
