package rules

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"safelight/internal/event"
)

// tier orders rules by who wrote them; a school's stand above a pack's.
type tier uint8

const (
	tierPack tier = iota
	tierSchool
)

// Ruleset is compiled rules. It never changes; many goroutines may use it.
type Ruleset struct {
	cats      []*category
	byID      map[string]*category
	words     *trie
	domains   map[string][]domainEntry
	programs  map[string][]programEntry
	protected map[string]pos
	miss      []testLine // of the protected pack
	packs     []Pack

	marks        map[string]marked
	addressMarks map[netip.Addr]Mark
}

// Pack is a pack's name and version.
type Pack struct {
	Name    string
	Version int
}

// category is a Category with what judges.
type category struct {
	Category
	pos        pos
	exemptable bool
	rules      []phraseRule
	tests      []tests
}

// source says where a rule comes from and what it is worth.
type source struct {
	pos      pos
	pack     string
	tier     tier
	severity event.Severity
}

type phraseRule struct {
	source
	id string
}

type domainEntry struct {
	source
	cat   int32
	allow bool
}

type programEntry struct {
	source
	cat  int32
	name string
	path string
}

// Compile reads the files of one or more packs, by slash path: the folder is
// the pack, pack.yaml names it, every other .yaml file is a category or, in
// the protected pack, a list of what nothing may flag. The protected pack has
// to be there (G5). The error is a Problems.
func Compile(files map[string][]byte) (*Ruleset, error) {
	c := compiler{rs: &Ruleset{
		byID: map[string]*category{}, words: newTrie(), domains: map[string][]domainEntry{},
		programs: map[string][]programEntry{}, protected: map[string]pos{},
	}}
	c.parse(files)
	c.build()
	if len(c.problems) > 0 {
		return nil, c.problems.sorted()
	}
	return c.rs, nil
}

type compiler struct {
	rs        *Ruleset
	problems  Problems
	packs     map[string]*packFile // by folder
	cats      []*categoryFile
	protected []*protectedFile
	marks     []*marksFile
}

func (c *compiler) bad(at pos, what, mend string) {
	c.problems = append(c.problems, at.problem(what, mend))
}

// parse reads every file, pack.yaml files first, in the order of their names.
func (c *compiler) parse(files map[string][]byte) {
	names := slices.Sorted(maps.Keys(files))
	c.packs = map[string]*packFile{}
	for _, name := range names {
		if path.Base(name) == packName {
			c.parsePack(name, files[name])
		}
	}
	for _, name := range names {
		if path.Base(name) != packName {
			c.parseFile(name, files[name])
		}
	}
	if !slices.ContainsFunc(c.rs.packs, func(p Pack) bool { return p.Name == ProtectedPack }) {
		c.problems = append(c.problems, Problem{What: "no protected pack", Mend: "every set of rules carries it: add packs/protected, unchanged"})
	}
}

const packName = "pack.yaml"

func (c *compiler) parsePack(name string, data []byte) {
	r := &reader{file: name}
	defer func() { c.problems = append(c.problems, r.problems...) }()
	n := r.document(data)
	if n == nil {
		return
	}
	p := r.pack(n)
	if p == nil {
		return
	}
	for _, other := range c.packs {
		if other.name == p.name {
			r.bad(n, fmt.Sprintf("pack %q is also %s", p.name, other.pos), "give each pack its own name")
			return
		}
	}
	c.packs[path.Dir(name)] = p
	c.rs.packs = append(c.rs.packs, Pack{p.name, p.version})
}

func (c *compiler) parseFile(name string, data []byte) {
	r := &reader{file: name}
	defer func() { c.problems = append(c.problems, r.problems...) }()
	pack := c.packs[path.Dir(name)]
	switch {
	case path.Ext(name) != ".yaml":
		r.badFile(0, "not a .yaml file", "rename it, or move it out of the pack")
		return
	case pack == nil:
		r.badFile(0, "no readable pack.yaml beside it", "add "+path.Join(path.Dir(name), packName)+" with pack, title and version")
		return
	}
	n := r.document(data)
	if n == nil {
		return
	}
	if pack.kind == protectedPack {
		if p := r.protected(n); p != nil {
			c.protected = append(c.protected, p)
		}
		return
	}
	if hasKey(n, "marks") {
		if m := r.marks(n); m != nil {
			c.marks = append(c.marks, m)
		}
		return
	}
	if f := r.category(n, pack); f != nil && f.cat.ID != "" {
		c.cats = append(c.cats, f)
	}
}

