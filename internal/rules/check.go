package rules

import (
	"fmt"
	"slices"
	"strings"

	"safelight/internal/event"
)

// Check runs what the rules must hold to: every category's own tests, the
// protected pack (G5), the pleas for help (G1), a fair share of ordinary lines
// in each language (G6), and that no rule is there in vain. No problems means
// that the set may be published. The order is that of the files. A Ruleset that
// Open made carries no tests: it was checked before it was signed.
func (rs *Ruleset) Check() []Problem {
	if rs.source == nil {
		return nil
	}
	var ps Problems
	for _, check := range []func(*Ruleset) Problems{
		(*Ruleset).checkTests, (*Ruleset).checkProtectedSites, (*Ruleset).checkProtectedLines, (*Ruleset).checkPleas,
		(*Ruleset).checkNoise, (*Ruleset).checkLanguages, (*Ruleset).checkWords, (*Ruleset).checkThresholds, (*Ruleset).checkDomains,
	} {
		ps = append(ps, check(rs)...)
	}
	return ps.sorted()
}

// lens is whose eyes rules are tried with.
type lens uint8

const (
	// asSubject tries what the subject of the Input would be judged by.
	asSubject lens = iota
	// everyRule tries each rule whatever its scope, and the allows that hold for
	// everybody: what may never be flagged may be flagged for nobody.
	everyRule
	// everyAllow tries each allow whatever its scope: what must be flagged must
	// be hidden from nobody.
	everyAllow
)

// overrules says whether the lens decides about a rule, and how.
func (l lens) overrules(allow, scoped bool) (holds, decided bool) {
	switch {
	case l == everyRule:
		return !allow || !scoped, true
	case l == everyAllow && allow:
		return true, true
	}
	return false, false
}

// try gives what is found in an observation and, of what is found, what the
// role's actions leave out too.
func (rs *Ruleset) try(in Input, l lens, whatever bool) (v Verdict, found []finding, lost []traced) {
	j, t := room.Get().(*judging), &trace{} // a new one costs a place a rule, for each line
	in.Unreviewed, j.lens = true, l
	v = j.judge(rs, in, t)
	j.rs, j.in, j.text, j.best, j.trace, j.lens = nil, Input{}, "", finding{}, nil, 0
	room.Put(j)
	for _, x := range t.all {
		if x.loss == lostToNobody || (x.loss == lostToRole || x.loss == lostToHours) && whatever {
			found = append(found, x.finding)
		} else {
			lost = append(lost, x)
		}
	}
	return v, found, lost
}

// input is a line as whoever it names would be judged.
func (t testLine) input() Input {
	in := t.who
	in.Kind, in.Text = t.kind, t.text
	return in
}

func (rs *Ruleset) at(r *Rule) string { return fmt.Sprintf("%s:%d", r.File, r.Line) }

func (rs *Ruleset) place(r *Rule) pos {
	return rs.source.at[r.number]
}

func (rs *Ruleset) checkTests() (ps Problems) {
	for _, c := range rs.source.tests {
		id := rs.policy.Categories[c.cat].ID
		for _, line := range c.tests.hit {
			if _, lost, ok := rs.finds(c.cat, line); !ok {
				ps = append(ps, line.pos.problem(fmt.Sprintf("%s %q is not found by category %q%s", line.kind, line.text, id, rs.because(c.cat, line, lost)),
					"add the words or the name, or move the line to miss"))
			}
		}
		for _, line := range c.tests.miss {
			if f, _, ok := rs.finds(c.cat, line); ok {
				ps = append(ps, line.pos.problem(fmt.Sprintf("%s %q is flagged by %s (%s)", line.kind, line.text, f.rule.ID, rs.at(f.rule)),
					"narrow that rule, or add an allow phrase around the words"))
			}
		}
	}
	return ps
}

