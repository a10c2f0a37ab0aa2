package ingest

import (
	safelightv1 "safelight/proto/safelight/v1"
)

// fine says whether an event keeps every rule that stands beside its fields in
// the protocol, in a hundredth of the time the rules themselves take: nearly all
// events do. What it doubts is held against the rules, which then say what is
// wrong; it may doubt what is right and never lets through what is wrong, and
// TestFineLetsNothingWrongThrough holds it to that whenever a rule changes.
// Lengths in bytes stand for lengths in characters, which are never more.
func fine(e *safelightv1.Event) bool {
	_, kind := kinds[e.GetKind()]
	_, via := vias[e.GetVia()]
	_, outcome := outcomes[e.GetOutcome()]
	return kind && via && outcome && len(e.GetId()) == 16 && within(e.GetName(), 1, 1024) && len(e.GetAlso()) <= 16 &&
		within(e.GetClient(), 0, 255) && within(e.GetServer(), 0, 255) &&
		e.GetObserved() != nil && fineClock(e.GetObserved()) && fineOwner(e.GetOwner()) && e.GetVerdict() != nil && fineVerdict(e.GetVerdict())
}

func fineClock(c *safelightv1.Clock) bool {
	return c.GetWall() != nil && len(c.GetBootId()) <= 64 && c.GetMonotonicNs() >= 0
}

func fineOwner(o *safelightv1.Owner) bool {
	return within(o.GetProcess(), 0, 255) && within(o.GetExe(), 0, 4096) && within(o.GetAccount(), 0, 255) && within(o.GetUnknownReason(), 0, 255) &&
		within(o.GetParent(), 0, 255) && within(o.GetScript(), 0, 4096) && within(o.GetApp(), 0, 255) && within(o.GetRunsAs(), 0, 255)
}

func fineVerdict(v *safelightv1.Verdict) bool {
	if len(v.GetNotSeen()) > 8 {
		return false
	}
	for _, text := range v.GetNotSeen() {
		if !within(text, 0, 255) {
			return false
		}
	}
	_, severity := severities[v.GetSeverity()]
	return severity && within(v.GetRule(), 1, 128) && within(v.GetCategory(), 1, 64) && within(v.GetPack(), 0, 128) &&
		within(v.GetMatch(), 0, 1024) && within(v.GetWhy(), 0, 1024) && within(v.GetRole(), 0, 32) && fineGrounds(v)
}

func fineGrounds(v *safelightv1.Verdict) bool {
	if len(v.GetHow()) > 8 || len(v.GetEvidence()) > 8 {
		return false
	}
	for _, step := range v.GetHow() {
		if !within(step, 0, 64) {
			return false
		}
	}
	for _, e := range v.GetEvidence() {
		if !within(e.GetRule(), 1, 128) || !within(e.GetMatch(), 0, 128) {
			return false
		}
	}
	return within(v.GetReadAs(), 0, 1024) && within(v.GetList(), 0, 128) && within(v.GetScope(), 0, 255) && within(v.GetRaised(), 0, 255)
}

func within(s string, least, most int) bool { return len(s) >= least && len(s) <= most }
