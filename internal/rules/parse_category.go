package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// categoryFile is one category as written, or, with extends, more rules for a
// category that another pack defines.
type categoryFile struct {
	pos     pos
	pack    *packFile
	extends bool
	cat     Category
	phrases []phrase
	allow   []phrase // only text and pos are used
	domains []domainRule
	progs   []programRule
	marked  Mark // lists whose names it flags too
	tests   tests
}

type phrase struct {
	pos      pos
	id       string
	text     string
	forms    []string
	severity event.Severity // zero: the category's
	search   bool           // judges search words
	host     bool           // judges whole words of a host name, weakly
}

type domainRule struct {
	pos      pos
	name     string // A-labels, lower case
	allow    bool
	severity event.Severity
}

type programRule struct {
	pos      pos
	name     string // folded by programName
	path     string // folded glob; empty: any
	severity event.Severity
}

type tests struct{ hit, miss []testLine }

type testLine struct {
	pos  pos
	kind event.Kind
	text string
}

var (
	idForm       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	severityList = []string{"low", "medium", "high", "urgent"}
)

const (
	maxID     = 48
	maxTitle  = 80
	maxAbout  = 1000
	maxPhrase = 120
	maxTest   = 1000
)

// category reads a category file.
func (r *reader) category(n *yaml.Node, pack *packFile) *categoryFile {
	c := &categoryFile{pos: r.at(n), pack: pack}
	keys := []string{
		"category", "title", "noun", "about", "purpose", "risk", "severity", "owner", "why", "locked", "action",
		"phrases", "allow", "domains", "programs", "marked", "tests", "first_steps", "helplines",
	}
	if hasKey(n, "extends") {
		c.extends = true
		keys = []string{"extends", "owner", "why", "phrases", "allow", "domains", "programs", "marked", "tests"}
	}
	f, ok := r.mapping(n, "the file", keys...)
	if !ok {
		return nil
	}
	if c.extends {
		c.cat.ID = r.id(f, "extends")
	} else {
		r.head(f, c)
	}
	c.cat.Owner, c.cat.Why = r.need(f, "owner", maxTitle), r.need(f, "why", maxAbout)
	r.rules(f, c)
	return c
}

func hasKey(n *yaml.Node, key string) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// head reads what a category says about itself.
func (r *reader) head(f fields, c *categoryFile) {
	c.cat.ID = r.id(f, "category")
	c.cat.Title, c.cat.Noun = r.need(f, "title", maxTitle), r.need(f, "noun", maxTitle)
	c.cat.About = r.need(f, "about", maxAbout)
	c.cat.Purpose = r.needChoice(f, "purpose", Safeguarding, Behaviour, Security)
	c.cat.Risk = r.needChoice(f, "risk", RiskLife, RiskHigh, RiskOrdinary)
	c.cat.Severity, _ = event.ParseSeverity(r.needChoice(f, "severity", severityList...))
	if n := f.by["locked"]; n != nil {
		c.cat.Locked = r.choice(n, "locked", "true", "false") == "true"
	}
	c.cat.actions = defaultActions(c.cat.ID, c.cat.Purpose)
	r.actions(f.by["action"], &c.cat.actions)
	c.cat.FirstSteps = r.texts(f.by["first_steps"], "first_steps", maxAbout)
	c.cat.Helplines = r.texts(f.by["helplines"], "helplines", maxAbout)
	if len(c.cat.FirstSteps) == 0 && c.cat.Purpose == Safeguarding {
		r.bad(f.node, "no first_steps", "write what the person who reads the alert does first (G20)")
	}
}

func (r *reader) needChoice(f fields, key string, words ...string) string {
	if n := f.by[key]; n != nil {
		return r.choice(n, key, words...)
	}
	r.bad(f.node, "no "+key, "add `"+key+":` with one of "+strings.Join(words, ", "))
	return ""
}

func (r *reader) id(f fields, key string) string {
	s := r.need(f, key, maxID)
	if s != "" && !idForm.MatchString(s) {
		r.bad(f.by[key], fmt.Sprintf("%s %q", key, s), "want small letters, digits and single hyphens")
		return ""
	}
	return s
}

// actions reads `action: {pupil: alert, staff: none}` over the defaults.
func (r *reader) actions(n *yaml.Node, acts *[roleCount]action) {
	if n == nil {
		return
	}
	f, ok := r.mapping(n, "action", roleNames...)
	if !ok {
		return
	}
	for i, role := range roleNames {
		if v := f.by[role]; v != nil {
			word := r.choice(v, "action for "+role, actionWords...)
			acts[i] = action(max(slices.Index(actionWords, word), 0))
		}
	}
}

// rules reads the part that judges, and its tests.
func (r *reader) rules(f fields, c *categoryFile) {
	for _, n := range r.list(f.by["phrases"], "phrases") {
		r.phrase(n, c)
	}
	for _, n := range r.list(f.by["allow"], "allow") {
		if s := r.text(n, "an allow phrase", maxPhrase); s != "" {
			c.allow = append(c.allow, phrase{pos: r.at(n), text: s, search: true})
		}
	}
	for _, n := range r.list(f.by["domains"], "domains") {
		r.domain(n, c)
	}
	for _, n := range r.list(f.by["programs"], "programs") {
		r.program(n, c)
	}
	c.marked = r.marked(f.by["marked"])
	r.tests(f, c)
}

func (r *reader) phrase(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a phrase", "id", "text", "forms", "severity", "in")
	if !ok {
		return
	}
	p := phrase{pos: r.at(n), id: r.id(f, "id"), text: r.need(f, "text", maxPhrase)}
	p.forms = r.texts(f.by["forms"], "forms", maxPhrase)
	p.severity = r.severity(f)
	p.search = f.by["in"] == nil
	for _, where := range r.list(f.by["in"], "in") {
		switch r.choice(where, "in", "search", "host") {
		case "search":
			p.search = true
		case "host":
			p.host = true
		}
	}
	if p.id != "" && p.text != "" {
		c.phrases = append(c.phrases, p)
	}
}

func (r *reader) severity(f fields) event.Severity {
	if f.by["severity"] == nil {
		return 0
	}
	s, _ := event.ParseSeverity(r.choice(f.by["severity"], "severity", severityList...))
	return s
}
