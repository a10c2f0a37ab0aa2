package admin_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/collector/admin"
	"safelight/collector/audit"
	"safelight/collector/fleet"
	"safelight/collector/model"
	"safelight/collector/people"
	"safelight/collector/store"
	"safelight/internal/event"
	"safelight/internal/localstate"
	"safelight/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

const school = model.SchoolID("hill-lane")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// watchedStore is the real store; a test may watch or break parts of it.
type watchedStore struct {
	*store.Store
	record *audit.Log
	did    []string // what was done, of what G3 puts in order
	school func(model.School) model.School
	access func(model.Access) error
}

func (s *watchedStore) School(ctx context.Context, id model.SchoolID) (model.School, error) {
	school, err := s.Store.School(ctx, id)
	if s.school != nil {
		school = s.school(school)
	}
	return school, err
}

func (s *watchedStore) RecordAccess(ctx context.Context, a model.Access) error {
	s.did = append(s.did, "record "+a.What)
	if s.access != nil {
		if err := s.access(a); err != nil {
			return err
		}
	}
	return s.record.RecordAccess(ctx, a)
}

func (s *watchedStore) AlertsFor(ctx context.Context, id model.SchoolID, u model.User, since time.Time) ([]model.Alert, error) {
	s.did = append(s.did, "read alerts")
	return s.Store.AlertsFor(ctx, id, u, since)
}

func (s *watchedStore) EventsFor(ctx context.Context, id model.SchoolID, u model.User, since time.Time) ([]model.Event, error) {
	s.did = append(s.did, "read events")
	return s.Store.EventsFor(ctx, id, u, since)
}

// workflow publishes as set; whatever else it is asked panics, unless it stands on
// a real one.
type workflow struct {
	admin.Rules
	publish func(files map[string][]byte, by, reason string) (model.PolicyVersion, error)
}

func (w *workflow) Publish(ctx context.Context, to model.RuleSet, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error) {
	if w.publish == nil && w.Rules != nil {
		return w.Rules.Publish(ctx, to, by, reason)
	}
	v, err := w.publish(to.Files, by.ID, reason)
	return v, model.RuleReview{}, err
}

func (w *workflow) Strange(ctx context.Context, of model.RuleSet) ([]string, error) {
	if w.Rules == nil {
		return nil, nil
	}
	return w.Rules.Strange(ctx, of)
}

// house is the verbs of a trial school of invented people.
type house struct {
	*admin.Client
	t       testing.TB
	store   *watchedStore
	handler http.Handler
	parts   admin.Parts // of handler
	*workflow
	changed int
	desk    deskFuncs
}

