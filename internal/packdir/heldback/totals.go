package heldback

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/rules"
)

// Totals is how much stands in a set of packs. A phrase and its forms are one
// each, as whoever reads them counts.
type Totals struct {
	Categories, Phrases, Forms int // Forms: of Phrases, those beyond each rule's first
	Weighed                    int // words that count together, with those that speak against
	Unreviewed                 int // of Phrases, those that are off until a speaker has read them
	SetWords                   int // words of sets that phrases name, once each; none of Phrases
	Spellings                  int
	Hits, Misses               int
	Domains, Programs          int
	ProtectedLines             int
	ProtectedDomains           int
	PartsOfWords               int // of ProtectedLines, the Scunthorpe family
}

// partsOfWords is the protected file of words and places that hold other words.
const partsOfWords = "protected/parts-of-words.yaml"

// CountAll counts what stands in the files that rules.Compile takes.
func CountAll(files map[string][]byte) (t Totals, err error) {
	o, err := rules.OutlineOf(files)
	if err != nil {
		return t, fmt.Errorf("counting what stands in the packs: %w", err)
	}
	t.Categories, t.Spellings = len(o.Categories), len(o.Spellings)
	words := map[string]bool{}
	for _, c := range o.Categories {
		t.add(c, words)
	}
	t.SetWords = len(words)
	for _, m := range o.Marks {
		if m.Name != "" {
			t.Domains++
		}
	}
	return t, t.protected(files)
}

// add counts a category, and keeps the words of sets that it names.
func (t *Totals) add(c rules.OutlineCategory, words map[string]bool) {
	t.Hits += len(c.Hits)
	t.Misses += len(c.Misses)
	ids := map[string]bool{}
	for _, r := range c.Rules {
		switch {
		case strings.HasPrefix(r.ID, "$"):
			words[r.Text] = true
		case r.Kind == rules.RulePhrase:
			t.Phrases++
			if ids[r.ID] {
				t.Forms++
			}
			ids[r.ID] = true
			if !r.Reviewed {
				t.Unreviewed++
			}
		case r.Kind == rules.RuleWeighed, r.Kind == rules.RuleCounterweight:
			t.Weighed++
		case r.Kind == rules.RuleDomain:
			t.Domains++
		case r.Kind == rules.RuleProgram:
			t.Programs++
		}
	}
}

// protected counts what nothing may flag.
func (t *Totals) protected(files map[string][]byte) error {
	for name, data := range files {
		if path.Dir(name) != "protected" || !strings.HasSuffix(name, ".yaml") {
			continue
		}
		var file struct {
			Miss    []yaml.Node
			Domains []yaml.Node
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			return fmt.Errorf("counting what %s protects: %w", name, err)
		}
		t.ProtectedLines += len(file.Miss)
		t.ProtectedDomains += len(file.Domains)
		if name == partsOfWords {
			t.PartsOfWords = len(file.Miss)
		}
	}
	return nil
}
