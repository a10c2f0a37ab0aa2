package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// aged is an event received so many days before noon.
func aged(device string, n int, account string, days int) model.Event {
	e := eventOf(device, n, account, event.High)
	e.Received = noon.AddDate(0, 0, -days)
	e.Observed = e.Received.Add(-time.Second)
	return e
}

// history is a school with old and new events, gathered and told.
func history(t *testing.T, s *Store) {
	t.Helper()
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil.on.roster")
	var events []model.Event
	for n := range 1000 { // more than a chunk
		events = append(events, aged("laptop-1", n, "pupil.on.roster", 31))
	}
	events = append(events, aged("laptop-1", 2000, "gone", 40), aged("laptop-1", 2001, "stays", 40), aged("laptop-2", 2002, "stays", 1), aged("laptop-2", 2003, "pupil.on.roster", 29))
	appended, err := s.AppendRecords(t.Context(), school, model.Batch{
		Events: events,
		Health: []model.Health{
			{Device: "laptop-1", ID: [16]byte{1}, At: noon, Received: noon.AddDate(0, 0, -31), Topic: "clock"},
			{Device: "laptop-1", ID: [16]byte{2}, At: noon, Received: noon.AddDate(0, 0, -1), Topic: "clock"},
		},
		Gaps: []model.Gap{
			{Device: "laptop-1", Place: model.Place{SpoolEpoch: []byte("a"), Seq: 1}, To: 9, Reason: "full", Received: noon.AddDate(0, 0, -31)},
			{Device: "laptop-1", Place: model.Place{SpoolEpoch: []byte("b"), Seq: 1}, To: 9, Reason: "full", Received: noon.AddDate(0, 0, -1)},
		},
	})
	must(t, err)
	if len(appended.Events) != len(events) {
		t.Fatal("not all events were stored")
	}
}

// gatherAs gathers as if it were so many days before noon.
func gatherAs(t *testing.T, s *Store, days int) {
	t.Helper()
	var j jobs
	for {
		n, err := s.GatherOnce(t.Context(), school, noon.AddDate(0, 0, -days), 500, j.insert)
		must(t, err)
		if n == 0 {
			return
		}
	}
}

func retain(t *testing.T, s *Store, dry bool) model.Removed {
	t.Helper()
	r, err := s.RemoveTrialData(t.Context(), school, noon.Add(-model.TrialKept), noon, dry)
	must(t, err)
	return r
}

func counts(t *testing.T, s *Store) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, table := range []string{"events", "alerts", "alert_events", "notifications", "gaps", "health", "subjects", "audit_outbox"} {
		var n int
		must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n))
		all[table] = n
	}
	return all
}

func TestG13TrialDataGoesThirtyDaysAfterReceipt(t *testing.T) {
	s := openStore(t)
	history(t, s)
	gatherAs(t, s, 31) // raised as they came, and the new ones with them
	must(t, errOf(s.writer.Exec(`UPDATE alerts SET raised = last_at WHERE school_id = $1`, school)))
	before := counts(t, s)

	dry := retain(t, s, true)
	if after := counts(t, s); !equalCounts(before, after) {
		t.Errorf("a dry run changed %v to %v", before, after)
	}
	got := retain(t, s, false)
	want := model.Removed{Events: 1002, Alerts: 3, Notifications: 1, Gaps: 1, Health: 1, Subjects: 1}
	if s.Shared() {
		want.Subjects = 0 // another collector may remember them
	}
	if got != want || dry != want {
		t.Errorf("removed %+v, a dry run said %+v, want %+v", got, dry, want)
	}
	after := counts(t, s)
	if after["events"] != 2 || after["alerts"] != 2 || after["alert_events"] != 2 || after["health"] != 1 || after["gaps"] != 1 {
		t.Errorf("what is left: %v", after)
	}
	if after["audit_outbox"] != before["audit_outbox"]+1 {
		t.Error("the run is not on record")
	}
	if _, known, err := s.SubjectByAccount(t.Context(), school, "pupil.on.roster"); err != nil || !known {
		t.Errorf("a pupil on the roster went: %v", err)
	}
	if again := retain(t, s, false); again != (model.Removed{}) {
		t.Errorf("a second run removed %+v", again)
	}
}

// The names of adults may stand in what is written of a week's check.
func TestG13ChecksAndWhatIsWrittenOfThemGoToo(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "it", model.DutyIT, "")
	at := func(days int) time.Time { return noon.AddDate(0, 0, -days) }
	newer := func(c *model.Check) { c.System = "another" } // which raises a review
	addChecks(t, s, checkOf("dev-1", 1, at(41)))
	addChecks(t, s, checkOf("dev-1", 2, at(40), newer))
	addChecks(t, s, checkOf("dev-1", 3, at(1)))
	for days, week := range map[int]string{40: "2026-W42", 1: "2026-W47"} {
		must(t, s.SignCheck(t.Context(), model.CheckSignature{School: school, Week: week, Side: model.SideIT, By: "it", At: at(days), Summary: "all passed"}))
		must(t, s.AddCheckRecord(t.Context(), model.CheckRecord{School: school, ID: "r" + week, Week: week, At: at(days), By: "it", Kind: model.RecordAction, Done: "mended"}))
		must(t, s.RequestCheck(t.Context(), model.CheckRequest{School: school, ID: "q" + week, At: at(days), By: "it", Within: time.Minute}))
	}
	left := func() (all []int) {
		for _, table := range []string{"checks", "check_reviews", "check_signatures", "check_records", "check_requests"} {
			var n int
			must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n))
			all = append(all, n)
		}
		return all
	}
	if before := left(); !slices.Equal(before, []int{3, 2, 2, 2, 2}) {
		t.Fatalf("at first there are %v", before)
	}
	dry, got := retain(t, s, true), retain(t, s, false)
	if want := (model.Removed{Checks: 6}); got != want || dry != want {
		t.Errorf("removed %+v, a dry run said %+v, want %+v", got, dry, want)
	}
	if after := left(); !slices.Equal(after, []int{1, 1, 1, 1, 1}) {
		t.Errorf("%v are left, want the young ones", after)
	}
}

