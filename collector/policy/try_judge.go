package policy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

const (
	// trialRecent and trialRemembered bound what is remembered of an account, as a
	// device does.
	trialRecent     = 32
	trialRemembered = 7 * 24 * time.Hour
)

// Periods says which words of the timetable hold at a site at a moment; none where
// that is not known.
type Periods func(site string, at time.Time) []string

// UsePeriods has trials judge by the school's hours. Without it these are not
// known.
func (w *Workflow) UsePeriods(of func(ctx context.Context) (Periods, error)) { w.periods = of }

// asOnDevices compiles rules as devices would get them, with the names of the lists
// that they subscribe to.
func (w *Workflow) asOnDevices(ctx context.Context, side Side) (*rules.Ruleset, error) {
	set, err := compile(side.Files)
	if err != nil {
		return nil, fmt.Errorf("the rules of %s: %w", side.Name, err)
	}
	if !slices.ContainsFunc(set.Lists(), func(l rules.ListSource) bool { return l.URL != "" }) {
		return set, nil
	}
	last, ok, err := w.store.LatestPolicy(ctx, w.school)
	if err != nil {
		return nil, fmt.Errorf("reading the rules in force: %w", err)
	}
	before := &last
	if !ok {
		before = nil
	}
	done, err := w.make(ctx, side.Files, set, before)
	if err != nil {
		return nil, fmt.Errorf("giving the rules of %s the names of their lists: %w", side.Name, err)
	}
	return open(done.compiled)
}

// around is what is known of where and when an event was seen, beside what is
// stored with it.
type around struct {
	periods Periods
	groups  func(subject string) ([]string, error)
}

// surroundings reads what a trial needs to know of the school.
func (w *Workflow) surroundings(ctx context.Context) (a around, err error) {
	if w.periods != nil {
		if a.periods, err = w.periods(ctx); err != nil {
			return a, fmt.Errorf("reading the school's hours: %w", err)
		}
	}
	known := map[string][]string{}
	a.groups = func(subject string) ([]string, error) {
		if groups, ok := known[subject]; ok {
			return groups, nil
		}
		groups, err := w.store.GroupsOf(ctx, w.school, subject)
		if err == nil {
			known[subject] = groups
		}
		return groups, err
	}
	return a, nil
}

// input is the observation behind a stored event, as far as it is kept: groups and
// year are the subject's of today.
func (a around) input(e model.TrialEvent) (rules.Input, error) {
	in := rules.Input{Kind: e.Kind, Text: e.Name, Exe: e.Exe, Role: string(e.Role), Year: e.Year, Site: e.Site, At: e.Observed}
	if a.periods != nil {
		in.Periods = a.periods(e.Site, e.Observed)
	}
	groups, err := a.groups(e.Subject)
	in.Groups = groups
	return in, err
}

// judge is what a set of rules says of an event: nil where nothing is sent.
func (t *trial) judge(set int, e model.TrialEvent, in rules.Input) *rules.Verdict {
	in.Recent = t.recent[set][e.Subject]
	v := t.rules[set].Judge(in)
	if v.Decision != rules.Flag {
		return nil
	}
	c, _ := t.rules[set].Category(v.Category)
	noise := e.Noise || e.Kind == event.Domain && t.rules[set].Marks(e.Name)&rules.MarkNoise != 0
	if noise && c.Risk == rules.RiskOrdinary {
		return nil // as on the device: it stays there
	}
	seen := append(t.recent[set][e.Subject], rules.Seen{Category: v.Category, Rule: v.Rule, At: e.Observed})
	if extra := len(seen) - trialRecent; extra > 0 {
		seen = slices.Clone(seen[extra:])
	}
	t.recent[set][e.Subject] = seen
	return &v
}

// notStored says what rules ask for that no stored event tells.
func (t *trial) notStored() (notes []string) {
	programs, premises := false, false
	for _, set := range []int{today, proposed} {
		programs = programs || t.rules[set].AsksBeyondName()
		premises = premises || slices.ContainsFunc(t.rules[set].Policy().Scopes, func(x rules.Scope) bool { return x.Premises != "" })
	}
	if programs {
		notes = append(notes, "Signers, hashes and original names of programs are not stored: rules that ask for them find nothing here.")
	}
	if premises {
		notes = append(notes, "Whether a device was on the premises is not stored: rules for one or the other are judged as where it is not known.")
	}
	return notes
}
