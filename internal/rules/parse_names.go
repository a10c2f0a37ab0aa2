package rules

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// maxDomain keeps a rule's id, which holds the category and the domain, well
// within what an event may carry.
const maxDomain = 72

// domain reads `bet365.com`, `{name: bet365.com, severity: low}` or
// `{allow: [a.example, b.example]}`.
func (r *reader) domain(n *yaml.Node, c *categoryFile) {
	if n.Kind != yaml.MappingNode {
		r.addDomain(n, c, domainRule{})
		return
	}
	f, ok := r.mapping(n, "a domain", "name", "severity", "allow")
	if !ok {
		return
	}
	switch {
	case f.by["allow"] != nil && len(f.by) == 1:
		for _, a := range r.list(f.by["allow"], "allow") {
			r.addDomain(a, c, domainRule{allow: true})
		}
	case f.by["name"] != nil && f.by["allow"] == nil:
		r.addDomain(f.by["name"], c, domainRule{severity: r.severity(f)})
	default:
		r.bad(n, "a domain with neither a name nor a list of allowed ones", "want `name`, or `allow: [...]` alone")
	}
}

func (r *reader) addDomain(n *yaml.Node, c *categoryFile, d domainRule) {
	name := r.domainName(n)
	if name == "" {
		return
	}
	if slices.Contains(sharedSuffixes, name) {
		r.bad(n, fmt.Sprintf("domain %q holds everybody's sites", name), "name one site beneath it")
		return
	}
	d.pos, d.name = r.at(n), name
	c.domains = append(c.domains, d)
}

// domainName reads a host name with at least two labels.
func (r *reader) domainName(n *yaml.Node) string {
	s := r.text(n, "a domain", 255)
	if s == "" {
		return ""
	}
	name, err := cleanHost(s)
	switch {
	case err != nil:
		r.bad(n, err.Error(), "want a name such as example.org: no https://, no path, no star (names beneath it are included)")
	case strings.IndexByte(name, '.') < 0 || isAddress(name):
		r.bad(n, fmt.Sprintf("domain %q", name), "want at least two labels, such as example.org, and not an address")
	case len(name) > maxDomain:
		r.bad(n, fmt.Sprintf("domain of %d bytes", len(name)), fmt.Sprintf("want at most %d: name its parent", maxDomain))
	default:
		return name
	}
	return ""
}

// program reads `tor.exe` or `{name: firefox.exe, path: '*\Tor Browser\*'}`.
func (r *reader) program(n *yaml.Node, c *categoryFile) {
	p := programRule{pos: r.at(n)}
	name := n
	if n.Kind == yaml.MappingNode {
		f, ok := r.mapping(n, "a program", "name", "path", "severity")
		if !ok {
			return
		}
		p.severity = r.severity(f)
		if f.by["path"] != nil {
			p.path = foldPath(r.text(f.by["path"], "path", 255))
		}
		if name = f.by["name"]; name == nil {
			r.bad(n, "a program without a name", "add `name: tor.exe`")
			return
		}
	}
	written := r.text(name, "a program", 80)
	if strings.ContainsAny(written, `/\*?`) {
		r.bad(name, fmt.Sprintf("program %q", written), "want the file's name alone; a folder goes into `path`")
		return
	}
	if p.name = programName(written); p.name != "" {
		c.progs = append(c.progs, p)
	}
}

// tests reads the mandatory `tests: {hit: [...], miss: [...]}`.
func (r *reader) tests(f fields, c *categoryFile) {
	n := f.by["tests"]
	if n == nil {
		r.bad(f.node, "no tests", "add `tests: {hit: [...], miss: [...]}`: lines it must and must not flag")
		return
	}
	t, ok := r.mapping(n, "tests", "hit", "miss")
	if !ok {
		return
	}
	c.tests.hit = r.testLines(t.by["hit"], "hit")
	c.tests.miss = r.testLines(t.by["miss"], "miss")
	if len(c.tests.hit) == 0 && len(c.phrases)+len(c.domains)+len(c.progs) > 0 {
		r.bad(n, "no hit tests", "add lines that this file must flag")
	}
	if len(c.tests.miss) == 0 {
		r.bad(n, "no miss tests", "add ordinary lines that look alike and must not be flagged")
	}
}

func (r *reader) testLines(n *yaml.Node, what string) []testLine {
	var out []testLine
	for _, e := range r.list(n, what) {
		if t, ok := r.testLine(e, what); ok {
			out = append(out, t)
		}
	}
	return out
}

// testLine reads `some words` (search words) or `{domain: ...}`,
// `{search: ...}`, `{process: ...}`.
func (r *reader) testLine(n *yaml.Node, what string) (testLine, bool) {
	t := testLine{pos: r.at(n), kind: event.Search}
	value := n
	if n.Kind == yaml.MappingNode {
		f, ok := r.mapping(n, "a "+what+" line", string(event.Domain), string(event.Search), string(event.Process))
		if !ok {
			return t, false
		}
		if len(f.by) != 1 {
			r.bad(n, "a "+what+" line with more or less than one kind", "want {domain: ...}, {search: ...} or {process: ...}")
			return t, false
		}
		for k, v := range f.by {
			t.kind, value = event.Kind(k), v
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
