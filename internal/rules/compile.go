package rules

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"safelight/internal/rules/phrases"
	"safelight/internal/rules/weighed"
)

// Ruleset is compiled rules. It never changes; many goroutines may use it.
type Ruleset struct {
	policy *Policy
	tables Tables
	index
	source *source // nil in a Ruleset that Open made
}

// Pack is a pack's name and version.
type Pack struct {
	Name    string
	Version int
}

// source is what only whoever wrote or publishes the rules needs: where
// everything stands and what it is tested by.
type source struct {
	at    []pos // of each of Policy.Rules
	tests []catTests
	miss  []testLine // of the protected pack
	sites map[string]pos
	noise map[string]pos
	words []worded

	spellings []phrases.Spelling
}

// catTests are the tests of one file, and the category it is for.
type catTests struct {
	cat   int32
	tests tests
}

// Option changes how rules are compiled.
type Option func(*compiler)

// WithKey has the table of names hashed under key; 16 random bytes for each
// version keep anybody from making names that pass for listed ones. Without
// it, the key is made of the files, so that the same files give the same bytes.
func WithKey(key [16]byte) Option { return func(c *compiler) { c.key = &key } }

// Compile reads the files of one or more packs, by slash path: the folder is
// the pack, pack.yaml names it, every other .yaml file is a category or, in
// the protected pack, a list of what nothing may flag; .txt files are lists
// that the others name. The protected pack has to be there (G5). Subscribed
// lists are empty. The error is a Problems.
func Compile(files map[string][]byte) (*Ruleset, error) { return CompileWith(files, nil) }

// CompileWith compiles as Compile does, with the names of the subscribed lists
// by their ids. A list that has no names yet is not there yet, and no mistake.
// Names that are protected, a helpline's or shared by strangers are left out.
func CompileWith(files map[string][]byte, lists map[string]NameList, options ...Option) (*Ruleset, error) {
	c := newCompiler(files, lists)
	for _, o := range options {
		o(c)
	}
	c.parse(files)
	c.build()
	c.tabulate()
	if len(c.problems) > 0 {
		return nil, c.problems.sorted()
	}
	rs, err := Open(c.policy, c.tables)
	if err != nil {
		return nil, Problems{{What: err.Error(), Mend: "this is a mistake in Safelight: tell its makers, with the files"}}
	}
	rs.source = c.source
	return rs, nil
}

type compiler struct {
	policy   *Policy
	tables   Tables
	source   *source
	problems Problems
	key      *[16]byte
	files    map[string][]byte
	given    map[string]NameList

	packs     map[string]*packFile // by folder
	cats      []*categoryFile
	approved  []*approvedFile
	protected []*protectedFile
	marks     []*marksFile
	wordFiles []*wordsFile
	used      map[string]bool // .txt files that a category names

	byID  map[string]*defined
	sets  map[string]*wordSet
	terms []weighed.Term // of weighed words
	sums  int            // of them
	lists []namesOf
	named []scopeWord
}

// defined is a category and the file that defines it.
type defined struct {
	file  *categoryFile
	index int32
	ids   map[string]pos // of its phrases
}

func newCompiler(files map[string][]byte, lists map[string]NameList) *compiler {
	return &compiler{
		policy: &Policy{Engine: Engine, Scopes: make([]Scope, 1)},
		source: &source{sites: map[string]pos{}, noise: map[string]pos{}},
		files:  files, given: lists,
		packs: map[string]*packFile{}, used: map[string]bool{}, byID: map[string]*defined{}, sets: map[string]*wordSet{},
	}
}

func (c *compiler) bad(at pos, what, mend string) {
	c.problems = append(c.problems, at.problem(what, mend))
}

// parse reads every file, pack.yaml files first, in the order of their names.
func (c *compiler) parse(files map[string][]byte) {
	names := slices.Sorted(maps.Keys(files))
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
	if !slices.ContainsFunc(c.policy.Packs, func(p Pack) bool { return p.Name == ProtectedPack }) {
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
	c.policy.Packs = append(c.policy.Packs, Pack{p.name, p.version})
}

// packOf gives the pack that a file is in: its folder, or for lists one above.
func (c *compiler) packOf(name string) *packFile {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if p := c.packs[dir]; p != nil {
			return p
		}
		if dir == "." || dir == "/" {
			return nil
		}
	}
}

func (c *compiler) parseFile(name string, data []byte) {
	r := &reader{file: name}
	defer func() {
		c.problems = append(c.problems, r.problems...)
		c.named = append(c.named, r.scoped...)
	}()
	pack := c.packs[path.Dir(name)]
	switch {
	case path.Ext(name) == ".txt" && c.packOf(name) != nil:
		return // read where a category names it
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
	switch {
	case pack.kind == protectedPack:
		if p := r.protected(n); p != nil {
			c.protected = append(c.protected, p)
		}
	case hasKey(n, "marks"):
		if m := r.marks(n); m != nil {
			c.marks = append(c.marks, m)
		}
	case hasKey(n, "words"):
		if w := r.wordsFile(n); w != nil {
			c.wordFiles = append(c.wordFiles, w)
		}
	case hasKey(n, "approved"):
		if a := r.approved(n, pack); a != nil && a.id != "" {
			c.approved = append(c.approved, a)
		}
	default:
		if f := r.category(n, pack); f != nil && f.cat.ID != "" {
			c.cats = append(c.cats, f)
		}
	}
}

// Categories lists the categories by the order of their files.
func (rs *Ruleset) Categories() []Category {
	out := make([]Category, len(rs.policy.Categories))
	for i, c := range rs.policy.Categories {
		out[i] = c.Category
	}
	return out
}

// Category gives a category by its id.
func (rs *Ruleset) Category(id string) (Category, bool) {
	if i, ok := rs.byID[id]; ok {
		return rs.policy.Categories[i].Category, true
	}
	return Category{}, false
}

// Packs lists the packs the rules came from.
func (rs *Ruleset) Packs() []Pack { return slices.Clone(rs.policy.Packs) }

// Policy gives the compiled rules as plain data. Nobody changes it.
func (rs *Ruleset) Policy() *Policy { return rs.policy }

// Tables gives the large parts. Nobody changes them.
func (rs *Ruleset) Tables() Tables { return rs.tables }

// Lists gives the lists of names that the rules take, subscribed or in files.
func (rs *Ruleset) Lists() []ListSource { return slices.Clone(rs.policy.Lists) }

// listOf gives the id of the list that a rule of kind RuleList is about:
// "ut1-adult" of "pornography/list/ut1-adult".
func listOf(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
