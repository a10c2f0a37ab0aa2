package rules

import (
	"fmt"
	"reflect"
	"slices"

	"safelight/internal/event"
)

// from says whose rules a file holds and what they are worth.
type from struct {
	cat      int32
	pack     string
	tier     Tier
	severity event.Severity
	scope    uint32
}

// build makes the policy: categories first, then what extends them.
func (c *compiler) build() {
	c.addMarks()
	c.addWords()
	for _, f := range c.cats {
		if !f.extends {
			c.define(f)
		}
	}
	for _, f := range c.cats {
		switch d := c.byID[f.cat.ID]; {
		case d == nil:
			c.bad(f.pos, fmt.Sprintf("extends %q, which no pack here defines", f.cat.ID), "check the id, or add the pack that defines it")
		case f.extends || d.file == f:
			c.fill(d, f)
		}
	}
	c.addApproved()
	c.addProtected()
	c.addHelp()
	c.addRaises()
	c.unusedFiles()
}

// tabulate makes the tables that Judge looks into. Those of half a policy would
// only add to the noise.
func (c *compiler) tabulate() {
	if len(c.problems) > 0 {
		return
	}
	c.buildWords()
	c.buildWeighed()
	c.buildNames()
}

func (c *compiler) define(f *categoryFile) {
	id := f.cat.ID
	if other := c.byID[id]; other != nil {
		mend := "rename it, or write `extends: " + id + "` to add rules to it"
		if other.file.pack.name == LockedPack {
			mend = "take this file out: the locked pack brings the category, and `extends: " + id + "` adds rules to it"
		}
		c.bad(f.pos, fmt.Sprintf("category %q is also in %s", id, other.file.pos), mend)
		return
	}
	cat := PolicyCategory{Category: f.cat, Actions: f.acts, Threshold: uint32(f.threshold)}
	cat.Pack = f.pack.label()
	c.byID[id] = &defined{file: f, index: int32(len(c.policy.Categories)), ids: map[string]pos{}}
	c.policy.Categories = append(c.policy.Categories, cat)
	if cat.Locked {
		for i, a := range f.acts {
			if f.set[i] && a != ActionAlert {
				c.bad(f.actsAt, fmt.Sprintf("%s is %s in %q, which is locked", roleNames[i], a, id), "want alert, or leave the role out (G16)")
			}
		}
	}
}

// fill adds a file's rules to its category.
func (c *compiler) fill(d *defined, f *categoryFile) {
	cat := &c.policy.Categories[d.index]
	if cat.Locked {
		c.checkLocked(cat, f)
	}
	if f.extends {
		for i, set := range f.set {
			if set && !(cat.Locked && f.acts[i] < cat.Actions[i]) {
				cat.Actions[i] = f.acts[i]
			}
		}
	}
	src := from{cat: d.index, pack: f.pack.label(), severity: cat.Severity, scope: c.scope(f.scope)}
	if f.pack.kind == schoolPack {
		src.tier = TierSchool
	}
	c.addPhrases(d, src, f)
	c.addWeighed(d, src, f)
	c.addDomains(src, f)
	c.addLists(src, f)
	c.addLookalikes(src, f)
	c.addPrograms(src, f)
	c.source.tests = append(c.source.tests, catTests{d.index, f.tests})
}

