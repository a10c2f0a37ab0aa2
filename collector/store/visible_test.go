package store

import (
	"errors"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// seen is how much of everything there is a user sees.
func seen(t *testing.T, s *Store, user model.User) (alerts, events int) {
	t.Helper()
	a, err := s.AlertsFor(t.Context(), school, user, time.Time{})
	must(t, err)
	e, err := s.EventsFor(t.Context(), school, user, time.Time{})
	must(t, err)
	return len(a), len(e)
}

func TestG03NobodyIsToldOfOrSeesAnAlertAboutThemselves(t *testing.T) {
	for _, written := range []string{"j.doe", "J.Doe", `SCHOOL\j.doe`, "j.doe@school.example"} {
		t.Run(written, func(t *testing.T) {
			s := openStore(t)
			self := addUser(t, s, "self", model.DutyDeputy, "j.doe")
			other := addUser(t, s, "other", model.DutyDSL, "a.nother")
			addPupil(t, s, written) // a deputy who is also a sixth-former, or a roster gone wrong
			var j jobs
			add(t, s, eventOf("dev-1", 1, written, event.Urgent))
			gatherAll(t, s, &j)
			a := alerts(t, s)[0]
			told, err := s.Notifications(t.Context(), school, a.Ref)
			must(t, err)
			if len(told) != 1 || told[0].User != "other" {
				t.Errorf("told = %+v, want the other only", told)
			}
			if alerts, events := seen(t, s, self); alerts != 0 || events != 0 {
				t.Errorf("the subject sees %d alerts and %d events", alerts, events)
			}
			if alerts, events := seen(t, s, other); alerts != 1 || events != 1 {
				t.Errorf("the other sees %d alerts and %d events, want 1 and 1", alerts, events)
			}
			_, err = s.AlertFor(t.Context(), school, self, a.Ref)
			_, none := s.AlertFor(t.Context(), school, self, "00000000")
			if !errors.Is(err, ErrNotFound) || err.Error() != none.Error() {
				t.Errorf("own alert: %v; one that does not exist: %v; want the very same", err, none)
			}
			if _, err := s.AcknowledgeAlert(t.Context(), school, a.Ref, "self", noon); !errors.Is(err, ErrNotFound) {
				t.Errorf("the subject can take it on: %v", err)
			}
			if err := s.MarkRead(t.Context(), school, a.Ref, "self", noon); !errors.Is(err, ErrNotFound) {
				t.Errorf("the subject can mark it read: %v", err)
			}
		})
	}
}

func TestG03OnlySubjectLeftToTellIsNobodyToTell(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "self", model.DutyDSL, "j.doe")
	addPupil(t, s, "j.doe")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "j.doe", event.Urgent))
	gatherAll(t, s, &j)
	if len(j.ids) != 0 {
		t.Error("the subject was told")
	}
	if count(t, s, "health") != 1 {
		t.Error("that nobody could be told is not visible")
	}
}

func TestG03HeldIsNeverToldNorVisible(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	people := []model.Person{{Account: "known.pupil", Name: "P", Role: model.RolePupil}}
	for _, role := range model.Roles[1:] {
		people = append(people, model.Person{Account: string(role), Name: "P", Role: role})
	}
	_, err := s.ImportRoster(t.Context(), school, "roster.csv", people, noon)
	must(t, err)
	held := 0
	for i, p := range append(people[1:], model.Person{Account: "in.no.roster"}, model.Person{Account: ""}) {
		add(t, s, eventOf("dev-1", i, p.Account, event.Urgent))
		held++
	}
	var j jobs
	gatherAll(t, s, &j)
	if alerts, events := seen(t, s, dsl); alerts != 0 || events != 0 || len(j.ids) != 0 {
		t.Errorf("the DSL sees %d alerts and %d events and is told %d times, want nothing", alerts, events, len(j.ids))
	}
	for _, a := range alerts(t, s) {
		if a.State != model.AlertHeld {
			t.Errorf("alert = %+v, want held", a)
		}
		if _, err := s.AlertFor(t.Context(), school, dsl, a.Ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("held alert: %v, want not found", err)
		}
	}
	if n, err := s.HeldCount(t.Context(), school); err != nil || n != held {
		t.Errorf("held = %d, %v; want %d", n, err, held)
	}
}

func TestG03OnlyDSLAndDeputiesOfThisSchoolSeePupilsAlerts(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	gatherAll(t, s, &jobs{})
	for name, c := range map[string]struct {
		user model.User
		want int
	}{
		"DSL":            {model.User{School: school, Duty: model.DutyDSL}, 1},
		"deputy":         {model.User{School: school, Duty: model.DutyDeputy}, 1},
		"head":           {model.User{School: school, Duty: model.DutyHead}, 0},
		"IT":             {model.User{School: school, Duty: model.DutyIT}, 0},
		"disabled DSL":   {model.User{School: school, Duty: model.DutyDSL, Disabled: true}, 0},
		"another's DSL":  {model.User{School: "elsewhere", Duty: model.DutyDSL}, 0},
		"nobody":         {model.User{}, 0},
		"unknown duty":   {model.User{School: school, Duty: "dsl "}, 0},
		"school without": {model.User{Duty: model.DutyDSL}, 0},
	} {
		if alerts, events := seen(t, s, c.user); alerts != c.want || events != c.want {
			t.Errorf("%s sees %d alerts and %d events, want %d", name, alerts, events, c.want)
		}
	}
}

func TestG03HeldAlertOpensWhenARosterNamesItsPupil(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "pupil1", event.Urgent), eventOf("dev-1", 2, "staff1", event.Urgent))
	gatherAll(t, s, &j)
	if len(j.ids) != 0 {
		t.Fatal("told of a held alert")
	}
	_, err := s.ImportRoster(t.Context(), school, "roster.csv", []model.Person{
		{Account: "pupil1", Name: "P", Role: model.RolePupil, Year: "9"}, {Account: "staff1", Name: "S", Role: model.RoleStaff},
	}, noon)
	must(t, err)
	gatherAll(t, s, &j)
	if alerts, events := seen(t, s, dsl); alerts != 1 || events != 1 || len(j.ids) != 1 {
		t.Errorf("the DSL sees %d alerts and %d events and was told %d times, want 1 each", alerts, events, len(j.ids))
	}
	// And again: a second import of the same roster tells nobody anew.
	addPupil(t, s, "pupil1")
	gatherAll(t, s, &j)
	if len(j.ids) != 1 {
		t.Errorf("told %d times, want once", len(j.ids))
	}
}

func TestG03PupilWhoTurnsOutToBeStaffIsSeenNoMore(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "person")
	add(t, s, eventOf("dev-1", 1, "person", event.High))
	gatherAll(t, s, &jobs{})
	change, err := s.ImportRoster(t.Context(), school, "roster.csv", []model.Person{{Account: "person", Name: "P", Role: model.RoleStaff}}, noon)
	must(t, err)
	if change.Changed != 1 {
		t.Errorf("changed = %d, want 1", change.Changed)
	}
	if alerts, events := seen(t, s, dsl); alerts != 0 || events != 0 {
		t.Errorf("the DSL still sees %d alerts and %d events", alerts, events)
	}
	if n, err := s.HeldCount(t.Context(), school); err != nil || n != 1 {
		t.Errorf("held = %d, %v; want it counted", n, err)
	}
	var j jobs
	add(t, s, eventOf("dev-1", 2, "person", event.Urgent))
	gatherAll(t, s, &j)
	if len(j.ids) != 0 {
		t.Error("told of what is now about staff")
	}
}
