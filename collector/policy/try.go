package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// TrialStore is what trying rules needs kept.
type TrialStore interface {
	// TrialEvents reads the events that a trial may judge again, in chunks.
	TrialEvents(ctx context.Context, school model.SchoolID, user model.User, since, until time.Time, from model.TrialCursor, limit int) ([]model.TrialEvent, model.TrialCursor, error)
	// UpheldEvents are those of alerts that were a concern.
	UpheldEvents(ctx context.Context, school model.SchoolID, user model.User, since time.Time) (map[model.EventKey]bool, error)
	KnownPupils(ctx context.Context, school model.SchoolID) (int, error)
	GroupsOf(ctx context.Context, school model.SchoolID, subject string) ([]string, error)
	// MayRead says whether a person may see pupils' alerts at all.
	MayRead(school model.SchoolID, user model.User) bool
	NewTrialID() string
	AddTrial(ctx context.Context, t model.Trial) error
	// TrialAnswers are what trials since a time were told, oldest first.
	TrialAnswers(ctx context.Context, school model.SchoolID, since time.Time) ([][]byte, error)
	Trial(ctx context.Context, school model.SchoolID, id string) (model.Trial, error)
	Trials(ctx context.Context, school model.SchoolID) ([]model.Trial, error)
}

const (
	// trialChunk is how many events are read at once: some milliseconds' work.
	trialChunk = 500
	// trialExamples bounds the examples each way.
	trialExamples = 10
)

// Try judges the stored events of the last days by a set of rules and by those in
// force, and compares both with the verdicts of then. by is whoever signed in, or
// nobody. It reads pupils' events alone (G9) and none about the person who asks
// (G3). The look is the caller's to put on record before.
//
// It reads in chunks and holds what an hour's alerts take, however many events
// there are.
func (w *Workflow) Try(ctx context.Context, to Side, by model.User, since time.Time) (model.TrialResult, error) {
	result, err := w.try(ctx, to, by, since)
	if err != nil {
		return model.TrialResult{}, fmt.Errorf("trying rules: %w", err)
	}
	return result, nil
}

func (w *Workflow) try(ctx context.Context, to Side, by model.User, since time.Time) (model.TrialResult, error) {
	at := w.now().UTC()
	school, err := w.store.School(ctx, w.school)
	if err != nil {
		return model.TrialResult{}, fmt.Errorf("reading the school: %w", err)
	}
	since, until, err := w.window(at, since, school.Trial)
	if err != nil {
		return model.TrialResult{}, err
	}
	done, err := w.beginTrial(ctx, by, school.Trial, at)
	if err != nil {
		return model.TrialResult{}, err
	}
	defer done()
	now, err := w.Find(ctx, InForceName)
	if err != nil {
		return model.TrialResult{}, err
	}
	today, err := w.asOnDevices(ctx, now)
	if err != nil {
		return model.TrialResult{}, err
	}
	proposed, err := w.asOnDevices(ctx, to)
	if err != nil {
		return model.TrialResult{}, err
	}
	if err := w.nobodyAlone(ctx, proposed); err != nil {
		return model.TrialResult{}, err
	}
	t := newTrial(today, proposed, w.store.MayRead(w.school, by))
	if t.around, err = w.surroundings(ctx); err != nil {
		return model.TrialResult{}, err
	}
	if t.upheld, err = w.store.UpheldEvents(ctx, w.school, by, since); err != nil {
		return model.TrialResult{}, err
	}
	if err := w.replay(ctx, t, by, since, until); err != nil {
		return model.TrialResult{}, err
	}
	pupils, err := w.store.KnownPupils(ctx, w.school)
	if err != nil {
		return model.TrialResult{}, err
	}
	w.answering.Lock() // what is told goes by what was told before
	defer w.answering.Unlock()
	before, err := w.store.TrialAnswers(ctx, w.school, at.Add(-model.TrialAnswersKept))
	if err != nil {
		return model.TrialResult{}, err
	}
	earlier, err := remember(before)
	if err != nil {
		return model.TrialResult{}, fmt.Errorf("reading what earlier trials were told: %w", err)
	}
	s := &steady{before: earlier, fresh: map[string]told{}, least: trialLeast}
	result := t.result(pupils, s)
	if maps.EqualFunc(to.Files, now.Files, bytes.Equal) {
		result.Change = "none" // which the rules say, not what pupils did
	}
	result.ID, result.Rules, result.Today = w.store.NewTrialID(), to.Name, now.Name
	result.At, result.Since, result.Until, result.Days = at, since, until, until.Sub(since).Hours()/24
	result.PerDay = rates(result)
	return result, w.keep(ctx, result, s.fresh, by)
}

