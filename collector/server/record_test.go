package server

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/event"
)

// ask calls a verb and returns the lines of its answer.
func ask(t *testing.T, c *admin.Client, verb string, req any) (lines []string, err error) {
	t.Helper()
	err = c.Call(t.Context(), verb, req, func(line json.RawMessage) error {
		lines = append(lines, string(line))
		return nil
	})
	return lines, err
}

// recordHouse is the verbs of a fresh school with two DSLs, and an alert about
// an account that the first of them has too.
func recordHouse(t *testing.T) (*state, *admin.Client, string) {
	t.Helper()
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "school")
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(Init(ctx, dir))
	conf, err := ReadConfig(dir)
	ok(err)
	s, err := openState(ctx, dir, conf, time.Now)
	ok(err)
	t.Cleanup(func() { ok(s.close()) })
	ok(s.openRecord(ctx, time.Now, slog.New(slog.DiscardHandler), nil))
	verbs, err := adminVerbs(ctx, conf, s, s.fleet(time.UTC, time.Now, slog.New(slog.DiscardHandler)), func() {}, time.Now, slog.New(slog.DiscardHandler))
	ok(err)
	client := admin.On(verbs.Handler(), "tester")
	for name, duty := range map[string]string{"Demo One": "dsl", "Demo Two": "dsl", "Demo Head": "head", "Demo IT": "it"} {
		account := ""
		if name == "Demo One" {
			account = "dual"
		}
		_, err := ask(t, client, "user/add", admin.UserAdd{Name: name, Email: strings.ReplaceAll(name, " ", ".") + "@school.example", Duty: duty, Account: account})
		ok(err)
	}
	_, err = s.store.ImportRoster(ctx, schoolID, "roster.csv", []model.Person{{Account: "dual", Name: "Demo Pupil", Role: model.RolePupil, Year: "9"}}, time.Now())
	ok(err)
	e := model.Event{
		School: schoolID, Device: "laptop", Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.High, Seq: 1}, Digest: make([]byte, 32),
		Observed: time.Now(), Received: time.Now(), Kind: event.Domain, Name: "flagged.test", Via: event.ViaTLS, Outcome: model.OutcomeConnected,
		Account: "dual", Rule: "r", Category: "test", Severity: event.High, Count: 1,
	}
	_, err = s.store.AppendRecords(ctx, schoolID, model.Batch{Events: []model.Event{e}})
	ok(err)
	noJobs := func(context.Context, *sql.Tx, model.SchoolID, event.Severity, []string) error { return nil }
	_, err = s.store.GatherOnce(ctx, schoolID, time.Now(), 10, noJobs)
	ok(err)
	alerts, err := s.store.Alerts(ctx, schoolID, time.Time{})
	ok(err)
	two, err := s.store.UserByName(ctx, schoolID, "Demo Two")
	ok(err)
	ok(s.recorded().RecordAccess(ctx, model.Access{School: schoolID, At: time.Now(), User: two.ID, What: "words", Ref: alerts[0].Ref, From: "192.0.2.7"}))
	return s, client, alerts[0].Ref
}

