package policy_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// seen stores an event of a pupil, gathers it and says what it came to; without an
// outcome nobody decided.
func (o *office) seen(n int, account string, kind event.Kind, category, rule, name, match string, outcome model.AlertOutcome) {
	o.t.Helper()
	ctx := o.t.Context()
	at := noon.Add(-10 * 24 * time.Hour).Add(time.Duration(n) * time.Hour)
	e := model.Event{
		School: school, Device: "dev-1", Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.High, Seq: uint64(n)},
		Observed: at, Received: at, Kind: kind, Name: name, Via: event.ViaTLS, Account: account,
		Rule: rule, Category: category, Severity: event.High, Pack: "mine 1", Match: match, Why: "a test", Count: 1,
	}
	binary.BigEndian.PutUint64(e.ID[8:], uint64(n))
	digest := sha256.Sum256(fmt.Append(nil, n))
	e.Digest = digest[:]
	_, err := o.store.AppendRecords(ctx, school, model.Batch{Events: []model.Event{e}})
	must(o.t, err)
	noJobs := func(context.Context, *sql.Tx, model.SchoolID, event.Severity, []string) error { return nil }
	_, err = o.store.GatherOnce(ctx, school, at, 100, noJobs)
	must(o.t, err)
	if outcome == "" {
		return
	}
	all, err := o.store.Alerts(ctx, school, time.Time{})
	must(o.t, err)
	for _, a := range all {
		if a.First.Equal(at) {
			must(o.t, o.store.SetOutcome(ctx, school, a.Ref, o.dsl.ID, outcome, "", noon))
			return
		}
	}
	o.t.Fatal("no alert was raised")
}

func (o *office) pupils(accounts ...string) {
	o.t.Helper()
	var people []model.Person
	for i, account := range accounts {
		people = append(people, model.Person{Account: account, Name: "Invented", Role: model.RolePupil, Year: fmt.Sprint(7 + i%5)})
	}
	importRoster(o.t, o.store, people)
}

func TestG17PrecisionShowsNoSmallNumbers(t *testing.T) {
	o := newOffice(t, true)
	o.pupils("p1")
	n := 0
	for rule, outcomes := range map[string][3]int{"test/large": {5, 7, 0}, "test/small": {1, 6, 6}, "test/tiny": {1, 0, 0}} {
		for i, outcome := range model.AlertOutcomes {
			for range outcomes[i] {
				n++
				o.seen(n, "p1", event.Domain, "test", rule, "flagged.test", "flagged.test", outcome)
			}
		}
	}
	rows, err := o.Precision(t.Context(), time.Time{})
	must(t, err)
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	large, small, tiny := rows[0], rows[1], rows[2]
	if large.Precision == nil || *large.Precision != 7.0/12 || *large.Alerts != 12 || *large.Upheld != 0 {
		t.Errorf("%s: %+v", large.Rule, large)
	}
	if small.Unfounded != nil || small.Precision != nil || small.Alerts == nil || small.NoConcern != nil && small.Upheld != nil {
		t.Errorf("%s: %+v", small.Rule, small)
	}
	if tiny.Alerts != nil || tiny.Unfounded != nil || tiny.Precision != nil {
		t.Errorf("%s: %+v", tiny.Rule, tiny)
	}
}

func TestSuggestionsAreWhatUnfoundedAlertsHaveInCommon(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	o.pupils("p1", "p2")
	for n, text := range []string{"lyrics of grave words of songs", "the grave words of songs", "grave words", "my grave words today grave.test"} {
		outcome := model.OutcomeUnfounded
		if n == 3 {
			outcome = model.OutcomeUpheld
		}
		o.seen(n, "p1", event.Search, "grave", "grave/g-1", text, "grave words", outcome)
	}
	o.seen(5, "p2", event.Domain, "test", "test/flagged.test", "fine.flagged.test", "flagged.test", model.OutcomeUnfounded)
	got, err := o.Suggestions(t.Context(), o.deputy)
	must(t, err)
	if len(got) != 2 {
		t.Fatalf("suggested %+v", got)
	}
	if s := got[0]; s.Text != "grave words of songs" || s.Alerts != 2 || !s.TwoPeople || s.Write != `allow: ["grave words of songs"]` || s.Title != "Grave" {
		t.Errorf("suggested %+v", s)
	}
	if s := got[1]; s.Kind != "allow-domain" || s.Text != "fine.flagged.test" || s.TwoPeople || s.Write != "domains: [{allow: [fine.flagged.test]}]" {
		t.Errorf("suggested %+v", s)
	}
}

func TestG03SuggestionsShowNobodysWordsToWhomMayNotSeeThem(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	self := o.user("self", model.DutyDSL, "p1")
	o.pupils("p1")
	o.seen(1, "p1", event.Search, "grave", "grave/g-1", "grave words of songs", "grave words", model.OutcomeUnfounded)
	for _, u := range []model.User{o.it, self} {
		got, err := o.Suggestions(t.Context(), u)
		if must(t, err); len(got) != 0 {
			t.Errorf("%s is shown %+v", u.ID, got)
		}
	}
}

func TestG01NothingIsSuggestedThatHidesAPleaOrATestedLine(t *testing.T) {
	o := newOffice(t, true)
	o.begin(swapped(t, "mine/grave.yaml", "hit: [grave words]\n  miss: [gravel words]",
		"hit: [grave words, so many grave words tonight]\n  miss: [gravel words, some words, gravy words]"))
	o.pupils("p1")
	o.seen(1, "p1", event.Search, "grave", "grave/g-1", "many grave words tonight", "grave words", model.OutcomeUnfounded)
	got, err := o.Suggestions(t.Context(), o.dsl)
	if must(t, err); len(got) != 0 {
		t.Errorf("suggested %+v, which a test says must be flagged", got)
	}
}
