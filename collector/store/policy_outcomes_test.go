package store

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// flaggedBy is an event of a pupil that a rule flagged.
func flaggedBy(n int, account, rule string) model.Event {
	e := eventOf("dev-1", n, account, event.High)
	e.Rule, e.Category = rule, strings.SplitN(rule, "/", 2)[0]
	return e
}

func TestAnAlertCountsOnceForEachOfItsRules(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	for n, rule := range []string{"test/a", "test/a", "test/b"} {
		add(t, s, flaggedBy(n, "pupil1", rule))
	}
	gatherAll(t, s, &jobs{})
	ref := alerts(t, s)[0].Ref
	counted := func(since time.Time, want ...model.RuleOutcomes) {
		t.Helper()
		got, err := s.RuleOutcomes(t.Context(), school, since)
		if must(t, err); !reflect.DeepEqual(got, want) {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	}
	must(t, s.SetOutcome(t.Context(), school, ref, "dsl", model.OutcomeUnfounded, "a homework", noon))
	counted(time.Time{}, model.RuleOutcomes{Rule: "test/a", Unfounded: 1}, model.RuleOutcomes{Rule: "test/b", Unfounded: 1})
	later := noon.AddDate(0, 1, 0)
	must(t, s.SetOutcome(t.Context(), school, ref, "dsl", model.OutcomeUpheld, "looked again", later))
	counted(noon, model.RuleOutcomes{Rule: "test/a", Upheld: 1}, model.RuleOutcomes{Rule: "test/b", Upheld: 1})
	counted(later.AddDate(0, 1, 0))
	if err := s.SetOutcome(t.Context(), school, ref, "dsl", "maybe", "", noon); err == nil {
		t.Error("an invented outcome was kept")
	}
	if got, err := s.RuleOutcomes(t.Context(), "another", time.Time{}); err != nil || got != nil {
		t.Errorf("another school counts %v, %v", got, err)
	}
}

func TestG03NobodyDecidesWhatTheyMayNotSee(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "pupil1")
	addUser(t, s, "it", model.DutyIT, "")
	addUser(t, s, "deputy", model.DutyDeputy, "")
	addPupil(t, s, "pupil1")
	add(t, s, flaggedBy(1, "pupil1", "test/a"))
	gatherAll(t, s, &jobs{})
	ref := alerts(t, s)[0].Ref
	for _, who := range []string{"dsl", "it"} {
		if err := s.SetOutcome(t.Context(), school, ref, who, model.OutcomeUnfounded, "", noon); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s decided: %v", who, err)
		}
	}
	must(t, s.SetOutcome(t.Context(), school, ref, "deputy", model.OutcomeUnfounded, "", noon))
	for who, want := range map[string]int{"dsl": 0, "it": 0, "deputy": 1} {
		u, err := s.UserByID(t.Context(), school, who)
		must(t, err)
		seen, n := 0, 0
		must(t, s.EachUnfounded(t.Context(), school, u, func(string, model.Event) error { n++; return nil }))
		all, err := s.Outcomes(t.Context(), school, u)
		if must(t, err); len(all) > 0 {
			seen = 1
		}
		if n != want || seen != want {
			t.Errorf("%s reads %d events and %d outcomes of it, want %d", who, n, seen, want)
		}
	}
}

func TestWhatWasSeenIsNotInTheOutcomesRow(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	add(t, s, flaggedBy(1, "pupil1", "test/seen.example"))
	gatherAll(t, s, &jobs{})
	ref := alerts(t, s)[0].Ref
	must(t, s.SetOutcome(t.Context(), school, ref, "dsl", model.OutcomeUnfounded, "", noon))
	var kept []byte
	must(t, s.reader.QueryRow(`SELECT rules FROM alert_outcomes`).Scan(&kept))
	if len(kept) == 0 || bytes.Contains(kept, []byte("seen.example")) {
		t.Errorf("kept %q", kept)
	}
}