func TestG13EventsNobodyHasLookedAtAreNeverRemoved(t *testing.T) {
	s := openStore(t)
	history(t, s)
	before := counts(t, s)
	_, err := s.RemoveTrialData(t.Context(), school, noon.Add(-model.TrialKept), noon, false)
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("still wait to be looked at")) {
		t.Errorf("error %v", err)
	}
	if after := counts(t, s); !equalCounts(before, after) {
		t.Errorf("it changed %v to %v", before, after)
	}
}

func TestG13ASchoolThatIsNoTrialIsLeftAlone(t *testing.T) {
	s := openStore(t)
	const decided = model.SchoolID("real")
	must(t, s.EnsureSchool(t.Context(), model.School{ID: decided, Name: "Decided", Created: noon}))
	if _, err := s.RemoveTrialData(t.Context(), decided, noon, noon, false); !errors.Is(err, ErrNotTrial) {
		t.Errorf("error %v, want ErrNotTrial", err)
	}
}

// An account whose subject was removed and that is seen again is a new subject,
// with a row: a remembered one would make events that nobody can be told of.
func TestG13AnAccountSeenAgainAfterItWentIsToldOfAsEver(t *testing.T) {
	s := openStore(t)
	add(t, s, aged("laptop-1", 1, "gone", 40))
	gatherAs(t, s, 40)
	retain(t, s, false)
	add(t, s, aged("laptop-1", 2, "gone", 0))
	gatherAs(t, s, 0)
	all := alerts(t, s)
	if len(all) != 1 || all[0].Events != 1 {
		t.Fatalf("alerts %+v", all)
	}
	if _, err := s.Subject(t.Context(), school, all[0].Subject); err != nil {
		t.Error(err)
	}
}

// Pages that were split before keep stale copies of some rows, which only a new
// copy of the database is free of; docs/limitations.md says so.
func TestG13WhatWasRemovedIsOverwrittenAndInNoLaterBackup(t *testing.T) {
	if onPostgres() {
		t.Skip("PostgreSQL's pages are its own matter: see docs/limitations.md")
	}
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "safelight.db"), filepath.Join(dir, "copy.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	for n := range 300 {
		e := aged("laptop-1", n, "canary.account", 40)
		e.Category = "canary-category" // what is sealed could not be looked for
		add(t, s, e)
	}
	gatherAs(t, s, 40)
	canaries := func(file string) int {
		data, err := os.ReadFile(file)
		must(t, err)
		return bytes.Count(data, []byte("canary"))
	}
	must(t, s.forgetOldPages(t.Context()))
	if n := canaries(path); n < 300 {
		t.Fatalf("%d canaries in the file: does this test still see them?", n)
	}
	retain(t, s, false)
	must(t, Snapshot(t.Context(), path, copied))
	must(t, s.Close())
	if n := canaries(path); n > 15 {
		t.Errorf("the file still holds %d of what was removed", n)
	}
	if n := canaries(copied); n > 0 {
		t.Errorf("a backup made later holds %d of what was removed", n)
	}
}

func TestRetentionGoesOnWhileEventsComeIn(t *testing.T) {
	s := openStore(t)
	history(t, s)
	gatherAs(t, s, 31)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var failed error
	go func() {
		n := 10_000
		for ; ctx.Err() == nil && failed == nil; n++ {
			e := aged("laptop-3", n, "gone", 0) // an account that retention is removing
			binary.BigEndian.PutUint64(e.ID[:8], 7)
			_, failed = s.AppendRecords(context.WithoutCancel(ctx), school, model.Batch{Events: []model.Event{e}})
		}
		ended <- n - 10_000
	}()
	retain(t, s, false)
	stop()
	n := <-ended
	must(t, failed)
	gatherAs(t, s, 0) // fails on a subject without a row
	var orphans int
	must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM events e LEFT JOIN subjects s ON s.school_id = e.school_id AND s.id = e.subject_id
		WHERE s.id IS NULL`).Scan(&orphans))
	if orphans > 0 || n == 0 {
		t.Errorf("of %d events %d have no subject", n, orphans)
	}
}

func errOf(_ any, err error) error { return err }

func equalCounts(a, b map[string]int) bool {
	for k := range a {
		if a[k] != b[k] {
			return false
		}
	}
	return len(a) == len(b)
}
