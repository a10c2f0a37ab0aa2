package policy

import (
	"context"
	"fmt"
	"time"

	"safelight/collector/model"
)

// OutcomeStore is what alerts came to.
type OutcomeStore interface {
	RuleOutcomes(ctx context.Context, school model.SchoolID, since time.Time) ([]model.RuleOutcomes, error)
	// EachUnfounded hands over the events of alerts that were *not what they looked
	// like*, of those that the person may see.
	EachUnfounded(ctx context.Context, school model.SchoolID, user model.User, each func(ref string, e model.Event) error) error
}

// precisionLeast is the least number of a report (G17).
const precisionLeast = 5

// Precision says of each rule how often its alerts were what they looked like,
// since the month of a time.
func (w *Workflow) Precision(ctx context.Context, since time.Time) ([]model.RulePrecision, error) {
	all, err := w.store.RuleOutcomes(ctx, w.school, since)
	if err != nil {
		return nil, fmt.Errorf("reading the precision of rules: %w", err)
	}
	rows := make([]model.RulePrecision, 0, len(all))
	for _, r := range all {
		rows = append(rows, precision(r))
	}
	return rows, nil
}

// precision is the share of a rule's alerts that were true, with small numbers
// withheld, and the share too where it would give one away.
func precision(r model.RuleOutcomes) model.RulePrecision {
	total := cell{n: r.Unfounded + r.NoConcern + r.Upheld}
	unfounded, noConcern, upheld := cell{n: r.Unfounded}, cell{n: r.NoConcern}, cell{n: r.Upheld}
	withhold(precisionLeast, []sum{{&total, []*cell{&unfounded, &noConcern, &upheld}}})
	p := model.RulePrecision{
		Rule: r.Rule, Alerts: total.shown(), Unfounded: unfounded.shown(), NoConcern: noConcern.shown(), Upheld: upheld.shown(),
	}
	if !total.hidden && !unfounded.hidden && total.n > 0 {
		share := float64(noConcern.n+upheld.n) / float64(total.n)
		p.Precision = &share
	}
	return p
}