func TestG13CountsOutliveWhatTheyCount(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	add(t, s, flaggedBy(1, "pupil1", "test/a"))
	gatherAll(t, s, &jobs{})
	must(t, s.SetOutcome(t.Context(), school, alerts(t, s)[0].Ref, "dsl", model.OutcomeUnfounded, "", noon))
	later := noon.AddDate(0, 3, 0)
	_, err := s.RemoveTrialData(t.Context(), school, later, later, false)
	must(t, err)
	if n := count(t, s, "alerts") + count(t, s, "alert_outcomes"); n != 0 {
		t.Errorf("%d alerts and outcomes are left", n)
	}
	got, err := s.RuleOutcomes(t.Context(), school, time.Time{})
	if must(t, err); len(got) != 1 || got[0].Unfounded != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestDecidingAboutAnErasedSubjectStillWorks(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	add(t, s, flaggedBy(1, "pupil1", "test/a"))
	gatherAll(t, s, &jobs{})
	a := alerts(t, s)[0]
	must(t, s.SetOutcome(t.Context(), school, a.Ref, "dsl", model.OutcomeUnfounded, "", noon))
	must(t, s.EraseSubject(t.Context(), school, a.Subject, "asked for", noon))
	must(t, s.SetOutcome(t.Context(), school, a.Ref, "dsl", model.OutcomeUpheld, "", noon))
	got, err := s.RuleOutcomes(t.Context(), school, time.Time{})
	if must(t, err); len(got) != 1 || got[0].Unfounded != 1 || got[0].Upheld != 0 {
		t.Errorf("counted %+v: what can be read no more cannot be counted again", got)
	}
}

func TestG09ATrialReadsPupilsAloneAndInOrder(t *testing.T) {
	s := openStore(t)
	u := addUser(t, s, "it", model.DutyIT, "pupil3")
	roster(t, s, model.Person{Account: "pupil1", Year: "9"}, model.Person{Account: "pupil2", Year: "9"}, model.Person{Account: "pupil3", Year: "9"},
		model.Person{Account: "teacher", Role: model.RoleStaff})
	var want []string
	for n := range 40 {
		account := []string{"pupil1", "pupil2", "pupil3", "teacher", "nobody-knows"}[n%5]
		e := eventOf(fmt.Sprintf("dev-%d", n%3), n, account, event.Severity(1+n%4))
		e.Received = noon.Add(time.Duration(n/10) * time.Second) // ten at once
		add(t, s, e)
		if n%5 < 2 {
			want = append(want, fmt.Sprint(n))
		}
	}
	until := noon.Add(4 * time.Second)
	for _, limit := range []int{1, 3, 100} {
		var got []string
		var last model.TrialEvent
		for from := (model.TrialCursor{}); ; {
			var events []model.TrialEvent
			var err error
			events, from, err = s.TrialEvents(t.Context(), school, u, noon, until, from, limit)
			must(t, err)
			for _, e := range events {
				got = append(got, fmt.Sprint(e.ID[15]))
				if e.Role != model.RolePupil || e.Year != "9" || e.Received.Before(last.Received) {
					t.Errorf("read %+v after %+v", e, last)
				}
				last = e
			}
			if len(events) < limit {
				break
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("in chunks of %d: read %v, want %v", limit, got, want)
		}
	}
	n, err := s.KnownPupils(t.Context(), school)
	if must(t, err); n != 3 {
		t.Errorf("%d pupils", n)
	}
	roster(t, s, model.Person{Account: "another"})
	n, err = s.KnownPupils(t.Context(), school)
	if must(t, err); n != 1 {
		t.Errorf("%d pupils after the others left: a school of one would be shown numbers (G17)", n)
	}
}

func TestG13TrialsAreRemovedInTime(t *testing.T) {
	s := openStore(t)
	old := model.Trial{School: school, ID: s.NewTrialID(), At: noon, By: "dsl", Rules: "mine", Since: noon.Add(-time.Hour), Until: noon, Result: []byte("{}")}
	must(t, s.AddTrial(t.Context(), old))
	got, err := s.Trial(t.Context(), school, old.ID)
	if must(t, err); !reflect.DeepEqual(got, old) {
		t.Errorf("kept %+v", got)
	}
	must(t, s.RemoveTrials(t.Context(), school, noon.Add(model.TrialsKept)))
	if n := count(t, s, "trials"); n != 1 {
		t.Errorf("removed too early: %d left", n)
	}
	young := old
	young.ID, young.At = s.NewTrialID(), noon.Add(model.TrialsKept+time.Hour)
	must(t, s.AddTrial(t.Context(), young))
	all, err := s.Trials(t.Context(), school)
	if must(t, err); len(all) != 1 || all[0].ID != young.ID {
		t.Errorf("left %+v", all)
	}
	if _, err := s.Trial(t.Context(), school, old.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old one: %v", err)
	}
}

// What trials were told is kept for later ones, and not as long as their results.
func TestG13WhatTrialsWereToldIsRemovedInTime(t *testing.T) {
	s := openStore(t)
	for n, at := range []time.Time{noon, noon.Add(time.Hour)} {
		one := model.Trial{School: school, ID: s.NewTrialID(), At: at, By: "dsl", Rules: "mine", Result: []byte("{}"), Answers: []byte{byte('a' + n)}}
		must(t, s.AddTrial(t.Context(), one))
	}
	wantTold := func(since time.Time, want ...string) {
		t.Helper()
		told, err := s.TrialAnswers(t.Context(), school, since)
		must(t, err)
		if got := fmt.Sprintf("%s", told); got != fmt.Sprint(want) {
			t.Errorf("since %s: %s, want %s", since, got, want)
		}
	}
	wantTold(noon, "a", "b")
	wantTold(noon.Add(time.Minute), "b")
	if told, err := s.TrialAnswers(t.Context(), "another school", noon); err != nil || len(told) > 0 {
		t.Errorf("another school is told %s, %v", told, err)
	}
	must(t, s.RemoveTrials(t.Context(), school, noon.Add(model.TrialAnswersKept+time.Minute)))
	wantTold(noon, "b")
	if n := count(t, s, "trials"); n != 2 {
		t.Errorf("%d results are left", n)
	}
}

func TestG03WhatWasUpheldIsKnownOfOthersAlone(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	self := addUser(t, s, "self", model.DutyIT, "pupil2")
	addPupil(t, s, "pupil1", "pupil2")
	for n, account := range []string{"pupil1", "pupil2"} {
		add(t, s, flaggedBy(n, account, "test/a"))
	}
	gatherAll(t, s, &jobs{})
	for _, a := range alerts(t, s) {
		must(t, s.SetOutcome(t.Context(), school, a.Ref, "dsl", model.OutcomeUpheld, "", noon))
	}
	for want, u := range map[int]model.User{2: {School: school}, 1: self} {
		got, err := s.UpheldEvents(t.Context(), school, u, noon.Add(-time.Hour))
		if must(t, err); len(got) != want {
			t.Errorf("%q is told of %d upheld events, want %d", u.ID, len(got), want)
		}
	}
	if got, err := s.UpheldEvents(t.Context(), school, self, noon.Add(time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("of before: %v, %v", got, err)
	}
	if s.MayRead(school, self) || !s.MayRead(school, model.User{School: school, Duty: model.DutyDeputy}) {
		t.Error("IT may read, or a deputy may not")
	}
}
