package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// testLine is a line that must or must not be flagged, and as whose.
type testLine struct {
	pos  pos
	kind event.Kind
	text string
	lang string
	who  Input // whose it is; Kind and Text are not used
}

// tests reads the mandatory `tests: {hit: [...], miss: [...]}`.
func (r *reader) tests(f fields, c *categoryFile) {
	n := f.by["tests"]
	if n == nil {
		r.bad(f.node, "no tests", "add `tests: {hit: [...], miss: [...]}`: lines it must and must not flag")
		return
	}
	c.tests = r.testsOf(n, c.lang)
	rules := len(c.phrases) + len(c.domains) + len(c.lists) + len(c.looks) + len(c.progs)
	if len(c.tests.hit) == 0 && rules > 0 && rules > len(c.lists) {
		r.bad(n, "no hit tests", "add lines that this file must flag")
	}
	if len(c.tests.miss) == 0 {
		r.bad(n, "no miss tests", "add ordinary lines that look alike and must not be flagged")
	}
}

func (r *reader) testsOf(n *yaml.Node, lang string) (ts tests) {
	t, ok := r.mapping(n, "tests", "hit", "miss")
	if !ok {
		return ts
	}
	return tests{hit: r.testLines(t.by["hit"], "hit", lang), miss: r.testLines(t.by["miss"], "miss", lang)}
}

func (r *reader) testLines(n *yaml.Node, what, lang string) []testLine {
	var out []testLine
	for _, e := range r.list(n, what) {
		if t, ok := r.testLine(e, what, lang); ok {
			out = append(out, t)
		}
	}
	return out
}

var kindNames = []string{string(event.Domain), string(event.Search), string(event.Process)}

// testLine reads `some words` (search words) or `{domain: ...}`,
// `{search: ...}`, `{process: ...}`, with whose line it is beside it.
func (r *reader) testLine(n *yaml.Node, what, lang string) (testLine, bool) {
	t := testLine{pos: r.at(n), kind: event.Search, lang: lang}
	value := n
	if n.Kind == yaml.MappingNode {
		f, ok := r.mapping(n, "a "+what+" line", append(slices.Clone(kindNames), "role", "year", "group", "site", "period", "premises", "at", "lang")...)
		if !ok {
			return t, false
		}
		kinds := 0
		for _, k := range kindNames {
			if v := f.by[k]; v != nil {
				t.kind, value, kinds = event.Kind(k), v, kinds+1
			}
		}
		if kinds != 1 {
			r.bad(n, "a "+what+" line with more or less than one kind", "want {domain: ...}, {search: ...} or {process: ...}")
			return t, false
		}
		t.who = r.whose(f)
		if l := f.by["lang"]; l != nil {
			t.lang = r.lang(l, lang)
		}
	}
	if t.text = r.text(value, "a "+what+" line", maxTest); t.text == "" {
		return t, false
	}
	if err := checkText(t.kind, t.text); err != nil {
		r.bad(value, err.Error(), "want what a device would report")
		return t, false
	}
	return t, true
}

// whose reads as whom a line is judged; what is left out is not known.
func (r *reader) whose(f fields) (in Input) {
	if n := f.by["role"]; n != nil {
		in.Role = r.choice(n, "role", roleNames...)
	}
	one := func(key string) string {
		if n := f.by[key]; n != nil {
			return r.text(n, key, maxTitle)
		}
		return ""
	}
	in.Year, in.Site = one("year"), one("site")
	if g := one("group"); g != "" {
		in.Groups = []string{g}
	}
	if p := one("period"); p != "" {
		in.Periods = strings.Fields(strings.ReplaceAll(p, ",", " "))
	}
	if n := f.by["premises"]; n != nil {
		in.Premises = r.choice(n, "premises", "on", "off")
	}
	if at := one("at"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			r.bad(f.by["at"], fmt.Sprintf("at %q", at), "want a time such as 2026-11-21T10:41:00Z")
		}
		in.At = t
	}
	return in
}
