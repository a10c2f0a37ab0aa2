package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"safelight/internal/event"
)

// Outline is what packs say, in the words of their files, for whoever compares
// two sets of rules. Nothing judges by it.
type Outline struct {
	Packs      []Pack
	Categories []OutlineCategory // by id
	Spellings  []OutlineSpelling // by what is typed
	Marks      []OutlineMark     // by mark and name

	named []scopeWord
}

// OutlineCategory is a category with all that is written for it, in whatever
// file.
type OutlineCategory struct {
	Category
	// Actions has one for each role, in the order of Roles(), whichever file says so.
	Actions   []Action
	Threshold uint32
	Rules     []OutlineRule  // by kind and text
	Raises    []OutlineRaise // as they are written
	Hits      []string       // lines of its tests
	Misses    []string
}

// OutlineRule is one thing that a category looks for, or lets through. A phrase
// and its forms are one each: that is how people count them.
type OutlineRule struct {
	Kind     RuleKind
	ID       string // of a phrase
	Text     string // the words, the domain, the program
	Tier     Tier
	Severity event.Severity
	// Where a phrase looks: search words, whole words of a host name, and with Part
	// inside longer words too.
	Search, Host, Part bool
	Weight             uint32 // of a phrase, or a weighed word's points
	// BesideHelp is what a weighed word's sum has to reach beside words that ask for help.
	BesideHelp uint32
	Lang       string // of a phrase
	Reviewed   bool   // false: off (G6)
	Scope      Scope
	// MaxShrink and MaxGrow are a subscribed list's guards, in per cent.
	MaxShrink, MaxGrow uint32
}

// OutlineRaise is what makes a category's findings graver, in words.
type OutlineRaise struct {
	Text  string
	Scope Scope
}

// OutlineSpelling is a word as people type it, and what it is read as.
type OutlineSpelling struct{ Typed, Meant string }

// OutlineMark is a name and what is known of it beside any category.
type OutlineMark struct {
	Mark string
	Name string
}

