package rules

import (
	"cmp"
	"slices"

	"safelight/internal/event"
)

// stands reports whether a rule judges this subject here and now: whether its
// language was reviewed and its scope holds.
func (j *judging) stands(r *Rule, f finding) bool {
	allow := r.Kind == RuleAllowPhrase || r.Kind == RuleAllowDomain
	if holds, decided := j.lens.overrules(allow, r.Scope != 0); decided {
		return holds
	}
	if (r.Kind == RulePhrase || r.Kind == RuleAllowPhrase || r.Kind == RuleWeighed) && !r.Reviewed && !j.in.Unreviewed {
		j.lost(f, lostToReview, nil)
		return false
	}
	if r.Scope != 0 && !j.rs.policy.Scopes[r.Scope].holds(&j.in, allow) {
		j.lost(f, lostToScope, nil)
		return false
	}
	return true
}

// exempt reports whether a live exemption covers a category that may be
// exempted at all.
func (j *judging) exempt(category int32) bool {
	return category >= 0 && j.rs.exemptable[category] && slices.Contains(j.in.Exempt, j.rs.policy.Categories[category].ID)
}

// offer weighs a finding by its category's action for the role, by a live
// exemption and by what was seen before, and keeps it if it outweighs the one
// before.
func (j *judging) offer(f finding) {
	switch j.category(f.rule).Actions[roleIndex(j.in.Role)] {
	case ActionNone:
		j.lost(f, lostToRole, nil)
		return
	case ActionNote:
		f.decision = Note
	}
	if j.offDuty(f.rule) {
		j.lost(f, lostToHours, nil)
		return
	}
	f.severity = f.rule.Severity
	if j.exempt(f.rule.Category) {
		f.decision = Exempt
	} else {
		j.raise(&f)
	}
	j.found(f)
	if j.best.rule == nil || j.outweighs(f, j.best) {
		j.best = f
	}
}

// offDuty reports an adult at work out of hours, whom only what is locked judges
// then, and what a school's scope names those hours for (G9).
func (j *judging) offDuty(r *Rule) bool {
	return roleIndex(j.in.Role) >= learners && !j.category(r).Locked &&
		slices.Contains(j.in.Periods, outOfHours) && !slices.Contains(j.rs.policy.Scopes[r.Scope].When, outOfHours)
}

// outweighs says which of two findings a person should be told of.
func (j *judging) outweighs(a, b finding) bool {
	return cmp.Or(
		cmp.Compare(j.rank(a), j.rank(b)),
		cmp.Compare(a.severity, b.severity),
		cmp.Compare(a.rule.Tier, b.rule.Tier),
		cmp.Compare(a.weight(), b.weight()),
		cmp.Compare(a.end-a.start, b.end-b.start),
		cmp.Compare(b.start, a.start),
	) > 0
}

// weight is a phrase's; a sum is told below any phrase.
func (f finding) weight() uint32 {
	if f.weighed != nil {
		return 0
	}
	return f.rule.Weight
}

func (j *judging) rank(f finding) int {
	switch {
	case j.category(f.rule).Locked && f.decision == Flag:
		return 3
	case f.decision == Flag:
		return 2
	case f.decision == Note:
		return 1
	}
	return 0
}

// verdict words the best finding; none is None.
func (j *judging) verdict() Verdict {
	f := j.best
	if f.rule == nil {
		return Verdict{Decision: None}
	}
	cat := j.category(f.rule)
	v := Verdict{
		Decision: f.decision, Category: cat.ID, Title: cat.Title, Severity: f.severity,
		Rule: f.rule.ID, Pack: f.rule.Pack, Start: f.start, End: f.end,
		Help: j.help && j.in.Kind == event.Search, Unfiltered: j.in.Unfiltered,
	}
	if j.in.Kind == event.Domain && !sameSpelling(j.in.Text, j.text) {
		v.Start, v.End = 0, len(j.in.Text) // offsets are those of the name cleaned
	}
	if v.Help && v.Decision == Flag && cat.Risk == RiskLife {
		v.Severity = event.Urgent // a plea is never less (G1)
	}
	v.Match = j.in.Text[v.Start:v.End]
	j.explain(&v, f)
	return v
}

// explain fills in how a verdict came about.
func (j *judging) explain(v *Verdict, f finding) {
	if f.rule.Kind == RulePhrase {
		v.How = f.words.How.Words()
		if v.ReadAs = j.words.ReadAs(f.words); v.ReadAs == v.Match {
			v.ReadAs = ""
		}
		v.Evidence = j.evidence(f)
	}
	if f.weighed != nil {
		v.How, v.Evidence = f.weighed.how.Words(), f.weighed.evidence(f.rule.ID, j.text)
	}
	if f.rule.Kind == RuleList {
		v.List = listOf(f.rule.ID)
	}
	if f.rule.Scope != 0 {
		v.Scope = j.rs.policy.Scopes[f.rule.Scope].String()
	}
	if f.raise != nil && v.Severity == f.severity {
		v.Raised = j.raisedBy(f)
	}
	v.Why = j.why(f, v.Help)
	v.NotSeen = j.notSeen()
}
