package rules

import (
	"fmt"
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
		if r.To > f.severity && j.rs.policy.Scopes[r.Scope].holds(&j.in, false) && j.seen(r) {
			f.severity, f.raise = r.To, r
		}
	}
}

// seen reports whether the last verdicts hold what r wants.
func (j *judging) seen(r *Raise) bool {
	want, category := uint32(1), r.With
	if category < 0 {
		want, category = r.Repeats-1, r.Category // this one is the last of them
	}
	return j.count(j.rs.policy.Categories[category].ID, r.Within) >= want
}

// count counts the account's verdicts of a category no longer ago than within.
func (j *judging) count(category string, within time.Duration) (n uint32) {
	for _, s := range j.in.Recent {
		if age := j.in.At.Sub(s.At); s.Category == category && age >= 0 && age <= within {
			n++
		}
	}
	return n
}

// raisedBy says in words why a finding is graver than its rule.
func (j *judging) raisedBy(f finding) string {
	r := f.raise
	from := fmt.Sprintf("raised from %s to %s: ", f.rule.Severity, r.To)
	if r.With >= 0 {
		return from + fmt.Sprintf("%s was also matched in the last %s", j.rs.policy.Categories[r.With].Noun, span(r.Within))
	}
	return from + fmt.Sprintf("match number %d of this category in %s", j.count(j.rs.policy.Categories[r.Category].ID, r.Within)+1, span(r.Within))
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
