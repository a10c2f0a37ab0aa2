package store

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/internal/event"
)

// bytesOf is all that lies in a store's files, logs included.
func bytesOf(t *testing.T, s *Store) []byte {
	t.Helper()
	where, _ := locations.Load(s)
	files, err := filepath.Glob(where.(lies).location + "*")
	must(t, err)
	var all []byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		all = append(all, data...)
	}
	return all
}

// canaryEvent has a canary in every field that says who or what.
func canaryEvent(n int, account string) model.Event {
	e := eventOf("dev-1", n, account, event.High)
	e.Name, e.Match, e.Why, e.Process, e.Exe = "canary.example", "canary", "a canary", "canary", "/home/canary/run"
	e.Rule = "gambling/canary.example"
	e.Client, e.Server, e.Unknown, e.NotSeen = "canary", "canary", "canary", []string{"canary"}
	return e
}

func TestG11TheDatabaseAloneSaysNothingOfAnybody(t *testing.T) {
	sqliteOnly(t)
	s := openStore(t)
	_, err := s.ImportRoster(t.Context(), school, "roster.csv", []model.Person{{Account: "canary.account", Name: "Canary Invented", Role: model.RolePupil, Year: "9"}}, noon)
	must(t, err)
	add(t, s, canaryEvent(1, "canary.account"), canaryEvent(2, "unknown.canary"), canaryEvent(3, ""))
	gatherAll(t, s, &jobs{})
	if found := bytes.Index(bytes.ToLower(bytesOf(t, s)), []byte("canary")); found >= 0 {
		t.Error("the database's files name somebody, or what they did")
	}
	if !bytes.Contains(bytesOf(t, s), []byte("gambling")) {
		t.Error("the category is not found either: does this test still see anything?")
	}
	subject, found, err := s.SubjectByAccount(t.Context(), school, "Canary.Account ")
	must(t, err)
	if !found || subject.Name != "Canary Invented" || subject.Account != "canary.account" || !subject.Known {
		t.Errorf("subject = %+v, %t", subject, found)
	}
}