// finds reports what a category finds in a line; a line that names no role is
// tried whatever the role.
func (rs *Ruleset) finds(category int32, line testLine) (f finding, lost []traced, ok bool) {
	_, found, lost := rs.try(line.input(), asSubject, line.who.Role == "")
	for _, f := range found {
		if f.rule.Category == category {
			return f, nil, true
		}
	}
	return f, lost, false
}

// because says what kept a category from finding a line, if anything nearly did.
func (rs *Ruleset) because(category int32, line testLine, lost []traced) string {
	j := &judging{rs: rs, in: line.input()}
	for _, x := range lost {
		if x.rule.Category == category {
			why, _ := j.reason(x)
			return fmt.Sprintf(": %s (%s), %s", x.rule.ID, rs.at(x.rule), why)
		}
	}
	return ""
}

// checkProtectedSites refuses a domain rule on a protected site or a helpline,
// on anything beneath one, and on a parent of one that nothing lower allows.
// Judge would not flag it; the rule is refused so that nobody believes it does.
func (rs *Ruleset) checkProtectedSites() (ps Problems) {
	for _, d := range rs.policy.Domains {
		_, itself := rs.protected[d.Name]
		if itself || helplines[d.Name] || !IsHelpline(d.Name) && !rs.isProtected(d.Name) {
			continue
		}
		if r := rs.rule(d.Rule); r.Kind == RuleDomain {
			ps = append(ps, rs.source.at[d.Rule].problem(fmt.Sprintf("domain %q is part of a helpline's or protected site", d.Name), "take it out"))
		}
	}
	for name, at := range rs.source.sites {
		for _, f := range rs.onHost(name) {
			ps = append(ps, rs.place(f.rule).problem(fmt.Sprintf("rule %s hits the protected site %q (%s)", f.rule.ID, name, at),
				"name a narrower site, or narrow the phrase"))
		}
	}
	for name := range helplines {
		for _, f := range rs.onHost(name) {
			ps = append(ps, rs.place(f.rule).problem(fmt.Sprintf("rule %s hits the helpline %q", f.rule.ID, name),
				"name a narrower site, or narrow the phrase"))
		}
	}
	slices.SortFunc(ps, func(a, b Problem) int { return strings.Compare(a.Error(), b.Error()) })
	return ps
}

// onHost gives every rule that would stand for a host if nothing protected it.
func (rs *Ruleset) onHost(host string) (found []finding) {
	j := &judging{rs: rs, lens: everyRule, trace: &trace{}, in: Input{Kind: event.Domain, Text: host, Unreviewed: true}, text: host}
	j.eachHost(host)
	for _, x := range j.trace.all {
		if x.loss == lostToNobody || x.loss == lostToRole {
			found = append(found, x.finding)
		}
	}
	return found
}

// checkProtectedLines refuses a rule that hits a line nothing may flag.
func (rs *Ruleset) checkProtectedLines() (ps Problems) {
	for _, line := range rs.source.miss {
		_, found, _ := rs.try(line.input(), everyRule, true)
		for _, f := range found {
			if f.rule.Kind == RuleApproved {
				continue
			}
			ps = append(ps, rs.place(f.rule).problem(fmt.Sprintf("rule %s hits the protected line %q (%s)", f.rule.ID, line.text, line.pos),
				"narrow the phrase, or add an allow phrase: identity, belief, health and lawful activity are never a harm"))
		}
	}
	return ps
}

// checkNoise refuses noise that covers what a rule names: a rule that can never
// alert deceives whoever wrote it, and a slip must not hide a child.
func (rs *Ruleset) checkNoise() (ps Problems) {
	for _, d := range rs.policy.Domains {
		r := rs.rule(d.Rule)
		if r.Kind != RuleDomain {
			continue
		}
		parents(d.Name, func(name string) bool {
			if at, ok := rs.source.noise[name]; ok {
				ps = append(ps, at.problem(fmt.Sprintf("noise %q would quiet the rule on %q (%s)", name, d.Name, rs.at(r)),
					"name a narrower host, or take the rule out"))
			}
			return true
		})
	}
	return ps
}