func TestG03AnExportHidesWhatIsAboutItsReader(t *testing.T) {
	s, client, ref := recordHouse(t)
	for who, sees := range map[string]bool{"Demo One": false, "Demo Head": false, "Demo Two": true} {
		lines, err := ask(t, client, "audit/export", admin.AuditExport{As: who})
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(lines, "\n")
		if strings.Contains(all, ref) != sees {
			t.Errorf("%s sees the look at the alert: %t, want %t", who, !sees, sees)
		}
		if strings.Contains(all, "Demo") || strings.Contains(all, "flagged.test") || strings.Contains(all, "dual") {
			t.Errorf("the record holds a name or a word:\n%s", all)
		}
		if !strings.Contains(all, `"user.add"`) || !strings.Contains(all, `"system:tester"`) || !strings.Contains(all, `"key":"safelight/audit/school+`) {
			t.Errorf("%s exports\n%s", who, all)
		}
	}
	rows, err := s.record.Rows(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range rows {
		if r.Says.What == "read.audit" {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d exports are on record, want 3", n)
	}
}

func TestG03OnlyThoseWhoOverseeExportAndErase(t *testing.T) {
	s, client, _ := recordHouse(t)
	before, err := s.store.AuditHead(t.Context(), schoolID)
	if err != nil {
		t.Fatal(err)
	}
	for _, as := range []string{"", "Nobody", "Demo IT"} {
		if lines, err := ask(t, client, "audit/export", admin.AuditExport{As: as}); err == nil || len(lines) > 0 {
			t.Errorf("exported as %q", as)
		}
	}
	for _, as := range []string{"", "Nobody", "Demo IT", "Demo Head"} {
		if _, err := ask(t, client, "audit/erase", admin.AuditErase{As: as, Index: 1, Reason: "why not"}); err == nil {
			t.Errorf("erased as %q", as)
		}
	}
	if _, err := ask(t, client, "audit/erase", admin.AuditErase{As: "Demo Two", Index: 1}); err == nil {
		t.Error("erased without a reason")
	}
	if after, err := s.store.AuditHead(t.Context(), schoolID); err != nil || after != before {
		t.Errorf("what was refused changed the record: %+v, %v", after, err)
	}
	if _, err := ask(t, client, "audit/erase", admin.AuditErase{As: "Demo Two", Index: 2, Reason: "by mistake"}); err != nil {
		t.Error(err)
	}
}

func TestAVerbsChangeIsOnRecordWhenTheVerbHasEnded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "school")
	if err := Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	once := func(verb string, req any) []string {
		t.Helper()
		client, done, err := AdminClient(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		lines, err := ask(t, client, verb, req)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	once("user/add", admin.UserAdd{Name: "Demo DSL", Email: "dsl@school.example", Duty: "dsl"})
	once("token/create", admin.TokenCreate{Uses: 1, Expires: time.Hour})
	once("user/list", admin.Nothing{})
	lines := once("audit/export", admin.AuditExport{As: "Demo DSL"})
	var got []string
	for _, line := range lines {
		var l struct {
			Record struct{ What, Actor, Via string }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Record.What != "" {
			got = append(got, l.Record.What)
		}
		if (l.Record.What == "user.add" || l.Record.What == "token.create" || l.Record.What == "read.users") && (!strings.HasPrefix(l.Record.Actor, "system:") || !strings.HasPrefix(l.Record.Via, "command line as ")) {
			t.Errorf("it does not say which user of the system did it: %s", line)
		}
	}
	if want := []string{"school.create", "key.recovery", "user.add", "token.create", "read.users", "read.audit"}; !slices.Equal(got, want) {
		t.Errorf("on record: %q, want %q", got, want)
	}
}

func TestAChangeOfKeysIsOnRecordBeforeItIsMade(t *testing.T) {
	s, client, _ := recordHouse(t)
	if _, err := ask(t, client, "key/rotate", admin.KeyRotate{What: "nonsense"}); err == nil {
		t.Error("a key that is none was changed")
	}
	before := s.keys.ID("issuing")
	if _, err := ask(t, client, "key/rotate", admin.KeyRotate{What: "issuing"}); err != nil {
		t.Error(err)
	}
	rows, err := s.record.Rows(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		if strings.HasPrefix(r.Says.What, "key.") && r.Says.What != "key.recovery" {
			got = append(got, r.Says.Actor+" "+r.Says.What+" "+strings.ReplaceAll(r.Says.Ref, before, "BEFORE")+" "+r.Says.Outcome)
		}
	}
	if want := []string{
		"system:tester key.unknown key:nonsense begun", "system:tester key.unknown key:nonsense failed",
		"system:tester key.issuing.replace key:BEFORE begun", "system:tester key.issuing.replace key:" + s.keys.ID("issuing") + " done",
	}; !slices.Equal(got, want) || before == s.keys.ID("issuing") {
		t.Errorf("on record: %q, want %q", got, want)
	}
}