// checkLocked refuses whatever would make a locked category see less (D12,
// G16): in a school's file, and in the category's own.
func (c *compiler) checkLocked(cat *PolicyCategory, f *categoryFile) {
	locked := fmt.Sprintf("%q, which is locked", cat.ID)
	if len(f.allow) > 0 || slices.ContainsFunc(f.domains, func(d domainRule) bool { return d.allow }) {
		c.bad(f.pos, "allows something in "+locked, "take the allow lines out (G16)")
	}
	if !f.scope.empty() {
		c.bad(f.scopeAt, "narrows "+locked, "take the scope out (G16)")
	}
	for i, set := range f.set {
		if f.extends && set && f.acts[i] < cat.Actions[i] {
			c.bad(f.actsAt, fmt.Sprintf("makes %s %s of %s in %s", roleNames[i], f.acts[i], cat.Actions[i], locked), "take the line out (G16)")
		}
	}
	for _, p := range f.phrases {
		if !p.reviewed {
			c.bad(p.pos, "a phrase that is off until reviewed in "+locked, "have a speaker review it and write `reviewed: true`, or leave it out")
		}
	}
	for _, w := range f.weighed {
		c.bad(w.pos, "weighs words in "+locked, "write phrases: what is locked is told of as fact, and sums are a likeness")
	}
}

// scope gives the index of a scope, which files share.
func (c *compiler) scope(s Scope) uint32 {
	for i, other := range c.policy.Scopes {
		if reflect.DeepEqual(s, other) {
			return uint32(i)
		}
	}
	c.policy.Scopes = append(c.policy.Scopes, s)
	return uint32(len(c.policy.Scopes) - 1)
}

// rule adds a rule and gives its index.
func (c *compiler) rule(src from, at pos, severity event.Severity, r Rule) uint32 {
	r.Category, r.Pack, r.Tier, r.Scope, r.Severity = src.cat, src.pack, src.tier, src.scope, src.severity
	if severity != 0 {
		r.Severity = severity
	}
	r.File, r.Line = at.file, at.line
	c.policy.Rules = append(c.policy.Rules, r)
	c.source.at = append(c.source.at, at)
	return uint32(len(c.policy.Rules) - 1)
}

func (c *compiler) id(src from, rest string) string {
	return c.policy.Categories[src.cat].ID + "/" + rest
}

func (c *compiler) addApproved() {
	for _, a := range c.approved {
		d := c.byID[a.id]
		if d == nil {
			c.bad(a.pos, fmt.Sprintf("approved is for %q, which no pack here defines", a.id), "want the id of the category that the note is in")
			continue
		}
		if c.policy.Categories[d.index].Locked {
			c.bad(a.pos, fmt.Sprintf("approved is for %q, which is locked", a.id), "want another category: a program that nobody knows is no grave matter by itself")
			continue
		}
		src := from{cat: d.index, pack: a.pack.label(), severity: event.Low, scope: c.scope(a.scope)}
		if a.pack.kind == schoolPack {
			src.tier = TierSchool
		}
		rule := c.rule(src, a.pos, 0, Rule{Kind: RuleApproved, ID: c.id(src, "not-approved")})
		for _, p := range a.progs {
			p.is.Rule = rule
			c.policy.Programs = append(c.policy.Programs, p.is)
		}
		c.source.tests = append(c.source.tests, catTests{d.index, a.tests})
	}
}

func (c *compiler) addProtected() {
	for _, p := range c.protected {
		for _, d := range p.domains {
			if _, twice := c.source.sites[d.name]; !twice {
				c.policy.Protected = append(c.policy.Protected, d.name)
			}
			c.source.sites[d.name] = d.pos
		}
		c.source.miss = append(c.source.miss, p.miss...)
	}
}

func (c *compiler) addRaises() {
	for _, f := range c.cats {
		d := c.byID[f.cat.ID]
		if d == nil {
			continue
		}
		for _, x := range f.raises {
			r := Raise{
				Category: d.index, Repeats: uint32(x.repeats), With: -1, Within: x.within, To: x.to, Scope: c.scope(f.scope),
				File: x.pos.file, Line: x.pos.line,
			}
			if x.repeats > 0 {
				c.policy.Raises = append(c.policy.Raises, r)
			}
			for _, id := range x.with {
				with := c.byID[id]
				if with == nil {
					c.bad(x.pos, fmt.Sprintf("with %q, which no pack here defines", id), "want the id of another category")
					continue
				}
				r.With = with.index
				c.policy.Raises = append(c.policy.Raises, r)
			}
		}
	}
}
