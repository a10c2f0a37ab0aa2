package rules

import (
	"fmt"
	"slices"
	"strings"

	"safelight/internal/event"
)

// Check runs what the rules must hold to: every category's own tests, the
// protected pack (G5), and the pleas for help (G1). No problems means that the
// set may be published. The order is that of the files.
func (rs *Ruleset) Check() []Problem {
	var ps Problems
	ps = append(ps, rs.checkTests()...)
	ps = append(ps, rs.checkProtectedSites()...)
	ps = append(ps, rs.checkProtectedLines()...)
	ps = append(ps, rs.checkPleas()...)
	ps = append(ps, rs.checkNoise()...)
	return ps.sorted()
}

func (rs *Ruleset) checkTests() (ps Problems) {
	for _, c := range rs.cats {
		for _, t := range c.tests {
			for _, line := range t.hit {
				if _, ok := rs.finds(c, line); !ok {
					ps = append(ps, line.pos.problem(fmt.Sprintf("%s %q is not found by category %q", line.kind, line.text, c.ID),
						"add the words or the name, or move the line to miss"))
				}
			}
			for _, line := range t.miss {
				if f, ok := rs.finds(c, line); ok {
					ps = append(ps, line.pos.problem(fmt.Sprintf("%s %q is flagged by %s (%s)", line.kind, line.text, f.rule, f.pos),
						"narrow that rule, or add an allow phrase around the words"))
				}
			}
		}
	}
	return ps
}

// finds reports what a category finds in a line, whatever the role.
func (rs *Ruleset) finds(c *category, line testLine) (found finding, ok bool) {
	rs.each(line.kind, line.text, func(f finding) {
		if f.cat == c && !ok {
			found, ok = f, true
		}
	})
	return found, ok
}

// each offers every finding in a line, whatever the role.
func (rs *Ruleset) each(kind event.Kind, text string, offer func(finding)) {
	s := new(sentence)
	switch kind {
	case event.Domain:
		host, err := cleanHost(text)
		if err == nil && !IsHelpline(host) && !rs.isProtected(host) {
			rs.eachHost(s, host, offer)
		}
	case event.Search:
		rs.eachPhrase(s, text, offer)
	case event.Process:
		rs.eachProgram(Input{Text: text}, offer)
	}
}

// checkProtectedSites refuses a domain rule on a protected site or a helpline,
// on anything beneath one, and on a parent of one that nothing lower allows.
// Judge would not flag it; the rule is refused so that nobody believes it does.
func (rs *Ruleset) checkProtectedSites() (ps Problems) {
	for name, entries := range rs.domains {
		_, itself := rs.protected[name]
		if itself || helplines[name] || !IsHelpline(name) && !rs.isProtected(name) {
			continue
		}
		for _, e := range entries {
			if !e.allow {
				ps = append(ps, e.pos.problem(fmt.Sprintf("domain %q is part of a helpline's or protected site", name), "take it out"))
			}
		}
	}
	for name, at := range rs.protected {
		rs.eachHost(new(sentence), name, func(f finding) {
			ps = append(ps, f.pos.problem(fmt.Sprintf("rule %s hits the protected site %q (%s)", f.rule, name, at),
				"name a narrower site, or narrow the phrase"))
		})
	}
	for name := range helplines {
		rs.eachHost(new(sentence), name, func(f finding) {
			ps = append(ps, f.pos.problem(fmt.Sprintf("rule %s hits the helpline %q", f.rule, name),
				"name a narrower site, or narrow the phrase"))
		})
	}
	slices.SortFunc(ps, func(a, b Problem) int { return strings.Compare(a.Error(), b.Error()) })
	return ps
}

// checkProtectedLines refuses a rule that hits a line nothing may flag.
func (rs *Ruleset) checkProtectedLines() (ps Problems) {
	for _, line := range rs.miss {
		rs.each(line.kind, line.text, func(f finding) {
			ps = append(ps, f.pos.problem(fmt.Sprintf("rule %s hits the protected line %q (%s)", f.rule, line.text, line.pos),
				"narrow the phrase, or add an allow phrase: identity, belief, health and lawful activity are never a harm"))
		})
	}
	return ps
}
