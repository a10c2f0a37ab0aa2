package rules

import (
	"cmp"
	"slices"

	"safelight/internal/event"
)

// Outline is what packs say, in the words of their files, for whoever compares
// two sets of rules. Nothing judges by it.
type Outline struct {
	Packs      []Pack
	Categories []OutlineCategory // by id
	Marks      []OutlineMark     // by mark and name
}

// OutlineCategory is a category with all that is written for it, in whatever
// file.
type OutlineCategory struct {
	Category
	// Actions has one for each role, in the order of Roles().
	Actions []Action
	Rules   []OutlineRule // by kind and text
	Hits    []string      // lines of its tests
	Misses  []string
}

// OutlineRule is one thing that a category looks for, or lets through. A phrase
// and its forms are one each: that is how people count them.
type OutlineRule struct {
	Kind     RuleKind
	ID       string // of a phrase
	Text     string // the words, the domain, the program
	Tier     Tier
	Severity event.Severity
	// Where a phrase looks: search words, whole words of a host name.
	Search, Host bool
}

// OutlineMark is a name and what is known of it beside any category.
type OutlineMark struct {
	Mark string
	Name string
}

// OutlineOf reads the files that Compile takes. The error is a Problems where
// they cannot be read; whether they hold together is Compile's to say.
func OutlineOf(files map[string][]byte) (*Outline, error) {
	c := newCompiler(files, nil)
	c.parse(files)
	if len(c.problems) > 0 {
		return nil, c.problems.sorted()
	}
	o := &Outline{Packs: c.policy.Packs}
	at := map[string]int{}
	for _, f := range c.cats {
		if _, again := at[f.cat.ID]; f.extends || again {
			continue
		}
		at[f.cat.ID] = len(o.Categories)
		o.Categories = append(o.Categories, OutlineCategory{Category: f.cat, Actions: f.acts})
	}
	for _, f := range c.cats {
		if i, ok := at[f.cat.ID]; ok {
			o.Categories[i].add(f)
		}
	}
	for _, m := range c.marks {
		o.addMarks(m)
	}
	o.sort()
	return o, nil
}

// add takes in a file of the category.
func (c *OutlineCategory) add(f *categoryFile) {
	var tier Tier
	if f.pack.kind == schoolPack {
		tier = TierSchool
	}
	put := func(r OutlineRule) {
		r.Tier, r.Severity = tier, cmp.Or(r.Severity, c.Severity)
		c.Rules = append(c.Rules, r)
	}
	for _, p := range f.phrases {
		for _, text := range p.written() {
			put(OutlineRule{Kind: RulePhrase, ID: p.id, Text: text, Severity: p.severity, Search: p.search, Host: p.host})
		}
	}
	for _, p := range f.allow {
		put(OutlineRule{Kind: RuleAllowPhrase, Text: p.text, Search: true, Host: true})
	}
	for _, d := range f.domains {
		kind := RuleDomain
		if d.allow {
			kind = RuleAllowDomain
		}
		put(OutlineRule{Kind: kind, Text: d.name, Severity: d.severity})
	}
	for _, p := range f.progs {
		put(OutlineRule{Kind: RuleProgram, Text: p.is.String(), Severity: p.severity})
	}
	for _, m := range f.marked.Each() {
		put(OutlineRule{Kind: RuleList, ID: m.String(), Text: "names marked " + m.String()})
	}
	for _, t := range f.tests.hit {
		c.Hits = append(c.Hits, t.text)
	}
	for _, t := range f.tests.miss {
		c.Misses = append(c.Misses, t.text)
	}
}

func (o *Outline) addMarks(f *marksFile) {
	for _, d := range f.domains {
		o.Marks = append(o.Marks, OutlineMark{f.mark.String(), d.name})
	}
	for _, a := range f.addresses {
		o.Marks = append(o.Marks, OutlineMark{f.mark.String(), a.String()})
	}
}

func (o *Outline) sort() {
	slices.SortFunc(o.Categories, func(a, b OutlineCategory) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range o.Categories {
		slices.SortFunc(c.Rules, func(a, b OutlineRule) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Tier, b.Tier))
		})
	}
	slices.SortFunc(o.Marks, func(a, b OutlineMark) int { return cmp.Or(cmp.Compare(a.Mark, b.Mark), cmp.Compare(a.Name, b.Name)) })
}
