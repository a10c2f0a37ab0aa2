package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

const (
	// trialLongest is how far back a trial may look, in days.
	trialLongest = 366
	// trialsADay bounds how often one person asks nearly the same thing: numbers
	// that are each harmless add up (G17).
	trialsADay = 20
)

// UseZone gives the zone whose midnights trials begin and end at; UTC without it.
func (w *Workflow) UseZone(zone *time.Location) { w.zone = zone }

// midnight is the beginning of a moment's day where the school is.
func (w *Workflow) midnight(at time.Time) time.Time {
	y, m, d := at.In(w.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, w.zone)
}

// window says which events a trial reads: whole days up to last midnight. One that
// ended now, or began at any second, could be moved over a single event (G17). In
// a trial school, which has nobody real in it (G12), it ends now: its first day has
// something to try.
func (w *Workflow) window(now, since time.Time, trial bool) (from, until time.Time, err error) {
	from, until = w.midnight(since), w.midnight(now)
	if trial {
		until = now
	}
	switch {
	case !since.Before(now) || until.Sub(from) > (trialLongest+1)*24*time.Hour:
		return from, until, errors.New("--since: want a time of the last year, or an age such as 30d")
	case !from.Before(until):
		return from, until, fmt.Errorf("--since: a trial reads whole days, up to the midnight before %s: want a day before today, or an age such as 30d", now.In(w.zone).Format("15:04 on 2 January 2006"))
	}
	return from.UTC(), until.UTC(), nil
}

// beginTrial refuses nobody, and whoever has tried often today. What nobody signed
// for shows somebody's own child too, and beside a run of their own, which does
// not, is about that child (G3). done is called when the trial is kept.
func (w *Workflow) beginTrial(ctx context.Context, by model.User, trial bool, now time.Time) (done func(), err error) {
	if by.ID == "" && !trial {
		return nil, errors.New("say with --as who tries them: its numbers are about pupils, and nobody is shown what is about their own child")
	}
	w.trying.Lock()
	defer w.trying.Unlock()
	kept, err := w.store.Trials(ctx, w.school)
	if err != nil {
		return nil, err
	}
	n, today := w.running[by.ID], w.midnight(now)
	for _, t := range kept {
		if t.By == by.ID && !t.At.Before(today) {
			n++
		}
	}
	if n >= trialsADay {
		return nil, fmt.Errorf("that is %d trials today, and a person has %d a day: many answers to nearly one question tell of single people; try again after midnight, or look at those there are (`rules trials`)", n, trialsADay)
	}
	w.running[by.ID]++
	return func() {
		w.trying.Lock()
		defer w.trying.Unlock()
		w.running[by.ID]--
	}, nil
}