func TestADatabaseWithoutItsKeysIsRefused(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	where, _ := locations.Load(s)
	for name, file := range map[string]func() string{
		"no file": func() string { return filepath.Join(t.TempDir(), seal.FileName) },
		"another school's": func() string {
			path := filepath.Join(t.TempDir(), seal.FileName)
			f, err := seal.OpenFile(path)
			must(t, err)
			must(t, f.School(string(school)).Begin(1))
			return path
		},
	} {
		again, err := Open(t.Context(), where.(lies).location, WithKeys(file()))
		if err == nil {
			must(t, again.Close())
		}
		if err == nil || !strings.Contains(err.Error(), "sealing.key") {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

func TestARowMovedUnderAnotherPersonDoesNotOpen(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "one", "two")
	add(t, s, eventOf("dev-1", 1, "one", event.High), eventOf("dev-1", 2, "two", event.High))
	two, _, err := s.SubjectByAccount(t.Context(), school, "two")
	must(t, err)
	_, err = s.writer.Exec(`UPDATE events SET subject_id = $1 WHERE seq = 1`, two.ID)
	must(t, err)
	events, err := s.EventsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	if len(events) != 2 {
		t.Fatalf("%d events are listed, want 2", len(events))
	}
	for _, e := range events {
		if moved := e.Place.Seq == 1; e.Unreadable != moved || (e.Name == "") != moved || e.Account == "one" {
			t.Errorf("event %d of %q says %q, unreadable %t", e.Place.Seq, e.Account, e.Name, e.Unreadable)
		}
	}
}

// asBefore puts a store back to how it was before anything was sealed.
func asBefore(t *testing.T, s *Store, events []model.Event, people []model.Person) {
	t.Helper()
	for _, p := range people {
		_, err := s.writer.Exec(`INSERT INTO subjects (school_id, id, account, device, bare, name, role, year, known) VALUES ($1, $2, $3, '', $4, $5, $6, $7, 1)`,
			school, "ID-OF-BEFORE", p.Account, model.BareAccount(p.Account), []byte(p.Name), p.Role, p.Year)
		must(t, err)
	}
	for _, e := range events {
		body, err := json.Marshal(map[string]any{"kind": e.Kind, "name": e.Name, "via": e.Via, "why": e.Why})
		must(t, err)
		_, err = s.writer.Exec(`INSERT INTO events (school_id, event_id, device, spool_epoch, seq, digest, observed, received, late, subject_id, severity, category, rule, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13)`, school, e.ID[:], e.Device, e.Place.SpoolEpoch, int64(e.Place.Seq), e.Digest,
			micros(e.Observed), micros(e.Received), "ID-OF-BEFORE", int64(e.Severity), e.Category, e.Rule, body)
		must(t, err)
	}
}

func TestWhatWasStoredBeforeSealingIsSealedAndReadsAsEver(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	const n = sealOldChunk*2 + 50
	var events []model.Event
	for i := range n {
		events = append(events, canaryEvent(i+1, "canary.account"))
	}
	asBefore(t, s, events, []model.Person{{Account: "canary.account", Name: "Canary Invented", Role: model.RolePupil, Year: "9"}})
	// Killed in the midst of it: what is done stays, and the next start goes on.
	keys, err := s.keysOf(t.Context(), school)
	must(t, err)
	must(t, s.sealSubjects(t.Context(), school, keys))
	if some, err := s.sealSomeEvents(t.Context(), school); err != nil || some != sealOldChunk {
		t.Fatalf("sealed %d: %v", some, err)
	}
	read := func(s *Store) {
		t.Helper()
		all, err := s.EventsFor(t.Context(), school, dsl, time.Time{})
		must(t, err)
		if len(all) != n {
			t.Fatalf("%d events, want %d", len(all), n)
		}
		for _, e := range all {
			if e.Name != "canary.example" || e.Rule != "gambling/canary.example" || e.Account != "canary.account" || len(e.Digest) != 32 {
				t.Fatalf("event = %+v", e)
			}
		}
	}
	read(s)
	again := reopen(t, s)
	must(t, again.SealingOld())
	read(again)
	if !onPostgres() {
		// Pages that were split long ago keep stale copies of some rows, which a
		// copy of the database is free of; docs/limitations.md says so.
		if left := bytes.Count(bytesOf(t, s), []byte(`"name":"canary`)); left > n/20 {
			t.Errorf("%d events of before still lie readable in the file", left)
		}
		where, _ := locations.Load(s)
		copied := filepath.Join(t.TempDir(), "copy.db")
		must(t, Snapshot(t.Context(), where.(lies).location, copied))
		data, err := os.ReadFile(copied)
		must(t, err)
		if bytes.Contains(bytes.ToLower(data), []byte("canary")) {
			t.Error("a copy of the database holds words of before")
		}
	}
	got := add(t, again, events[0], events[n-1])
	if got[0] != model.StoredDuplicate || got[1] != model.StoredDuplicate {
		t.Errorf("sent again: %v", got)
	}
	if subject, err := again.Subject(t.Context(), school, "ID-OF-BEFORE"); err != nil || subject.Name != "Canary Invented" {
		t.Errorf("%+v, %v", subject, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	s := openStore(b)
	addPupil(b, s, "pupil1")
	const batch = 200
	n := 0
	for b.Loop() {
		events := make([]model.Event, batch)
		for i := range events {
			n++
			events[i] = eventOf("dev-1", n, "pupil1", event.High)
		}
		if _, err := s.AppendRecords(context.Background(), school, model.Batch{Events: events}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "us/event")
}

// A collector of before that was not stopped writes as it always did; the next
// start must not founder on it.
func TestARowOfAProgramOfBeforeStopsNoStart(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	asBefore(t, s, []model.Event{eventOf("dev-1", 1, "pupil1", event.High)}, []model.Person{{Account: "pupil1", Role: model.RoleUnknown}})
	id := subjectOf(t, s, "pupil1")
	again := reopen(t, s)
	must(t, again.SealingOld())
	if now := subjectOf(t, again, "pupil1"); now != id {
		t.Errorf("the account became %s", now)
	}
	if subject, err := again.Subject(t.Context(), school, "ID-OF-BEFORE"); err != nil || subject.Account != "pupil1" {
		t.Errorf("%+v, %v", subject, err)
	}
	must(t, again.newEpoch(t.Context(), school))
}
