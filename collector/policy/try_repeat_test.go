package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
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
		if !r.Since.Equal(from) || !r.Until.Equal(midnight) || numbers(r.Total) != "20 20 20 - -" {
			t.Errorf("since %s it reads %s to %s: %s", since, r.Since, r.Until, numbers(r.Total))
		}
	}
	_, err := w.Try(t.Context(), sideOfBoth(t), model.User{ID: "dsl"}, midnight.Add(time.Hour))
	wantError(t, err, "--since", "whole days", "12:00 on 20 November 2026")
}

// answerOf is a trial's answer without what differs in any two.
func answerOf(r model.TrialResult) string {
	r.ID, r.At, r.Rules = "", time.Time{}, ""
	data, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// asks has somebody try rules that flag names more than today's do.
func asks(t *testing.T, w *policy.Workflow, who string, names ...string) model.TrialResult {
	t.Helper()
	files := swapped(t, "mine/test.yaml", "[flagged.test]", "["+strings.Join(append(names, "flagged.test"), ", ")+"]")
	r, err := w.Try(t.Context(), policy.Side{Name: "folder", Files: files}, model.User{ID: who}, noon.AddDate(0, 0, -30))
	must(t, err)
	return r
}

// From the answer nobody can tell whether one pupil has what a phrase finds, or
// nobody at all: it is the same to the letter.
func TestG17NoneAndFewHaveTheSameAnswer(t *testing.T) {
	for few := range 10 {
		m := &memory{pupils: 60}
		for n := range 60 {
			name := "grave.test"
			if n < few {
				name = "other.test"
			}
			m.events = append(m.events, flagged(n, event.Domain, name, "grave", event.Urgent))
		}
		w := realSchool(t, m)
		none, some := asks(t, w, "it", "nothing.test"), asks(t, w, "it", "other.test")
		if answerOf(none) != answerOf(some) {
			t.Errorf("with %d: %s, with none %s", few, answerOf(some), answerOf(none))
		}
		if none.Change != "withheld" || none.Total.Today == nil {
			t.Errorf("with %d: %+v", few, none)
		}
	}
}

// Phrases are added until enough pupils have what they find; then one more phrase is
// asked for, by the same person or another, and another day.
func TestG17OnePhraseMoreDoesNotShowOneChildMore(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 60 {
		name := "grave.test"
		switch {
		case n < 23:
			name = "many.test"
		case n < 24:
			name = "one.test"
		case n < 33: // with that one, ten
			name = "nine.test"
		}
		m.events = append(m.events, flagged(n, event.Domain, name, "grave", event.Urgent))
	}
	w := realSchool(t, m)
	many := asks(t, w, "it", "many.test")
	if *many.Total.New != 25 || many.Change != "more" {
		t.Fatalf("of many: %+v", many.Total)
	}
	for _, who := range []string{"it", "governor"} {
		for _, name := range []string{"one.test", "nine.test"} {
			if r := asks(t, w, who, "many.test", name); answerOf(r) != answerOf(many) {
				t.Errorf("with %s, %s is told %s, and without %s", name, who, answerOf(r), answerOf(many))
			}
		}
	}
	if r := asks(t, w, "it", "many.test", "one.test", "nine.test"); *r.Total.New != 35 {
		t.Errorf("ten more are told as %+v", r.Total)
	}
	for n := range m.kept {
		m.kept[n].At = noon.Add(-model.TrialAnswersKept - time.Second)
	}
	if r := asks(t, w, "it", "many.test", "nine.test"); *r.Total.New != 30 {
		t.Errorf("after a month it is told %+v", r.Total)
	}
}

// A window that is a day longer takes in one child's event.
func TestG17OneDayMoreDoesNotShowOneEventMore(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 43 {
		e := flagged(n, event.Domain, "grave.test", "grave", event.Urgent)
		if n == 0 {
			e.Received = e.Received.AddDate(0, 0, -2)
		}
		m.events = append(m.events, e)
	}
	w := realSchool(t, m)
	var told [2]string
	for n, days := range []int{21, 25} {
		r, err := w.Try(t.Context(), sideOfBoth(t), model.User{ID: "dsl"}, noon.AddDate(0, 0, -days))
		must(t, err)
		told[n] = fmt.Sprint(*r.Judged, ": ", numbers(r.Total))
	}
	if told[0] != told[1] || told[0] != "40: 40 40 40 - -" {
		t.Errorf("told %v", told)
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