// replay judges the events again, chunk after chunk.
func (w *Workflow) replay(ctx context.Context, t *trial, by model.User, since, until time.Time) error {
	for from := (model.TrialCursor{}); ; {
		events, next, err := w.store.TrialEvents(ctx, w.school, by, since, until, from, trialChunk)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := t.see(e); err != nil {
				return err
			}
		}
		if len(events) < trialChunk {
			t.end()
			return nil
		}
		t.forget(events[len(events)-1].Received)
		from = next
	}
}

// keep stores the numbers, never an example, nor what only those may know who see
// alerts: whoever is at the command line may read what is kept.
func (w *Workflow) keep(ctx context.Context, r model.TrialResult, fresh map[string]told, by model.User) error {
	r.Examples = nil
	r.Notes = slices.DeleteFunc(slices.Clone(r.Notes), func(note string) bool { return note == noteUpheld })
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	answers, err := json.Marshal(fresh)
	if err != nil {
		return err
	}
	return w.store.AddTrial(ctx, model.Trial{
		School: w.school, ID: r.ID, At: r.At, By: by.ID, Rules: r.Rules, Since: r.Since, Until: r.Until, Result: data, Answers: answers,
	})
}

// TrialResult reads what a trial found, without its examples.
func (w *Workflow) TrialResult(ctx context.Context, id string) (r model.TrialResult, err error) {
	t, err := w.store.Trial(ctx, w.school, id)
	if errors.Is(err, model.ErrNotFound) {
		return r, fmt.Errorf("there is no trial %s; `rules trials` lists those of the last %d days", id, int(model.TrialsKept.Hours()/24))
	}
	if err == nil {
		err = json.Unmarshal(t.Result, &r)
	}
	return r, err
}

// Trials lists the trials that are kept, newest first.
func (w *Workflow) Trials(ctx context.Context) ([]model.Trial, error) {
	return w.store.Trials(ctx, w.school)
}

func reason(v *rules.Verdict) *model.TrialReason {
	if v == nil {
		return nil
	}
	return &model.TrialReason{Category: v.Category, Severity: v.Severity.String(), Rule: v.Rule, Match: v.Match}
}

func example(change string, e model.TrialEvent, today, proposed *rules.Verdict) model.TrialExample {
	return model.TrialExample{
		Change: change, Event: uuid.UUID(e.ID).String(), Time: e.Observed.UTC(), Kind: string(e.Kind), Name: e.Name,
		Subject: e.Subject, Year: e.Year, Today: reason(today), Proposed: reason(proposed),
	}
}

// rates are alerts a day, where their number is shown.
func rates(r model.TrialResult) model.TrialRates {
	rate := func(n *int64) *float64 {
		if n == nil || r.Days <= 0 {
			return nil
		}
		perDay := float64(int64(float64(*n)/r.Days*10+0.5)) / 10
		return &perDay
	}
	return model.TrialRates{Then: rate(r.Total.Then), Today: rate(r.Total.Today), Proposed: rate(r.Total.Proposed)}
}

// notes are what whoever reads the numbers has to know.
func (t *trial) notes(small bool) []string {
	notes := []string{
		"Only what was flagged at the time is stored: a wider rule would find more than this shows.",
		"Pupils on the roster alone; nothing about staff, about accounts that no roster names, or about whoever asks.",
	}
	if t.searches == 0 {
		notes = append(notes, "Sites and programs only; searches are not seen.")
	}
	if small {
		notes = append(notes, fmt.Sprintf("The roster names fewer than %d pupils: no numbers are given.", trialPupils))
	} else {
		notes = append(notes,
			fmt.Sprintf("Numbers of fewer than %d pupils are not told, none at all included, and left out of totals that would give them away; the others are rounded to the nearest %d.", trialLeast, trialRounded),
			fmt.Sprintf("Where fewer than %d pupils stand between this trial and one of the last %d days, that one's number is repeated.", trialLeast, int(model.TrialAnswersKept.Hours()/24)))
	}
	notes = append(notes, t.notStored()...)
	notes = append(notes,
		"Events whose words were erased cannot be judged again and are left out.",
		"Sites that a device took for ones of a list, and that the list does not hold, were told to nobody and are left out.")
	if t.mayRead && t.upheldGone {
		notes = append(notes, noteUpheld)
	}
	return notes
}

const noteUpheld = "Among the alerts that would no longer be raised are some that were upheld as a concern."

func join(parts ...string) string { return strings.Join(parts, "\x00") }
