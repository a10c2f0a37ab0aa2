package rules

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"safelight/internal/rules/names"
)

// namesOf is a list's names and the rule that they stand for.
type namesOf struct {
	rule  uint32
	names NameList
}

const maxListLines = 200_000

func (c *compiler) addDomains(src from, f *categoryFile) {
	taken := map[string]pos{}
	for _, d := range c.policy.Domains {
		if r := c.policy.Rules[d.Rule]; r.Category == src.cat && r.Tier == src.tier {
			taken[fmt.Sprint(r.Kind, d.Name)] = c.source.at[d.Rule]
		}
	}
	for _, d := range f.domains {
		kind, id := RuleDomain, d.name
		if d.allow {
			kind, id = RuleAllowDomain, "allow/"+d.name
		}
		key := fmt.Sprint(kind, d.name)
		if other, twice := taken[key]; twice {
			c.bad(d.pos, fmt.Sprintf("domain %q is also in %s", d.name, other), "keep one of them")
		}
		taken[key] = d.pos
		rule := c.rule(src, d.pos, d.severity, Rule{Kind: kind, ID: c.id(src, id), Reviewed: true})
		c.policy.Domains = append(c.policy.Domains, NamedRule{d.name, rule})
	}
}

// addLists adds the lists of a file's category.
func (c *compiler) addLists(src from, f *categoryFile) {
	for _, l := range f.lists {
		for _, other := range c.policy.Lists {
			switch {
			case other.ID == l.source.ID && (other.Category == f.cat.ID || other.URL != l.source.URL || other.File != c.listPath(f, l)):
				c.bad(l.pos, fmt.Sprintf("list %q is also in %s", l.source.ID, other.At), "give each list its own id")
			}
		}
		rule := c.rule(src, l.pos, l.severity, Rule{Kind: RuleList, ID: c.id(src, "list/"+l.source.ID), Reviewed: true})
		s := l.source
		s.Rule, s.Category, s.Pack, s.At = rule, f.cat.ID, src.pack, l.pos.String()
		s.Severity = c.policy.Rules[rule].Severity
		list := c.given[s.ID]
		if s.File != "" {
			s.File = c.listPath(f, l)
			list = c.listFile(s, l.pos)
		}
		c.policy.Lists = append(c.policy.Lists, s)
		if list != nil {
			c.lists = append(c.lists, namesOf{rule, list})
		}
	}
}

func (c *compiler) listPath(f *categoryFile, l listRule) string {
	if l.source.File == "" {
		return ""
	}
	return path.Join(path.Dir(f.pos.file), l.source.File)
}

// listFile reads a list in a file of the pack: a name a line, or as a hosts
// file has them; # begins a comment. Every line that is no name is complained
// of: a line that was skipped in silence would be believed to work.
func (c *compiler) listFile(s ListSource, at pos) NameList {
	data, ok := c.files[s.File]
	c.used[s.File] = true
	switch {
	case !ok:
		c.bad(at, fmt.Sprintf("file %q is not there", s.File), "add it to the pack, or take the line out")
		return nil
	case !utf8.Valid(data):
		c.bad(pos{s.File, 1, 1}, "text is not UTF-8", "save the file as UTF-8")
		return nil
	}
	var out []string
	for w := range listWords(string(data), s.Format) {
		at := pos{s.File, w.line, 1}
		switch name, why := w.name(s.Format); {
		case w.line > maxListLines:
			c.bad(at, "more lines than a file of a pack may have", "subscribe to the list by `list` and `url`")
			return nil
		case w.crowded:
			c.bad(at, fmt.Sprintf("line %q holds more than a name", clip(w.text)), "want one name a line, or `format: hosts`")
		case why == wordShared:
			c.bad(at, fmt.Sprintf("domain %q holds everybody's sites", name), "name one site beneath it")
		case why == wordNone:
			c.bad(at, fmt.Sprintf("%q is no host name", clip(w.text)), "want a name such as example.org: no https://, no path, no star (names beneath it are included)")
		case why == wordName:
			out = append(out, name)
		}
	}
	return slices.Values(out)
}

