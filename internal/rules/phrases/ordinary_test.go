package phrases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// shipped gives every phrase and form of the packs in this tree that has this
// weight at least.
func shipped(t testing.TB, least int) (list []Phrase) {
	t.Helper()
	files, err := filepath.Glob("../../../packs/*/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of packs, %v", len(files), err)
	}
	sets := shippedSets(t, files)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Phrases []struct {
				Text   string
				Forms  []string
				All    []anyOf
				Within int
				Order  bool
				Weight *int
			}
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			t.Fatal(name, err)
		}
		for _, p := range file.Phrases {
			if p.Weight != nil && *p.Weight < least {
				continue
			}
			for _, text := range append(p.Forms, p.Text) {
				if text != "" {
					list = append(list, Phrase{Ref: uint32(len(list)), Text: text})
				}
			}
			if len(p.All) > 0 {
				list = append(list, Phrase{Ref: uint32(len(list)), All: expand(p.All, sets), Within: p.Within, Ordered: p.Order})
			}
		}
	}
	return list
}

// anyOf is one element of `all`: a text or a list of them.
type anyOf []string

func (a *anyOf) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*a = anyOf{n.Value}
		return nil
	}
	return n.Decode((*[]string)(a))
}

// shippedSets gives the sets of words that phrases name.
func shippedSets(t testing.TB, files []string) map[string][]string {
	t.Helper()
	sets := map[string][]string{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Sets []struct {
				Set string
				Any []string
			}
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			t.Fatal(name, err)
		}
		for _, s := range file.Sets {
			sets[s.Set] = s.Any
		}
	}
	return sets
}

// expand puts the words of sets in the place of their names.
func expand(all []anyOf, sets map[string][]string) (out [][]string) {
	var words func(texts []string) []string
	words = func(texts []string) (choice []string) {
		for _, text := range texts {
			if set, is := strings.CutPrefix(text, "$"); is {
				choice = append(choice, words(sets[set])...)
			} else {
				choice = append(choice, text)
			}
		}
		return choice
	}
	for _, choice := range all {
		out = append(out, words(choice))
	}
	return out
}

// What is guessed at, digits as letters, pieces put together, letters spelled
// out or stretched, must find nothing in ordinary lines: a false alarm may harm
// a child. What flags nothing by itself may be guessed at: "sooo tired".
func TestNoGuessFlagsAnOrdinaryLine(t *testing.T) {
	list := shipped(t, 100)
	table := tableOf(t, list...)
	data, err := os.ReadFile("testdata/ordinary.txt")
	if err != nil {
		t.Fatal(err)
	}
	s, lines := new(Scratch), 0
	if hits := table.Search(s, "k y s"); len(hits) == 0 || hits[0].How == 0 {
		t.Fatalf("nothing is guessed at all: %v", hits)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' && strings.Contains(line, " ") {
			continue
		}
		lines++
		for _, text := range []string{line, strings.ToUpper(line), "how to " + line, line + " meaning", line + ", " + line} {
			for _, h := range table.Search(s, text) {
				if h.How != 0 {
					t.Errorf("%q: %q is read as %q (%s)", text, text[h.Start:h.End], s.ReadAs(h), strings.Join(h.How.Words(), ", "))
				}
			}
		}
	}
	if lines < 400 || len(list) < 1000 {
		t.Errorf("%d lines against %d phrases", lines, len(list))
	}
}

// Every phrase that ships is found in each way of writing it.
func TestEveryShippedPhraseIsFoundHoweverItIsWritten(t *testing.T) {
	list := shipped(t, 0)
	table := tableOf(t, list...)
	s := new(Scratch)
	finds := func(p Phrase, text string) bool {
		for _, h := range table.Search(s, text) {
			if h.Ref == p.Ref {
				return true
			}
		}
		return false
	}
	for _, p := range list {
		if p.Text == "" {
			continue
		}
		ways := []string{p.Text, strings.ToUpper(p.Text), "so " + p.Text + "!", strings.ReplaceAll(p.Text, " ", "_"), strings.ReplaceAll(p.Text, " ", " \u200b, ")}
		if spelled := strings.Join(strings.Split(string(s.Fold(p.Text)), ""), "."); !hasLettersApart(p.Text) {
			ways = append(ways, strings.ReplaceAll(spelled, ". .", " "))
		}
		for _, text := range ways {
			if !finds(p, text) {
				t.Errorf("%q is not found in %q", p.Text, text)
			}
		}
	}
}

// hasLettersApart reports a phrase that is spelled out as it stands ("k m s
// tonight"): with the next word's letters apart too, nobody could tell where one
// word ends.
func hasLettersApart(text string) bool {
	single := false
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == '-' || r == '.' }) {
		one := utf8.RuneCountInString(w) == 1
		if one && single {
			return true
		}
		single = one
	}
	return false
}
