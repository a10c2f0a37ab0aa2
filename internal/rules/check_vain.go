package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"safelight/internal/event"
	"safelight/internal/rules/flat"
)

// checkLanguages holds each language to at least as many ordinary lines as
// lines to flag, and to some of both (G6): a language that nobody tried on
// ordinary text flags its speakers for speaking it.
func (rs *Ruleset) checkLanguages() (ps Problems) {
	type count struct {
		hit, miss int
		at        pos // of a phrase, or of the first line
		phrases   bool
	}
	by := map[string]*count{}
	of := func(lang string, at pos) *count {
		lang = strings.ToLower(lang)
		if isEnglish(lang) {
			lang = "en"
		}
		if by[lang] == nil {
			by[lang] = &count{at: at}
		}
		return by[lang]
	}
	for i, r := range rs.policy.Rules {
		if r.Kind == RulePhrase || r.Kind == RuleWeighed {
			of(r.Lang, rs.source.at[i]).phrases = true
		}
	}
	for _, t := range rs.source.tests {
		for _, l := range t.tests.hit {
			of(l.lang, l.pos).hit++
		}
		for _, l := range t.tests.miss {
			of(l.lang, l.pos).miss++
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(by)) {
		switch c := by[lang]; {
		case c.hit > c.miss:
			ps = append(ps, c.at.problem(fmt.Sprintf("language %q has %d hit and %d miss lines", lang, c.hit, c.miss), "add ordinary lines in that language that must not be flagged (G6)"))
		case lang != "en" && c.phrases && (c.hit == 0 || c.miss == 0):
			ps = append(ps, c.at.problem(fmt.Sprintf("language %q has phrases and %d hit and %d miss lines", lang, c.hit, c.miss), "add lines of both, with `lang: "+lang+"` in the file or in the line (G6)"))
		}
	}
	return ps
}

// checkWords refuses phrases that stand twice in a category, and those that
// its own allow phrases or the words that ask for help swallow.
func (rs *Ruleset) checkWords() (ps Problems) {
	said := map[string]bool{}
	for _, w := range rs.source.words {
		r := rs.rule(w.Ref)
		if r.Kind != RulePhrase || w.Text == "" {
			continue
		}
		p, bad := rs.swallowed(w, r)
		if !bad {
			p, bad = rs.twice(w, r)
		}
		if bad && !said[p.Error()] {
			said[p.Error()] = true
			ps = append(ps, p)
		}
	}
	return ps
}

// swallowed reports a phrase that is masked in its own text: it can never match.
func (rs *Ruleset) swallowed(w worded, r *Rule) (Problem, bool) {
	if !r.Search {
		return Problem{}, false
	}
	_, found, lost := rs.try(Input{Kind: event.Search, Text: w.Text}, everyAllow, true)
	if slices.ContainsFunc(found, func(f finding) bool { return f.rule == r }) {
		return Problem{}, false
	}
	for _, x := range lost {
		if x.rule != r || x.by == nil || x.loss != lostToAllow && x.loss != lostToHelp {
			continue
		}
		what := fmt.Sprintf("phrase %q can never match: an allow phrase (%s) covers it", clip(w.Text), rs.at(x.by))
		if x.loss == lostToHelp {
			what = fmt.Sprintf("phrase %q can never match: it is part of words that ask for help", clip(w.Text))
		}
		return w.at.problem(what, "take one of the two out, or make the allow phrase longer than what it is about"), true
	}
	return Problem{}, false
}

// twice reports a phrase that another rule of the category finds as a whole
// too, without reading anything into it. Words that two languages share stand in
// both, since either may be on without the other.
func (rs *Ruleset) twice(w worded, r *Rule) (Problem, bool) {
	j := &judging{}
	for _, h := range rs.phrases.Plain(&j.words, w.Text) {
		o := rs.rule(h.Ref)
		if o.Kind != RulePhrase || o.Category != r.Category || o.Lang != r.Lang || h.Ref >= w.Ref || h.Start > 0 || h.End < len(strings.TrimSpace(w.Text)) {
			continue
		}
		if o.Search == r.Search && o.Host == r.Host && o.Weight == r.Weight && o.Severity == r.Severity && o.Scope == r.Scope {
			return w.at.problem(fmt.Sprintf("phrase %q is also in %s (%s)", clip(w.Text), o.ID, rs.at(o)), "keep one of them"), true
		}
	}
	return Problem{}, false
}

// checkThresholds refuses a category whose phrases can never reach it.
func (rs *Ruleset) checkThresholds() (ps Problems) {
	sums, at := make([]uint64, len(rs.policy.Categories)), make([]int, len(rs.policy.Categories))
	for i, r := range rs.policy.Rules {
		if r.Kind == RulePhrase {
			if sums[r.Category] == 0 {
				at[r.Category] = i
			}
			sums[r.Category] += uint64(r.Weight)
		}
	}
	for i, c := range rs.policy.Categories {
		if sums[i] > 0 && sums[i] < uint64(c.Threshold) {
			ps = append(ps, rs.source.at[at[i]].problem(fmt.Sprintf("all phrases of %q weigh %d together, which never reaches its threshold of %d", c.ID, sums[i], c.Threshold),
				"lower the threshold, or give phrases more weight"))
		}
	}
	return ps
}

// checkDomains refuses a name that one pack both lists and allows in a
// category: the allow always wins, and whoever wrote the other believes it does.
func (rs *Ruleset) checkDomains() (ps Problems) {
	for _, d := range rs.policy.Domains {
		r := rs.rule(d.Rule)
		if r.Kind != RuleDomain {
			continue
		}
		flat.Each(rs.table.domains, d.Name, func(other uint32) bool {
			if o := rs.rule(other); o.Kind == RuleAllowDomain && o.Category == r.Category && o.Tier == r.Tier && o.Scope == r.Scope {
				ps = append(ps, rs.source.at[d.Rule].problem(fmt.Sprintf("domain %q is allowed in %s", d.Name, rs.at(o)), "keep one of the two: the allow wins"))
			}
			return true
		})
	}
	return ps
}
