package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// categoryFile is one category as written, or, with extends, more rules for a
// category that another pack defines.
type categoryFile struct {
	pos       pos
	pack      *packFile
	extends   bool
	cat       Category
	threshold int
	// acts are by role; set says which of them the file itself gives.
	acts     []Action
	set      []bool
	actsAt   pos
	lang     string // of its phrases, where they do not say
	reviewed bool
	scope    Scope
	scopeAt  pos
	phrases  []phrase
	allow    []allowPhrase
	domains  []domainRule
	lists    []listRule
	looks    []lookalikeRule
	progs    []programRule
	weighed  []weighedRule
	weights  []weightOf // what their files say
	raises   []raiseRule
	marked   Mark // lists whose names it flags too
	tests    tests
}

type tests struct{ hit, miss []testLine }

var (
	idForm       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	langForm     = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	severityList = []string{"low", "medium", "high", "urgent"}
)

const (
	maxID     = 48
	maxTitle  = 80
	maxAbout  = 1000
	maxPhrase = 120
	maxTest   = 1000

	usualThreshold = 100
	usualWeight    = 100
	maxThreshold   = 10_000
	maxWeight      = 1000
)

// The keys a category file and one that extends a category may have.
var (
	judgingKeys  = []string{"lang", "reviewed", "scope", "phrases", "weighed", "allow", "domains", "programs", "marked", "raise", "tests"}
	categoryKeys = append([]string{
		"category", "title", "noun", "about", "purpose", "risk", "severity", "owner", "why", "locked", "action", "threshold",
		"first_steps", "helplines",
	}, judgingKeys...)
	extendsKeys = append([]string{"extends", "owner", "why", "action"}, judgingKeys...)
)

// category reads a category file.
func (r *reader) category(n *yaml.Node, pack *packFile) *categoryFile {
	c := &categoryFile{pos: r.at(n), pack: pack, extends: hasKey(n, "extends"), threshold: usualThreshold}
	keys := categoryKeys
	if c.extends {
		keys = extendsKeys
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
	r.actions(f.by["action"], c)
	r.language(f, c)
	c.scope, c.scopeAt = r.scope(f.by["scope"])
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
	c.cat.Locked = r.yes(f.by["locked"], "locked", false)
	if slices.Contains(alwaysLocked, c.cat.ID) && !c.cat.Locked {
		r.bad(f.node, fmt.Sprintf("category %q is not locked", c.cat.ID), "add `locked: true`: nobody can switch it off (G16)")
	}
	c.threshold = r.number(f.by["threshold"], "threshold", 1, maxThreshold, usualThreshold)
	c.acts = defaultActions(c.cat.ID, c.cat.Purpose)
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

// actions reads `action: {pupil: alert, staff: none}` over the defaults, or,
// in a file that extends, over what the category says.
func (r *reader) actions(n *yaml.Node, c *categoryFile) {
	c.set = make([]bool, len(roleNames))
	if c.acts == nil {
		c.acts = make([]Action, len(roleNames))
	}
	if n == nil {
		return
	}
	f, ok := r.mapping(n, "action", roleNames...)
	if !ok {
		return
	}
	c.actsAt = r.at(n)
	for i, role := range roleNames {
		if v := f.by[role]; v != nil {
			word := r.choice(v, "action for "+role, actionWords...)
			c.acts[i], c.set[i] = Action(max(slices.Index(actionWords, word), 0)), true
		}
	}
}

// language reads the file's language and whether a speaker has reviewed it.
// English is, since whoever writes these files reads it; no other language is
// unless the file says so (G6).
func (r *reader) language(f fields, c *categoryFile) {
	c.lang = "en"
	if n := f.by["lang"]; n != nil {
		c.lang = r.lang(n, c.lang)
	}
	c.reviewed = r.review(f.by["reviewed"], isEnglish(c.lang))
}

// reviewDay is what tells a review from a word that only looks like an answer.
var reviewDay = regexp.MustCompile(`\b20\d\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])\b`)

// review reads true, false, none, or who reviewed by role and on which day.
// Any other text is refused: "not yet" must not switch a language on (G6).
func (r *reader) review(n *yaml.Node, usual bool) bool {
	if n == nil {
		return usual
	}
	switch s := r.text(n, "reviewed", maxTitle); {
	case s == "true":
		return true
	case s == "" || s == "false" || s == "none":
		return false
	case !reviewDay.MatchString(s) || strings.IndexFunc(reviewDay.ReplaceAllString(s, ""), unicode.IsLetter) < 0:
		r.bad(n, fmt.Sprintf("reviewed %q", clip(s)), "want none, false, true, or who by role and on which day: `a Welsh teacher and the DSL, 2026-11-22`")
		return false
	default:
		return true
	}
}

func (r *reader) lang(n *yaml.Node, usual string) string {
	s := r.text(n, "lang", 35)
	if s == "" {
		return usual
	}
	if !langForm.MatchString(s) {
		r.bad(n, fmt.Sprintf("lang %q", s), "want a language as BCP 47 writes it, such as en, fr, cy or pa-Arab")
		return usual
	}
	return s
}

func isEnglish(lang string) bool {
	lang = strings.ToLower(lang)
	return lang == "en" || strings.HasPrefix(lang, "en-")
}

// rules reads the part that judges, and its tests.
func (r *reader) rules(f fields, c *categoryFile) {
	for _, n := range r.list(f.by["phrases"], "phrases") {
		r.phrase(n, c)
	}
	for _, n := range r.list(f.by["weighed"], "weighed") {
		r.weighed(n, c)
	}
	for _, n := range r.list(f.by["allow"], "allow") {
		r.allowPhrase(n, c)
	}
	for _, n := range r.list(f.by["domains"], "domains") {
		r.domain(n, c)
	}
	for _, n := range r.list(f.by["programs"], "programs") {
		if p, ok := r.program(n); ok {
			c.progs = append(c.progs, p)
		}
	}
	for _, n := range r.list(f.by["raise"], "raise") {
		r.raise(n, c)
	}
	c.marked = r.marked(f.by["marked"])
	r.tests(f, c)
}

func (r *reader) severity(f fields) event.Severity {
	if f.by["severity"] == nil {
		return 0
	}
	s, _ := event.ParseSeverity(r.choice(f.by["severity"], "severity", severityList...))
	return s
}
