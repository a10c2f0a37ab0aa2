package rules

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// phrase is a rule on words: one of texts, or all of several near each other.
type phrase struct {
	pos      pos
	id       string
	texts    []string   // the text and its forms
	all      [][]string // of each of these any one must be there: words, phrases, names of sets
	within   int        // words between the first and the last of all
	ordered  bool       // all in the order they are listed
	part     bool       // also inside longer words
	severity event.Severity
	weight   uint32
	lang     string
	reviewed bool
	search   bool // judges search words
	host     bool // judges words of a host name, weakly
}

// written gives a phrase's texts as people read them, words apart as one.
func (p phrase) written() []string {
	if len(p.all) > 0 {
		var all []string
		for _, choice := range p.all {
			all = append(all, joined(choice, "/"))
		}
		how := ""
		if p.ordered {
			how = ", in order"
		}
		return []string{fmt.Sprintf("%s within %d%s", strings.Join(all, " + "), p.within, how)}
	}
	texts := make([]string, len(p.texts))
	for i, text := range p.texts {
		texts[i] = asOne(text)
	}
	return texts
}

// asOne quotes a text that could be read as several, or as words apart: "his/her" is
// not his or her, and people compare two sets of rules by what is written (G7).
func asOne(text string) string {
	if strings.ContainsAny(text, `/+,"`) || strings.Contains(text, " within ") {
		return strconv.Quote(text)
	}
	return text
}

func joined(texts []string, sign string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = asOne(text)
	}
	return strings.Join(all, sign)
}

// allowPhrase masks the span of its text, or, with near, only where one of
// those words stands beside it.
type allowPhrase struct {
	pos    pos
	text   string
	near   []string
	within int
}

const (
	maxForms  = 500
	maxAll    = 6
	maxNear   = 40
	maxWithin = 50
	// minPart is the least number of letters that may match inside words.
	minPart = 4
)

func (r *reader) phrase(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a phrase", "id", "text", "forms", "all", "within", "order", "match", "in", "severity", "weight", "lang", "reviewed")
	if !ok {
		return
	}
	p := phrase{pos: r.at(n), id: r.id(f, "id"), severity: r.severity(f)}
	switch {
	case f.by["all"] == nil:
		r.plainPhrase(f, &p)
	case f.by["text"] != nil || f.by["forms"] != nil || f.by["match"] != nil:
		r.bad(n, "a phrase with both `all` and words of its own", "want `text` (with `forms`, `match`), or `all` with `within`")
	default:
		r.apart(f, &p)
	}
	p.weight = uint32(r.number(f.by["weight"], "weight", 1, maxWeight, usualWeight))
	p.lang, p.reviewed = c.lang, c.reviewed
	if l := f.by["lang"]; l != nil {
		p.lang = r.lang(l, c.lang)
		if p.lang != c.lang {
			p.reviewed = isEnglish(p.lang)
		}
	}
	p.reviewed = r.review(f.by["reviewed"], p.reviewed)
	r.where(f, &p)
	if p.id != "" && len(p.texts)+len(p.all) > 0 {
		c.phrases = append(c.phrases, p)
	}
}

func (r *reader) plainPhrase(f fields, p *phrase) {
	text := r.need(f, "text", maxPhrase)
	for _, key := range []string{"within", "order"} {
		if w := f.by[key]; w != nil {
			r.bad(w, fmt.Sprintf("`%s` without `all`", key), "write `all: [...]` with it, or take it out")
		}
	}
	if m := f.by["match"]; m != nil {
		p.part = r.choice(m, "match", "whole", "part") == "part"
	}
	if text == "" {
		return
	}
	p.texts = append([]string{text}, r.texts(f.by["forms"], "forms", maxPhrase)...)
	if len(p.texts) > maxForms {
		r.bad(f.by["forms"], fmt.Sprintf("%d forms", len(p.texts)), fmt.Sprintf("want at most %d: make more phrases of them", maxForms))
	}
	if !p.part {
		return
	}
	for _, t := range p.texts {
		if utf8.RuneCountInString(t) < minPart || strings.ContainsAny(t, " \t") {
			r.bad(f.by["match"], fmt.Sprintf("`match: part` for %q", clip(t)),
				fmt.Sprintf("want one word of at least %d letters: a shorter one is part of too many words", minPart))
		}
	}
}

func (r *reader) apart(f fields, p *phrase) {
	for _, n := range r.list(f.by["all"], "all") {
		if choice := r.anyOf(n); len(choice) > 0 {
			p.all = append(p.all, choice)
		}
	}
	p.ordered = r.yes(f.by["order"], "order", false)
	if len(p.all) < 2 || len(p.all) > maxAll {
		r.bad(f.by["all"], fmt.Sprintf("`all` with %d words", len(p.all)), fmt.Sprintf("want from 2 to %d", maxAll))
		p.all = nil
	}
	if f.by["within"] == nil {
		r.bad(f.node, "`all` without `within`", "add `within: 5`: how many words may stand between the first and the last")
		return
	}
	p.within = r.number(f.by["within"], "within", 0, maxWithin, 0)
}

// where reads `in: [search, host]`; search is the default.
func (r *reader) where(f fields, p *phrase) {
	p.search = f.by["in"] == nil
	for _, where := range r.list(f.by["in"], "in") {
		switch r.choice(where, "in", "search", "host") {
		case "search":
			p.search = true
		case "host":
			p.host = true
		}
	}
	if !p.search && !p.host {
		r.bad(f.by["in"], "a phrase that looks nowhere", "want [search], [host] or both")
	}
}

// allowPhrase reads `some words` or `{text: kill, near: [process], within: 4}`.
func (r *reader) allowPhrase(n *yaml.Node, c *categoryFile) {
	a := allowPhrase{pos: r.at(n)}
	if n.Kind != yaml.MappingNode {
		a.text = r.text(n, "an allow phrase", maxPhrase)
	} else {
		f, ok := r.mapping(n, "an allow phrase", "text", "near", "within")
		if !ok {
			return
		}
		a.text, a.near = r.need(f, "text", maxPhrase), r.texts(f.by["near"], "near", maxPhrase)
		switch {
		case len(a.near) == 0 || f.by["within"] == nil:
			r.bad(n, "an allow phrase with neither `near` nor `within`", "want {text: ..., near: [...], within: 4}, or the text alone")
			return
		case len(a.near) > maxNear:
			r.bad(f.by["near"], fmt.Sprintf("%d words near", len(a.near)), fmt.Sprintf("want at most %d", maxNear))
		}
		a.within = r.number(f.by["within"], "within", 0, maxWithin, 0)
	}
	if a.text != "" {
		c.allow = append(c.allow, a)
	}
}