func newHouse(t testing.TB) *house {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	key, err := pki.NewAuditKey()
	must(t, err)
	record, err := audit.Open(t.Context(), audit.Parts{Store: s, School: school, Key: key, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(record.Close)
	h := &house{t: t, store: &watchedStore{Store: s, record: record}, workflow: &workflow{}}
	h.parts = admin.Parts{
		School: school, Store: h.store, Root: root(t), ServerName: "collector.test", Addresses: []string{"192.0.2.7:7443"},
		ConsoleURL: "https://collector.test:8443", ReadRoster: people.ReadRoster, NotFound: model.ErrNotFound,
		Rules: h.workflow,
		Desk:  houseDesk{h},
		Fleet: fleet.New(fleet.Parts{Store: s, School: school, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Version: "v1.2.0"}),
		Keyring: func(_ context.Context, place string) (admin.Keyring, error) {
			return admin.Keyring{Name: "k", Sealed: []byte("sealed"), Places: []string{place}}, nil
		},
		Changed: func() { h.changed++ }, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	}
	h.handler = admin.New(h.parts).Handler()
	h.Client = admin.On(h.handler, "tester")
	return h
}

func root(t testing.TB) *x509.Certificate {
	t.Helper()
	key, err := pki.NewKey()
	must(t, err)
	ca, err := pki.NewRoot("Hill Lane", key, noon)
	must(t, err)
	return ca.Cert
}

// ask calls a verb and returns the lines of its answer.
func (h *house) ask(verb string, req any) ([]string, error) { return ask(h.t, h.Client, verb, req) }

func ask(t testing.TB, c *admin.Client, verb string, req any) (lines []string, err error) {
	t.Helper()
	err = c.Call(t.Context(), verb, req, func(line json.RawMessage) error {
		lines = append(lines, string(line))
		return nil
	})
	return lines, err
}

// one calls a verb that answers with one document.
func one[Doc any](h *house, verb string, req any) Doc {
	h.t.Helper()
	lines, err := h.ask(verb, req)
	must(h.t, err)
	if len(lines) != 1 {
		h.t.Fatalf("%s: %d lines: %v", verb, len(lines), lines)
	}
	var d Doc
	must(h.t, json.Unmarshal([]byte(lines[0]), &d))
	return d
}

// user adds somebody who signs in.
func (h *house) user(name string, duty model.Duty, account string) admin.UserAdded {
	h.t.Helper()
	mail := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@school.example"
	return one[admin.UserAdded](h, "user/add", admin.UserAdd{Name: name, Email: mail, Duty: string(duty), Account: account})
}

// alertAbout has a pupil's device tell of a visit, gathers it into an alert,
// and returns its ref.
func (h *house) alertAbout(account string) string {
	h.t.Helper()
	ctx := h.t.Context()
	_, err := h.store.ImportRoster(ctx, school, "roster.csv", []model.Person{{Account: account, Name: "Demo Pupil", Role: model.RolePupil, Year: "9"}}, noon)
	must(h.t, err)
	h.device("laptop")
	e := model.Event{
		School: school, Device: "laptop", Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.High, Seq: 1},
		Observed: noon, Received: noon.Add(50 * time.Millisecond), Kind: event.Domain, Name: "flagged.test", Via: event.ViaTLS,
		Outcome: model.OutcomeConnected, Account: account, Rule: "test/flagged.test", Category: "test", Severity: event.High,
		Pack: "starter 1", Match: "flagged.test", Why: "a site on the list", Count: 1, PID: 7, Process: "browser",
	}
	sum := sha256.Sum256([]byte(account))
	e.Digest = sum[:]
	binary.BigEndian.PutUint64(e.ID[8:], binary.BigEndian.Uint64(sum[:8]))
	_, err = h.store.AppendRecords(ctx, school, model.Batch{Events: []model.Event{e}})
	must(h.t, err)
	noJobs := func(context.Context, *sql.Tx, model.SchoolID, event.Severity, []string) error { return nil }
	_, err = h.store.GatherOnce(ctx, school, noon.Add(time.Second), 10, noJobs)
	must(h.t, err)
	alerts, err := h.store.Alerts(ctx, school, time.Time{})
	must(h.t, err)
	if len(alerts) != 1 {
		h.t.Fatalf("%d alerts", len(alerts))
	}
	return alerts[0].Ref
}

// device enrols one.
func (h *house) device(id string) {
	h.t.Helper()
	secret := pki.NewSecret()
	must(h.t, h.store.AddToken(h.t.Context(), model.Token{School: school, ID: secret[:8], Hash: pki.HashSecret(secret), Uses: 1, Expires: noon.Add(time.Hour), Created: noon}))
	must(h.t, h.store.Enrol(h.t.Context(), school, pki.HashSecret(secret), noon, model.Device{ID: id, Name: "Trolley 3", OS: "linux", Enrolled: noon, Expires: noon.Add(time.Hour), KeyHash: []byte("k")}))
}

// overSocket serves the verbs as `serve` does and returns a client of it.
func (h *house) overSocket() *admin.Client {
	h.t.Helper()
	dir, err := os.MkdirTemp("", "sl")
	must(h.t, err)
	h.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "admin.sock")
	l, err := localstate.Listen(path)
	must(h.t, err)
	srv := &http.Server{Handler: h.handler, ReadHeaderTimeout: time.Second, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		return admin.WithCaller(ctx, localstate.Peer(c))
	}}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	h.t.Cleanup(func() {
		must(h.t, srv.Close())
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			h.t.Error(err)
		}
	})
	return admin.Over(func() (net.Conn, error) { return localstate.Dial(path) })
}

// lookers are the accesses recorded that belong to no alert, sorted.
func (h *house) lookers() (all []string) {
	h.t.Helper()
	accesses, err := h.store.record.AccessesOf(h.t.Context(), school, "")
	must(h.t, err)
	for _, a := range accesses {
		all = append(all, fmt.Sprintf("%s %s from %s", a.User, a.What, a.From))
	}
	slices.Sort(all)
	return all
}
