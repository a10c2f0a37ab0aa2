package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// raise makes a finding graver where the account's last verdicts call for it.
func (j *judging) raise(f *finding) {
	if len(j.in.Recent) == 0 {
		return
	}
	for _, i := range j.rs.raises[f.rule.Category] {
		r := &j.rs.policy.Raises[i]
		if r.To > f.severity && j.rs.policy.Scopes[r.Scope].holds(&j.in, false) && j.seen(r, f.rule) {
			f.severity, f.raise = r.To, r
		}
	}
}

// seen reports whether the last verdicts hold what r wants, now that rule has
// matched.
func (j *judging) seen(r *Raise, rule *Rule) bool {
	if r.With >= 0 {
		return j.lately(j.rs.policy.Categories[r.With].ID, r.Within)
	}
	return j.count(r, rule) >= r.Repeats
}

// lately reports whether the account had a verdict of a category no longer ago
// than within.
func (j *judging) lately(category string, within time.Duration) bool {
	return slices.ContainsFunc(j.in.Recent, func(s Seen) bool { return j.recently(s, category, within) })
}

func (j *judging) recently(s Seen, category string, within time.Duration) bool {
	age := j.in.At.Sub(s.At)
	return s.Category == category && age >= 0 && age <= within
}

// count counts the account's verdicts that r is about, one visit once, and the
// match of rule now.
func (j *judging) count(r *Raise, rule *Rule) uint32 {
	var room [64]int // as many as devices remember
	counted := room[:0]
	another := func(rule string, at time.Time) bool {
		return !slices.ContainsFunc(counted, func(i int) bool { return j.in.Recent[i].SameVisit(rule, at) })
	}
	for i, s := range j.in.Recent {
		if j.recently(s, j.rs.policy.Categories[r.Category].ID, r.Within) && another(s.Rule, s.At) {
			counted = append(counted, i)
		}
	}
	n := uint32(len(counted))
	if another(rule.ID, j.in.At) {
		n++
	}
	return n
}

// oneVisit is how long a page goes on asking for names of its site, and a program
// starting others of itself; what still comes then is counted again.
const oneVisit = time.Minute

// SameVisit reports whether a match of rule at a moment is of the same visit, or
// start, as s. Words are read once for each time that they are searched for.
func (s Seen) SameVisit(rule string, at time.Time) bool {
	return s.Rule == rule && at.Sub(s.At).Abs() < oneVisit && !isPhrase(rule)
}

// isPhrase tells the id of a phrase's rule, "knives/kn-001", from those of names
// and programs: "knives/a.example", "knives/list/l", "knives/program/p".
func isPhrase(rule string) bool {
	_, rest, _ := strings.Cut(rule, "/")
	return !strings.ContainsAny(rest, "./")
}

// raisedBy says in words why a finding is graver than its rule.
func (j *judging) raisedBy(f finding) string {
	r := f.raise
	from := fmt.Sprintf("raised from %s to %s: ", f.rule.Severity, r.To)
	if r.With >= 0 {
		return from + fmt.Sprintf("%s was also matched in the last %s", j.rs.policy.Categories[r.With].Noun, span(r.Within))
	}
	return from + fmt.Sprintf("match number %d of this category in %s", j.count(r, f.rule), span(r.Within))
}

// span says a length of time in words: "24 hours", "1 hour 30 minutes".
func span(d time.Duration) string {
	var parts []string
	left := int(d / time.Second)
	for _, u := range []struct {
		seconds int
		word    string
	}{{3600, "hour"}, {60, "minute"}, {1, "second"}} {
		n := left / u.seconds
		left %= u.seconds
		switch {
		case n == 1:
			parts = append(parts, "1 "+u.word)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.word))
		}
	}
	return strings.Join(parts, " ")
}
