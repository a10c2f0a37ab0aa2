package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

type domainRule struct {
	pos      pos
	name     string // A-labels, lower case
	allow    bool
	severity event.Severity
}

// listRule is a list of names: a file of the pack, or a subscription.
type listRule struct {
	pos      pos
	source   ListSource // Rule, Category, Pack are not yet known
	severity event.Severity
}

// lookalikeRule flags names that are drawn like these and are not these.
type lookalikeRule struct {
	pos      pos
	names    []string
	severity event.Severity
}

const (
	// maxDomain keeps a rule's id, which holds the category and the domain, well
	// within what an event may carry.
	maxDomain = 72
	// maxLookalikes bounds the names that look-alikes are sought of, in one set
	// of rules: against many names everything looks like something.
	maxLookalikes = 200
	maxURL        = 1000
	maxFileName   = 200

	usualShrink  = 20
	usualGrow    = 100
	usualRefresh = 24 * time.Hour
	leastRefresh = 10 * time.Minute
	mostRefresh  = 31 * 24 * time.Hour
)

// listFormats are the ways in which lists are written.
var listFormats = []string{"domains", "hosts", "adblock", "rpz", "squidguard", "csv"}

// domain reads `bet365.com`, `{name: bet365.com, severity: low}`,
// `{allow: [a.example]}`, `{file: ...}`, `{list: ..., url: ...}` or
// `{lookalike_of: [...]}`.
func (r *reader) domain(n *yaml.Node, c *categoryFile) {
	switch {
	case n.Kind != yaml.MappingNode:
		r.addDomain(n, c, domainRule{})
	case hasKey(n, "list"):
		r.subscription(n, c)
	case hasKey(n, "file"):
		r.listFile(n, c)
	case hasKey(n, "lookalike_of"):
		r.lookalikes(n, c)
	default:
		r.named(n, c)
	}
}

func (r *reader) named(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a domain", "name", "severity", "allow", "file", "list", "lookalike_of")
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

// listFile reads `{file: lists/our-blocks.txt, format: domains}`. The list is
// named after the file.
func (r *reader) listFile(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a list in a file", "file", "format", "severity")
	if !ok {
		return
	}
	l := listRule{pos: r.at(n), severity: r.severity(f)}
	l.source.File = r.text(f.by["file"], "file", maxFileName)
	l.source.Format = "domains"
	if n := f.by["format"]; n != nil {
		l.source.Format = r.choice(n, "format", "domains", "hosts")
	}
	if l.source.File == "" {
		return
	}
	file := l.source.File
	if !isTextOfPack(file) {
		r.bad(f.by["file"], fmt.Sprintf("file %q", file), "want a text file of this pack, such as lists/our-blocks.txt")
		return
	}
	l.source.ID = strings.ToLower(strings.TrimSuffix(path.Base(file), ".txt"))
	if !idForm.MatchString(l.source.ID) || len(l.source.ID) > maxID {
		r.bad(f.by["file"], fmt.Sprintf("file %q names no list", file), "name it with small letters, digits and single hyphens: our-blocks.txt")
		return
	}
	c.lists = append(c.lists, l)
}

// isTextOfPack reports the path of a text file beneath a pack's folder.
func isTextOfPack(file string) bool {
	return path.Clean(file) == file && !path.IsAbs(file) && !strings.HasPrefix(file, "../") && !strings.Contains(file, `\`) && path.Ext(file) == ".txt"
}

// subscription reads `{list: ut1-adult, url: ..., format: ..., licence: ...}`.
// A list without its licence is refused: nobody could show whose it is.
func (r *reader) subscription(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a list", "list", "url", "format", "member", "column", "sha256", "licence", "from", "max_shrink", "max_grow", "refresh", "severity")
	if !ok {
		return
	}
	l := listRule{pos: r.at(n), severity: r.severity(f)}
	s := &l.source
	s.ID, s.URL = r.id(f, "list"), r.url(f)
	s.Format = r.needChoice(f, "format", listFormats...)
	s.Licence = r.need(f, "licence", maxTitle)
	if from := f.by["from"]; from != nil {
		s.From = r.text(from, "from", maxTitle)
	}
	s.Member = r.member(f, s.Format)
	s.MaxShrink = r.percent(f.by["max_shrink"], "max_shrink", 100, usualShrink)
	s.MaxGrow = r.percent(f.by["max_grow"], "max_grow", 9999, usualGrow)
	s.Refresh = usualRefresh
	if d := f.by["refresh"]; d != nil {
		if s.Refresh = r.duration(d, "refresh", mostRefresh); s.Refresh > 0 && s.Refresh < leastRefresh {
			r.bad(d, fmt.Sprintf("refresh %q", d.Value), "want at least 10m: whoever publishes the list pays for each fetch")
		}
	}
	if s.ID != "" {
		c.lists = append(c.lists, l)
	}
}

// url reads where a list is published, with the hash that its text must have,
// where one is given, behind it.
func (r *reader) url(f fields) string {
	u := r.need(f, "url", maxURL)
	if u != "" && !urlForm.MatchString(u) {
		r.bad(f.by["url"], fmt.Sprintf("url %q", clip(u)), "want where the list is published, beginning with https://")
		return ""
	}
	pin := f.by["sha256"]
	if pin == nil || u == "" {
		return u
	}
	hash := strings.ToLower(r.text(pin, "sha256", 64))
	if !hashForm.MatchString(hash) || strings.Contains(u, "#") {
		r.bad(pin, fmt.Sprintf("sha256 %q", clip(hash)), "want 64 hexadecimal digits, and no # in the url")
	}
	return u + "#sha256=" + hash
}

// member reads which part of the file is meant: the member of an archive, the
// column of a table.
func (r *reader) member(f fields, format string) string {
	key, other := "member", "column"
	if format == "csv" {
		key, other = other, key
	}
	if n := f.by[other]; n != nil {
		r.bad(n, fmt.Sprintf("`%s` of a list of format %s", other, format), "want `column` for csv, `member` for an archive")
	}
	if n := f.by[key]; n != nil {
		return r.text(n, key, 200)
	}
	return ""
}

var urlForm = regexp.MustCompile(`^https?://[^\s/@]+(/[^\s]*)?$`)

// percent reads 20%.
func (r *reader) percent(n *yaml.Node, what string, most, usual uint32) uint32 {
	if n == nil {
		return usual
	}
	s := r.text(n, what, 8)
	digits, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
	if s != "" && (!ok || err != nil || uint32(v) > most) {
		r.bad(n, fmt.Sprintf("%s %q", what, s), fmt.Sprintf("want a share such as 20%%, at most %d%%", most))
		return usual
	}
	return uint32(v)
}

// lookalikes reads `{lookalike_of: [ourschool.sch.uk]}`.
func (r *reader) lookalikes(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a look-alike rule", "lookalike_of", "severity")
	if !ok {
		return
	}
	l := lookalikeRule{pos: r.at(n), severity: r.severity(f)}
	for _, e := range r.list(f.by["lookalike_of"], "lookalike_of") {
		name := r.domainName(e)
		if len(name) > maxLabel {
			r.bad(e, fmt.Sprintf("name of %d bytes", len(name)), fmt.Sprintf("want at most %d", maxLabel))
		} else if name != "" {
			l.names = append(l.names, name)
		}
	}
	if len(l.names) > 0 {
		c.looks = append(c.looks, l)
	}
}
