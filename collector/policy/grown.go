package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"safelight/collector/model"
)

// reviewed compares a change with what is in force and, for what it adds, with the
// last rules that two people looked at: a list that comes in slices, each of them a
// correction, is a list all the same (G7).
func (w *Workflow) reviewed(ctx context.Context, b base, to Side) (model.RuleReview, error) {
	r, err := w.Compare(b.Side, to)
	if err != nil || b.version == (Version{}) || !slices.ContainsFunc(r.Changes, slice) {
		return r, err
	}
	agreed, err := w.agreed(ctx)
	if err != nil {
		return r, fmt.Errorf("reading the last rules that two people made: %w", err)
	}
	since, err := w.Compare(agreed, to)
	if err != nil {
		return r, err
	}
	for i, c := range r.Changes {
		if !slice(c) {
			continue
		}
		for _, all := range since.Changes {
			if all.What == c.What && all.Category == c.Category && all.Widens && len(all.Items) >= listSize {
				r.Changes[i].Widens, r.Widening = true, true
				r.Changes[i].Text += fmt.Sprintf(": with those since %s, the last that two people made, they are %d, and so many are a list", agreed.Name, len(all.Items))
				break
			}
		}
	}
	slices.SortStableFunc(r.Changes, byWeight)
	return r, nil
}

// slice says whether a change adds a few of what many of are a list.
func slice(c model.RuleChange) bool {
	return !c.Widens && !c.Lowers && strings.HasSuffix(c.What, "-added") && len(c.Items) > 0
}

// agreed are the last rules that two people made, or else the first.
func (w *Workflow) agreed(ctx context.Context) (Side, error) {
	history, err := w.store.PolicyHistory(ctx, w.school) // newest first
	if err != nil || len(history) == 0 {
		return Side{Name: "nothing"}, err
	}
	proposals, err := w.store.Proposals(ctx, w.school)
	if err != nil {
		return Side{}, err
	}
	of := map[Version]model.Proposal{}
	for _, p := range proposals {
		if p.State == model.ProposalPublished {
			of[Version{Epoch: p.Epoch, Serial: p.Serial}] = p
		}
	}
	last := history[len(history)-1]
	for _, v := range history {
		p, ok := of[Version{Epoch: v.Epoch, Serial: v.Serial}]
		if !ok {
			continue
		}
		two, err := w.twoPeople(ctx, p.By, v.By)
		if err != nil {
			return Side{}, err
		}
		if two {
			last = v
			break
		}
	}
	files, err := w.sourcesOf(ctx, last)
	return Side{Name: nameOf(last), Files: files}, err
}

// twoPeople says whether two users' ids are those of two people.
func (w *Workflow) twoPeople(ctx context.Context, a, b string) (bool, error) {
	if a == b {
		return false, nil
	}
	one, err := w.store.UserByID(ctx, w.school, a)
	if err != nil {
		return false, err
	}
	other, err := w.store.UserByID(ctx, w.school, b)
	if err != nil {
		return false, err
	}
	same, err := w.OnePerson(ctx, one, other)
	return !same, err
}
