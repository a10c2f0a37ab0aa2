package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestFirstEventTellsAtOnceAndGatheringOnlyExtends(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addUser(t, s, "deputy", model.DutyDeputy, "")
	addUser(t, s, "it", model.DutyIT, "")
	addUser(t, s, "head", model.DutyHead, "")
	addPupil(t, s, "pupil1")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	gatherAll(t, s, &j)
	if len(j.ids) != 2 || j.severities[0] != event.High {
		t.Fatalf("jobs = %+v, want two of severity high: for the DSL and the deputy", j)
	}
	more := eventOf("dev-2", 2, "PUPIL1", event.High)
	more.Observed = noon.Add(10 * time.Minute)
	add(t, s, more)
	gatherAll(t, s, &j)
	if len(j.ids) != 2 {
		t.Errorf("jobs = %d, want no more than the first two", len(j.ids))
	}
	all := alerts(t, s)
	if len(all) != 1 || all[0].Events != 2 || all[0].State != model.AlertOpen || !all[0].First.Equal(noon) || !all[0].Last.Equal(more.Observed) || all[0].Device != "dev-1" {
		t.Fatalf("alerts = %+v, want one of two events", all)
	}
	if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{8}$`).MatchString(all[0].Ref) {
		t.Errorf("ref = %q, want 8 Crockford base-32 characters", all[0].Ref)
	}
	told, err := s.Notifications(t.Context(), school, all[0].Ref)
	must(t, err)
	var who []string
	for _, n := range told {
		who = append(who, n.User+" "+n.Why+" "+n.Channel)
	}
	slices.Sort(who)
	if !slices.Equal(who, []string{"deputy deputy mail", "dsl DSL mail"}) {
		t.Errorf("told = %v", who)
	}
	if events, err := s.EventsOf(t.Context(), school, all[0].Ref); err != nil || len(events) != 2 {
		t.Errorf("events of the alert = %d, %v, want 2", len(events), err)
	}
	if n := count(t, s, "pending"); n != 0 {
		t.Errorf("pending = %d after gathering", n)
	}
}

func TestWhatMakesANewAlert(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*model.Event)
		want   int
	}{
		"within the window":     {func(e *model.Event) { e.Observed = noon.Add(Window) }, 1},
		"before, within it":     {func(e *model.Event) { e.Observed = noon.Add(-Window) }, 1},
		"after the window":      {func(e *model.Event) { e.Observed = noon.Add(Window + time.Second) }, 2},
		"before the window":     {func(e *model.Event) { e.Observed = noon.Add(-Window - time.Second) }, 2},
		"another category":      {func(e *model.Event) { e.Category = "self-harm" }, 2},
		"another pupil":         {func(e *model.Event) { e.Account = "pupil2" }, 2},
		"nobody known":          {func(e *model.Event) { e.Account = "" }, 2},
		"another device":        {func(e *model.Event) { e.Device = "dev-2" }, 1},
		"account in other case": {func(e *model.Event) { e.Account = "Pupil1" }, 1},
	} {
		for _, together := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " together ", together), func(t *testing.T) {
				s := openStore(t)
				addPupil(t, s, "pupil1", "pupil2")
				add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
				if !together {
					gatherAll(t, s, &jobs{})
				}
				e := eventOf("dev-1", 2, "pupil1", event.High)
				c.change(&e)
				add(t, s, e)
				gatherAll(t, s, &jobs{})
				if got := alerts(t, s); len(got) != c.want {
					t.Errorf("alerts = %d, want %d: %+v", len(got), c.want, got)
				}
			})
		}
	}
}

func TestEarlierEventThatComesLaterMovesTheBeginning(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	gatherAll(t, s, &jobs{})
	e := eventOf("dev-2", 2, "pupil1", event.High)
	e.Observed, e.Late = noon.Add(-5*time.Minute), true
	add(t, s, e)
	gatherAll(t, s, &jobs{})
	a := alerts(t, s)[0]
	if !a.First.Equal(e.Observed) || !a.Late || a.Device != "dev-2" || !a.Last.Equal(noon) {
		t.Errorf("alert = %+v, want it to begin with the late event", a)
	}
}

func TestGrowingSeverityTellsAgain(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	var j jobs
	for i, c := range []struct {
		severity event.Severity
		told     int
	}{{event.Low, 0}, {event.Medium, 0}, {event.High, 1}, {event.Low, 1}, {event.High, 1}, {event.Urgent, 2}, {event.Urgent, 2}} {
		add(t, s, eventOf("dev-1", i, "pupil1", c.severity))
		gatherAll(t, s, &j)
		if len(j.ids) != c.told {
			t.Errorf("after event %d (%s): told %d times, want %d", i, c.severity, len(j.ids), c.told)
		}
	}
	if all := alerts(t, s); len(all) != 1 || all[0].Severity != event.Urgent || all[0].Events != 7 {
		t.Errorf("alerts = %+v, want one urgent of 7 events", all)
	}
}

func TestLowAndMediumAreInTheInboxAtOnceAndToldToNobody(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1", "pupil2")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "pupil1", event.Low), eventOf("dev-1", 2, "pupil2", event.Medium))
	gatherAll(t, s, &j)
	inbox, err := s.AlertsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	if len(inbox) != 2 || len(j.ids) != 0 {
		t.Errorf("inbox = %d, jobs = %d; want 2 and none", len(inbox), len(j.ids))
	}
}

func TestAlertTakenOnIsNotExtended(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	gatherAll(t, s, &j)
	first, err := s.AcknowledgeAlert(t.Context(), school, alerts(t, s)[0].Ref, "dsl", noon)
	if must(t, err); !first {
		t.Error("the first press was not the first")
	}
	if first, err = s.AcknowledgeAlert(t.Context(), school, alerts(t, s)[0].Ref, "dsl", noon); err != nil || first {
		t.Errorf("second press: first = %t, %v", first, err)
	}
	add(t, s, eventOf("dev-1", 2, "pupil1", event.High))
	gatherAll(t, s, &j)
	if all := alerts(t, s); len(all) != 2 || len(j.ids) != 2 {
		t.Errorf("alerts = %d, told = %d; want a second alert, told", len(all), len(j.ids))
	}
}

func TestUrgentIsGatheredFirst(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1", "pupil2")
	for i := range 50 {
		add(t, s, eventOf("dev-1", i, "pupil1", event.Low))
	}
	add(t, s, eventOf("dev-2", 99, "pupil2", event.Urgent))
	n, err := s.GatherOnce(t.Context(), school, noon, 1, (&jobs{}).insert)
	must(t, err)
	if all := alerts(t, s); n != 1 || len(all) != 1 || all[0].Severity != event.Urgent {
		t.Errorf("gathered %d: %+v, want the urgent one", n, all)
	}
}

func TestFloodOfOneDeviceKeepsNobodyWaiting(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1", "pupil2")
	flood := make([]model.Event, 2000)
	for i := range flood {
		flood[i] = eventOf("dev-1", i, "pupil1", event.High)
	}
	add(t, s, flood...)
	gatherSome := func(limit int) {
		_, err := s.GatherOnce(t.Context(), school, noon, limit, (&jobs{}).insert)
		must(t, err)
	}
	gatherSome(100)
	add(t, s, eventOf("dev-2", 5000, "pupil2", event.High))
	gatherSome(2)
	if all := alerts(t, s); len(all) != 2 {
		t.Errorf("alerts = %d, want the second pupil's not to wait for 1900 rows", len(all))
	}
	// A restart forgets whose turn it is, and must not put anybody last.
	reopened := reopen(t, s)
	add(t, reopened, eventOf("dev-3", 6000, "pupil3", event.High))
	_, err := reopened.GatherOnce(t.Context(), school, noon, 2, (&jobs{}).insert)
	must(t, err)
	if all := alerts(t, reopened); len(all) != 3 {
		t.Errorf("alerts = %d after a restart, want the third", len(all))
	}
}

func TestGatheringThatFailsLosesNothing(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	broken := func(context.Context, *sql.Tx, model.SchoolID, event.Severity, []string) error {
		return errors.New("queue broken")
	}
	if _, err := s.GatherOnce(t.Context(), school, noon, 10, broken); err == nil {
		t.Fatal("gathering succeeded without its jobs")
	}
	if len(alerts(t, s)) != 0 || count(t, s, "pending") != 1 || count(t, s, "notifications") != 0 {
		t.Error("half an alert was left behind")
	}
	var j jobs
	gatherAll(t, s, &j)
	if len(j.ids) != 1 || len(alerts(t, s)) != 1 {
		t.Error("the event was lost")
	}
}

func TestNobodyToTellIsAVisibleFailure(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "it", model.DutyIT, "")
	addPupil(t, s, "pupil1")
	var j jobs
	add(t, s, eventOf("dev-1", 1, "pupil1", event.Urgent))
	gatherAll(t, s, &j)
	health, err := s.Health(t.Context(), school, time.Time{})
	must(t, err)
	if len(health) != 1 || health[0].Topic != TopicNoRecipient || len(j.ids) != 0 {
		t.Errorf("health = %+v, jobs = %d; want one %s", health, len(j.ids), TopicNoRecipient)
	}
	if all := alerts(t, s); len(all) != 1 || all[0].State != model.AlertOpen {
		t.Errorf("alerts = %+v, want it open all the same", all)
	}
}

func TestOneTransactionTakesNoMoreThanItsLimit(t *testing.T) {
	s := openStore(t)
	var events []model.Event
	for i := range 30 {
		events = append(events, eventOf(fmt.Sprint("dev-", i%3), i, "pupil1", event.Severities[i%4]))
	}
	add(t, s, events...)
	for _, want := range []int{12, 12, 6, 0} {
		if n, err := s.GatherOnce(t.Context(), school, noon, 12, (&jobs{}).insert); err != nil || n != want {
			t.Errorf("gathered %d, %v; want %d", n, err, want)
		}
	}
}

func TestMuchToTellIsSpreadAndNothingIsForgotten(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addUser(t, s, "deputy", model.DutyDeputy, "")
	var events []model.Event
	var accounts []string
	for i := range 50 {
		accounts = append(accounts, fmt.Sprint("pupil", i))
		events = append(events, eventOf("dev-1", i, accounts[i], event.Urgent))
	}
	addPupil(t, s, accounts...)
	add(t, s, events...)
	var j jobs
	n, err := s.GatherOnce(t.Context(), school, noon, 200, j.insert)
	if must(t, err); n != tellingsATurn/2 || len(j.ids) != tellingsATurn {
		t.Errorf("gathered %d and told %d times in one transaction, want %d and %d", n, len(j.ids), tellingsATurn/2, tellingsATurn)
	}
	gatherAll(t, s, &j)
	if len(j.ids) != 100 || len(alerts(t, s)) != 50 {
		t.Errorf("told %d times of %d alerts, want 100 of 50", len(j.ids), len(alerts(t, s)))
	}
}

// BenchmarkGatherOnce has each event raise and tell an alert of its own: the
// longest that one transaction of the gatherer can hold the connection.
func BenchmarkGatherOnce(b *testing.B) {
	s := openStore(b)
	addUser(b, s, "dsl", model.DutyDSL, "")
	const rows = 200
	var accounts []string
	for i := range rows {
		accounts = append(accounts, fmt.Sprint("pupil", i))
	}
	addPupil(b, s, accounts...)
	round := 0
	for b.Loop() {
		b.StopTimer()
		var events []model.Event
		for i, account := range accounts {
			e := eventOf("dev-1", round*rows+i, account, event.Urgent)
			e.Observed = noon.Add(time.Duration(round) * time.Hour)
			events = append(events, e)
		}
		round++
		add(b, s, events...)
		b.StartTimer()
		if n, err := s.GatherOnce(b.Context(), school, noon, rows, (&jobs{}).insert); err != nil || n != tellingsATurn {
			b.Fatal(n, err)
		}
		b.StopTimer()
		gatherAll(b, s, &jobs{})
		b.StartTimer()
	}
}

func reopen(t *testing.T, s *Store) *Store {
	t.Helper()
	where, ok := locations.Load(s)
	if !ok {
		t.Fatal("not a store that openStore opened")
	}
	again, err := Open(t.Context(), where.(lies).location, WithKeys(where.(lies).keys))
	must(t, err)
	t.Cleanup(func() { again.Close() })
	return again
}