// ListFile yields the names in a file of a pack, as they are compiled: cleaned,
// and without what is no name. A file that was published holds nothing else.
func ListFile(data []byte, format string) NameList {
	return func(yield func(name string) bool) {
		for w := range listWords(string(data), format) {
			if name, why := w.name(format); why == wordName && !w.crowded && !yield(name) {
				return
			}
		}
	}
}

// listWord is a name as a file has it, or a whole line that holds more than one.
type listWord struct {
	line    int // from 1
	text    string
	crowded bool
}

func listWords(text, format string) iter.Seq[listWord] {
	return func(yield func(listWord) bool) {
		line := 0
		for text := range strings.Lines(text) {
			line++
			text, _, _ = strings.Cut(strings.TrimPrefix(text, "\ufeff"), "#")
			words := strings.Fields(text)
			switch {
			case format == "hosts" && len(words) > 0:
				words = words[1:] // the address it is led to
			case len(words) > 1:
				if !yield(listWord{line, strings.TrimSpace(text), true}) {
					return
				}
				continue
			}
			for _, w := range words {
				if !yield(listWord{line: line, text: w}) {
					return
				}
			}
		}
	}
}

// What a word of a list is.
type wordKind int

const (
	wordName wordKind = iota
	wordLocal
	wordNone
	wordShared
)

// name cleans a word, or says why it is no name to list.
func (w listWord) name(format string) (string, wordKind) {
	name, err := cleanHost(w.text)
	switch {
	case format == "hosts" && err == nil && strings.IndexByte(name, '.') < 0:
		return name, wordLocal // localhost
	case err != nil || names.Check(name) != nil || isAddress(name):
		return "", wordNone
	case slices.Contains(sharedSuffixes, name):
		return name, wordShared
	}
	return name, wordName
}

// unusedFiles complains of lists that no category names.
func (c *compiler) unusedFiles() {
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		if path.Ext(name) == ".txt" && !c.used[name] && c.packOf(name) != nil {
			c.bad(pos{file: name}, "no category names this list", "add `domains: [{file: ...}]` or `weighed: [{id: ..., file: ...}]` to one, or take the file out")
		}
	}
}

// buildNames puts the names of all lists into one table: each name with the set
// of lists that it is on. Lists are walked once, and names are not kept.
func (c *compiler) buildNames() {
	if len(c.lists) == 0 {
		return
	}
	sets := newSets()
	table, err := names.BuildMerged(c.entries(&sets), sets.join, c.tableKey())
	if err != nil {
		c.problems = append(c.problems, Problem{What: err.Error(), Mend: "take out a list, or compile again under another key"})
		return
	}
	c.policy.Sets, c.tables.Names = sets.sets, table
}

// entries yields the names of each list, with the set that is this list alone.
func (c *compiler) entries(sets *setsOf) iter.Seq[names.Entry] {
	return func(yield func(names.Entry) bool) {
		for _, l := range c.lists {
			alone := sets.of([]uint32{l.rule})
			for name := range l.names {
				if mayList(name, c.source.sites) && !yield(names.Entry{Name: name, Set: alone}) {
					return
				}
			}
		}
	}
}

// MayList reports whether a list may hold a name: it is a host name by which to
// look, and none that nothing may flag (G1, G5). What is not so is left out of
// tables; whoever lays changes over one leaves it out too.
func (rs *Ruleset) MayList(name string) bool { return mayList(name, rs.protected) }

func mayList[T any](name string, protected map[string]T) bool {
	if names.Check(name) != nil || isAddress(name) || slices.Contains(sharedSuffixes, name) {
		return false
	}
	ok := true
	parents(name, func(name string) bool {
		_, found := protected[name]
		ok = !found && !helplines[name]
		return ok
	})
	return ok
}

// tableKey is the key given, or one made of what is compiled.
func (c *compiler) tableKey() [16]byte {
	if c.key != nil {
		return *c.key
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		sum := sha256.Sum256(c.files[name])
		fmt.Fprintf(h, "%s\x00%x\n", name, sum)
	}
	return [16]byte(h.Sum(nil)[:16])
}
