package rules

import (
	"cmp"
	"slices"

	"safelight/internal/event"
)

// pick keeps the finding that matters most.
type pick struct {
	in   Input
	best finding
}

// offer weighs a finding by its category's action for the role, and by a live
// exemption, and keeps it if it outweighs the one before.
func (p *pick) offer(f finding) {
	switch f.cat.actions[roleIndex(p.in.Role)] {
	case actNone:
		return
	case actNote:
		f.decision = Note
	}
	if f.cat.exemptable && !f.cat.Locked && slices.Contains(p.in.Exempt, f.cat.ID) {
		f.decision = Exempt
	}
	if p.best.cat == nil || outweighs(f, p.best) {
		p.best = f
	}
}

// outweighs says which of two findings a person should be told of.
func outweighs(a, b finding) bool {
	return cmp.Or(
		cmp.Compare(weight(a), weight(b)),
		cmp.Compare(a.severity, b.severity),
		cmp.Compare(a.tier, b.tier),
		cmp.Compare(a.end-a.start, b.end-b.start),
		cmp.Compare(b.start, a.start),
	) > 0
}

func weight(f finding) int {
	switch {
	case f.cat.Locked && f.decision == Flag:
		return 3
	case f.decision == Flag:
		return 2
	case f.decision == Note:
		return 1
	}
	return 0
}

// verdict words the best finding; none is None.
func (p *pick) verdict(help bool) Verdict {
	f := p.best
	if f.cat == nil {
		return Verdict{Decision: None}
	}
	v := Verdict{
		Decision: f.decision, Category: f.cat.ID, Title: f.cat.Title, Severity: f.severity,
		Rule: f.rule, Pack: f.pack, Start: f.start, End: f.end,
		Help: help && p.in.Kind == event.Search,
	}
	// A host name that had to be cleaned up no longer has its offsets.
	if v.End > len(p.in.Text) {
		v.Start, v.End = 0, len(p.in.Text)
	}
	if v.Help && v.Decision == Flag && f.cat.Risk == RiskLife {
		v.Severity = event.Urgent // a plea is never less (G1)
	}
	v.Match = p.in.Text[v.Start:v.End]
	v.Why = why(p.in.Kind, f, v.Help)
	v.NotSeen = slices.Clone(notSeen[p.in.Kind])
	return v
}