// OutlineOf reads the files that Compile takes and says what stands in them. It
// makes no tables, and so finds no mistake that only these show.
// The error is a Problems.
func OutlineOf(files map[string][]byte) (*Outline, error) {
	c := newCompiler(files, nil)
	c.parse(files)
	c.build()
	if len(c.problems) > 0 {
		return nil, c.problems.sorted()
	}
	o := &Outline{Packs: c.policy.Packs, named: c.named}
	at := map[string]int{}
	for i, cat := range c.policy.Categories {
		at[cat.ID] = i
		o.Categories = append(o.Categories, OutlineCategory{Category: cat.Category, Actions: cat.Actions, Threshold: cat.Threshold})
	}
	for _, f := range c.cats {
		o.Categories[at[f.cat.ID]].add(f)
		o.Categories[at[f.cat.ID]].addSets(f, c.sets)
	}
	for _, s := range c.source.spellings {
		o.Spellings = append(o.Spellings, OutlineSpelling{s.Typed, s.Meant})
	}
	for _, a := range c.approved {
		cat := &o.Categories[at[a.id]]
		for _, p := range a.progs {
			cat.put(a.pack, OutlineRule{Kind: RuleApproved, Text: p.is.String(), Scope: a.scope, Reviewed: true})
		}
	}
	for _, l := range c.lists { // files of names: as good as names written in
		rule := c.policy.Rules[l.rule]
		cat := &o.Categories[rule.Category]
		for name := range l.names {
			cat.Rules = append(cat.Rules, OutlineRule{
				Kind: RuleDomain, Text: name, Tier: rule.Tier, Severity: rule.Severity, Reviewed: true, Scope: c.policy.Scopes[rule.Scope],
			})
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
	put := func(r OutlineRule) {
		r.Scope = f.scope
		c.put(f.pack, r)
	}
	for _, p := range f.phrases {
		for _, text := range p.written() {
			put(OutlineRule{
				Kind: RulePhrase, ID: p.id, Text: text, Severity: p.severity, Search: p.search, Host: p.host, Part: p.part,
				Weight: p.weight, Lang: p.lang, Reviewed: p.reviewed,
			})
		}
	}
	for _, p := range f.allow {
		put(OutlineRule{Kind: RuleAllowPhrase, Text: p.written(), Search: true, Host: true, Reviewed: true})
	}
	for _, w := range f.weights {
		r := OutlineRule{Kind: RuleWeighed, ID: w.id, Text: strings.Join(w.words, " "), Severity: w.severity, Search: true, Weight: uint32(max(w.points, -w.points)), Lang: w.lang, Reviewed: w.reviewed}
		if r.BesideHelp = w.enoughBesideHelp(c.Risk); w.points < 0 {
			r.Kind, r.BesideHelp = RuleCounterweight, 0 // said of what speaks for it
		}
		put(r)
	}
	c.addNames(f, put)
	for _, p := range f.progs {
		put(OutlineRule{Kind: RuleProgram, Text: p.is.String(), Severity: p.severity, Reviewed: true})
	}
	for _, m := range f.marked.Each() {
		put(OutlineRule{Kind: RuleList, ID: m.String(), Text: "names marked " + m.String(), Reviewed: true})
	}
	for _, x := range f.raises {
		c.Raises = append(c.Raises, OutlineRaise{x.written(), f.scope})
	}
	for _, t := range f.tests.hit {
		c.Hits = append(c.Hits, t.text)
	}
	for _, t := range f.tests.miss {
		c.Misses = append(c.Misses, t.text)
	}
}

// addSets takes in the words of the sets that a file's phrases name, and of those
// that these name, as phrases of the category: whoever takes one out takes it out of
// each.
func (c *OutlineCategory) addSets(f *categoryFile, sets map[string]*wordSet) {
	done := map[string]bool{}
	var add func(like OutlineRule, texts []string)
	add = func(like OutlineRule, texts []string) {
		for _, text := range texts {
			name, isSet := strings.CutPrefix(text, setSign)
			key := fmt.Sprint(text, like)
			if !isSet || done[key] {
				continue
			}
			done[key] = true
			for _, word := range sets[name].any {
				r := like
				r.ID, r.Text = text, text+": "+word
				c.put(f.pack, r)
			}
			add(like, sets[name].any)
		}
	}
	for _, p := range f.phrases {
		like := OutlineRule{
			Kind: RulePhrase, Severity: p.severity, Search: p.search, Host: p.host, Weight: p.weight, Lang: p.lang, Reviewed: p.reviewed, Scope: f.scope,
		}
		for _, choice := range p.all {
			add(like, choice)
		}
	}
	for _, a := range f.allow {
		add(OutlineRule{Kind: RuleAllowPhrase, Search: true, Host: true, Reviewed: true, Scope: f.scope}, a.near)
	}
}

// addNames takes in the domains of a file, its subscriptions and look-alikes.
func (c *OutlineCategory) addNames(f *categoryFile, put func(OutlineRule)) {
	for _, d := range f.domains {
		kind := RuleDomain
		if d.allow {
			kind = RuleAllowDomain
		}
		put(OutlineRule{Kind: kind, Text: d.name, Severity: d.severity, Reviewed: true})
	}
	for _, l := range f.lists {
		if l.source.File == "" {
			put(OutlineRule{
				Kind: RuleList, ID: l.source.ID, Text: l.source.written(), Severity: l.severity, Reviewed: true,
				MaxShrink: l.source.MaxShrink, MaxGrow: l.source.MaxGrow,
			})
		}
	}
	for _, l := range f.looks {
		for _, name := range l.names {
			put(OutlineRule{Kind: RuleLookalike, Text: name, Severity: l.severity, Reviewed: true})
		}
	}
}

func (c *OutlineCategory) put(p *packFile, r OutlineRule) {
	if p.kind == schoolPack {
		r.Tier = TierSchool
	}
	r.Severity = cmp.Or(r.Severity, c.Severity)
	c.Rules = append(c.Rules, r)
}

func (p allowPhrase) written() string {
	if len(p.near) == 0 {
		return asOne(p.text)
	}
	return fmt.Sprintf("%s near %s within %d", asOne(p.text), joined(p.near, ", "), p.within)
}

func (l ListSource) written() string {
	return strings.Join(strings.Fields(l.ID+" from "+l.URL+" "+l.Member+" ("+l.Format+")"), " ")
}

func (x raiseRule) written() string {
	what := fmt.Sprintf("%d times", x.repeats)
	if len(x.with) > 0 {
		what = "with " + strings.Join(x.with, " or ")
	}
	return fmt.Sprintf("%s within %s: %s", what, x.within, x.to)
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
	slices.SortFunc(o.Spellings, func(a, b OutlineSpelling) int { return cmp.Compare(a.Typed, b.Typed) })
	slices.SortFunc(o.Marks, func(a, b OutlineMark) int { return cmp.Or(cmp.Compare(a.Mark, b.Mark), cmp.Compare(a.Name, b.Name)) })
}