// build makes the tables: categories first, then what extends them.
func (c *compiler) build() {
	c.addMarks()
	for _, f := range c.cats {
		if !f.extends {
			c.define(f)
		}
	}
	for _, f := range c.cats {
		if cat := c.rs.byID[f.cat.ID]; cat != nil {
			c.fill(cat, f)
		} else {
			c.bad(f.pos, fmt.Sprintf("extends %q, which no pack here defines", f.cat.ID), "check the id, or add the pack that defines it")
		}
	}
	for _, p := range c.protected {
		for _, d := range p.domains {
			c.rs.protected[d.name] = d.pos
		}
		c.rs.miss = append(c.rs.miss, p.miss...)
	}
	for _, w := range helpWords {
		c.rs.words.add(w, ref{cat: helpCat, text: true})
	}
}

func (c *compiler) define(f *categoryFile) {
	id := f.cat.ID
	if other := c.rs.byID[id]; other != nil {
		c.bad(f.pos, fmt.Sprintf("category %q is also in %s", id, other.pos), "rename it, or write `extends: "+id+"` to add rules to it")
		return
	}
	cat := &category{Category: f.cat, pos: f.pos, exemptable: slices.Contains(exemptable, id)}
	cat.Pack = f.pack.label()
	c.rs.byID[id] = cat
	c.rs.cats = append(c.rs.cats, cat)
}

// fill adds a file's rules to its category.
func (c *compiler) fill(cat *category, f *categoryFile) {
	if !f.extends && cat.pos != f.pos {
		return // a second definition, refused already
	}
	if f.extends && cat.Locked && (len(f.allow) > 0 || slices.ContainsFunc(f.domains, func(d domainRule) bool { return d.allow })) {
		c.bad(f.pos, fmt.Sprintf("allows something in %q, which is locked", cat.ID), "take the allow lines out (G16)")
	}
	index := int32(slices.Index(c.rs.cats, cat))
	src := source{pack: f.pack.label(), severity: cat.Severity}
	if f.pack.kind == schoolPack {
		src.tier = tierSchool
	}
	c.addPhrases(cat, index, src, f)
	c.addDomains(index, src, f)
	c.addPrograms(index, src, f)
	cat.tests = append(cat.tests, f.tests)
}

// at gives a rule's own source.
func (s source) at(p pos, severity event.Severity) source {
	s.pos = p
	if severity != 0 {
		s.severity = severity
	}
	return s
}

func (c *compiler) addPhrases(cat *category, index int32, src source, f *categoryFile) {
	for _, p := range f.phrases {
		id := cat.ID + "/" + p.id
		for _, other := range cat.rules {
			if other.id == id {
				c.bad(p.pos, fmt.Sprintf("phrase id %q is also in %s", p.id, other.pos), "give each phrase its own id and never use one again")
			}
		}
		r := ref{cat: index, rule: int32(len(cat.rules)), tier: src.tier, host: p.host, text: p.search}
		cat.rules = append(cat.rules, phraseRule{src.at(p.pos, p.severity), id})
		for _, text := range append([]string{p.text}, p.forms...) {
			c.addPhrase(p.pos, text, r)
		}
	}
	for _, p := range f.allow {
		c.addPhrase(p.pos, p.text, ref{cat: index, tier: src.tier, allow: true, text: true, host: true})
	}
}

func (c *compiler) addPhrase(at pos, text string, r ref) {
	n := c.rs.words.add(text, r)
	switch {
	case n == 0 || n == 1 && len(strings.TrimSpace(text)) < 2:
		c.bad(at, fmt.Sprintf("phrase %q has no word in it", clip(text)), "write at least one word of two letters")
	case n > maxWords:
		c.bad(at, fmt.Sprintf("phrase of %d words", n), fmt.Sprintf("want at most %d", maxWords))
	}
}

func (c *compiler) addDomains(index int32, src source, f *categoryFile) {
	for _, d := range f.domains {
		for _, other := range c.rs.domains[d.name] {
			if other.cat == index && other.tier == src.tier && other.allow == d.allow {
				c.bad(d.pos, fmt.Sprintf("domain %q is also in %s", d.name, other.pos), "keep one of them")
			}
		}
		c.rs.domains[d.name] = append(c.rs.domains[d.name], domainEntry{src.at(d.pos, d.severity), index, d.allow})
	}
}

func (c *compiler) addPrograms(index int32, src source, f *categoryFile) {
	for _, p := range f.progs {
		c.rs.programs[p.name] = append(c.rs.programs[p.name], programEntry{src.at(p.pos, p.severity), index, p.name, p.path})
	}
}

// Categories lists the categories by the order of their files.
func (rs *Ruleset) Categories() []Category {
	out := make([]Category, len(rs.cats))
	for i, c := range rs.cats {
		out[i] = c.Category
	}
	return out
}

// Category gives a category by its id.
func (rs *Ruleset) Category(id string) (Category, bool) {
	if c := rs.byID[id]; c != nil {
		return c.Category, true
	}
	return Category{}, false
}

// Packs lists the packs the rules came from.
func (rs *Ruleset) Packs() []Pack { return slices.Clone(rs.packs) }
