package policy_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/internal/event"
)

// Trials is what is kept, as the store would list it.
func (m *memory) Trials(context.Context, model.SchoolID) ([]model.Trial, error) { return m.kept, nil }

// real is a school that is no trial school, in London, whose trials read events
// from memory.
func realSchool(t *testing.T, m *memory) *policy.Workflow {
	t.Helper()
	o := newOffice(t, false)
	o.begin(both(t))
	m.WorkflowStore = o.store
	w := policy.NewWorkflow(o.Publisher, shipped(t), m)
	zone, err := time.LoadLocation("Europe/London")
	must(t, err)
	w.UseZone(zone)
	return w
}

func sideOfBoth(t *testing.T) policy.Side { return policy.Side{Name: "folder", Files: both(t)} }

// A window that could be moved by a second could be moved over one event.
func TestG17ATrialReadsWholeDaysOfTheSchool(t *testing.T) {
	m := &memory{pupils: 60}
	w := realSchool(t, m)
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for n := range 30 { // the last twelve of them today
		e := flagged(n, event.Domain, "grave.test", "grave", event.Urgent)
		e.Received = midnight.Add(time.Duration(n-18) * time.Hour)
		e.Observed = e.Received
		m.events = append(m.events, e)
	}
	summer := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC) // an hour behind London's midnight
	for since, from := range map[time.Time]time.Time{
		midnight.Add(-10 * time.Hour):               midnight.AddDate(0, 0, -1),
		midnight.Add(-10*time.Hour - 7*time.Second): midnight.AddDate(0, 0, -1),
		midnight.Add(-24 * time.Hour):               midnight.AddDate(0, 0, -1),
		summer.Add(time.Hour):                       summer.Add(-time.Hour),
	} {
		r, err := w.Try(t.Context(), sideOfBoth(t), model.User{ID: "dsl"}, since)
		must(t, err)
		if !r.Since.Equal(from) || !r.Until.Equal(midnight) || numbers(r.Total) != "20 20 20 0 0" {
			t.Errorf("since %s it reads %s to %s: %s", since, r.Since, r.Until, numbers(r.Total))
		}
	}
	_, err := w.Try(t.Context(), sideOfBoth(t), model.User{ID: "dsl"}, midnight.Add(time.Hour))
	wantError(t, err, "--since", "whole days", "12:00 on 20 November 2026")
}

// Rules that differ by one phrase find one alert more: neither the numbers nor the
// word for the change say so.
func TestG17OnePhraseMoreDoesNotShowOneAlertMore(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 41 {
		name := "grave.test"
		if n == 0 {
			name = "other.test"
		}
		m.events = append(m.events, flagged(n, event.Domain, name, "grave", event.Urgent))
	}
	w := realSchool(t, m)
	add := func(name string) model.TrialResult {
		files := swapped(t, "mine/test.yaml", "[flagged.test]", "[flagged.test, "+name+"]")
		r, err := w.Try(t.Context(), policy.Side{Name: "folder", Files: files}, model.User{ID: "dsl"}, noon.AddDate(0, 0, -30))
		must(t, err)
		return r
	}
	none, one := add("nothing.test"), add("other.test")
	if numbers(none.Total) != "40 40 40 0 0" && numbers(none.Total) != "40 - - 0 0" {
		t.Errorf("with none %s", numbers(none.Total))
	}
	if one.Change != "withheld" || one.Total.New != nil {
		t.Errorf("with one more: %s, %s", one.Change, numbers(one.Total))
	}
	for _, r := range []model.TrialResult{none, one} {
		if *r.Judged != 40 || !strings.Contains(strings.Join(r.Notes, " "), "rounded to the nearest 5") {
			t.Errorf("judged %d, notes %q", *r.Judged, r.Notes)
		}
		for _, n := range []*int64{r.Total.Then, r.Total.Today, r.Total.Proposed} {
			if n != nil && *n%5 != 0 {
				t.Errorf("%d is shown", *n)
			}
		}
	}
}

func TestG17APersonHasTwentyTrialsADay(t *testing.T) {
	m := &memory{pupils: 60}
	w := realSchool(t, m)
	since := noon.AddDate(0, 0, -30)
	m.kept = append(m.kept, model.Trial{By: "dsl", At: noon.Add(-13 * time.Hour)}) // yesterday's
	for n := range 20 {
		if _, err := w.Try(t.Context(), sideOfBoth(t), model.User{ID: "dsl"}, since); err != nil {
			t.Fatalf("trial %d: %v", n+1, err)
		}
	}
	_, err := w.Try(t.Context(), sideOfBoth(t), model.User{ID: "dsl"}, since)
	wantError(t, err, "20 trials today", "after midnight")
	_, err = w.Try(t.Context(), sideOfBoth(t), model.User{ID: "it"}, since)
	must(t, err)
}

// What nobody signed for holds the numbers of a parent's child, and a parent's own
// run does not.
func TestG17ATrialOutsideATrialSchoolIsSomebodys(t *testing.T) {
	m := &memory{pupils: 60}
	_, err := realSchool(t, m).Try(t.Context(), sideOfBoth(t), model.User{}, noon.AddDate(0, 0, -30))
	wantError(t, err, "--as")
	if len(m.chunks) != 0 {
		t.Error("events were read")
	}
}
