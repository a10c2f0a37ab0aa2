package console

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"go.uber.org/goleak"

	"safelight/collector/audit"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
	"safelight/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("larkmoor")

// monday is the day of the pictures: 23 November, 10:46 in London.
var monday = time.Date(2026, 11, 23, 10, 46, 0, 0, time.UTC)

// stored is the real store, and the real record of looks.
type stored struct {
	*store.Store
	looks
}

type looks interface {
	RecordAccess(ctx context.Context, a model.Access) error
	AccessesOf(ctx context.Context, school model.SchoolID, ref string) ([]model.Access, error)
}

// house is a console over the real store, with invented people.
type house struct {
	t       testing.TB
	store   *stored
	console *Console
	handler http.Handler
	logged  *strings.Builder
	desk    *desk

	mu  sync.Mutex // guards at
	at  time.Time
	seq int
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *house) setTime(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = at
}

func (h *house) pass(d time.Duration) { h.setTime(h.now().Add(d)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, at: monday, logged: &strings.Builder{}}
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Larkmoor School", Trial: true, Created: monday}))
	key, err := pki.NewAuditKey()
	must(t, err)
	log, err := audit.Open(t.Context(), audit.Parts{Store: s, School: school, Key: key, Now: h.now, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(log.Close)
	h.store = &stored{s, log}
	h.desk = h.newDesk()
	h.console = h.build(h.store)
	h.handler = h.console.Handler()
	h.people()
	return h
}

// build makes a console over a store, with passwords that cost next to nothing.
func (h *house) build(s Store) *Console {
	h.t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	must(h.t, err)
	c, err := New(Config{
		School: school, Store: s, Categories: words{}, Fleet: counted{4, 5}, Devices: h.desk, Checks: h.ledger(), Now: h.now, Location: zone,
		Log: slog.New(slog.NewTextHandler(&syncWriter{w: h.logged}, nil)), BrowserKey: make([]byte, 32),
	})
	must(h.t, err)
	c.hasher = newHasher(params{memory: 64, passes: 1, threads: 1})
	return c
}

type syncWriter struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

type counted struct{ seen, enrolled int }

func (f counted) DevicesToday(context.Context) (int, int) { return f.seen, f.enrolled }

// words are a few invented categories.
type words struct{}

func (words) Category(id string) (Category, bool) {
	nouns := map[string]string{
		"self-harm": "self-harm", "extremism": "extremism", "strangers": "strangers’ chat",
		"bypass": "filter bypass", "gambling": "gambling",
	}
	noun, ok := nouns[id]
	if !ok {
		return Category{}, false
	}
	return Category{Title: capital(noun), Noun: noun, PackVersion: "1", FirstSteps: []string{
		"Life at risk? Call 999 and stay with the pupil.",
		"See the pupil in person, today, somewhere private.",
		"Listen. Do not promise to keep it secret.",
		"Write down what they say, in their words.",
		"Decide who tells the parents, or why not yet.",
	}, Helplines: []string{"Childline 0800 1111, any time", "Samaritans 116 123, any time"}}, true
}

func (words) List(id string) (List, bool) {
	list, ok := map[string]List{
		"invented-bets": {From: "Invented lists", Licence: "CC-BY-SA-4.0"}, "our-blocks": {Own: true},
	}[id]
	return list, ok
}

// people: a DSL, a deputy, the head, IT; a handful of pupils and devices.
func (h *house) people() {
	for _, u := range []struct {
		id, name string
		duty     model.Duty
	}{{"dsl", "Demo DSL", model.DutyDSL}, {"deputy", "Demo Deputy", model.DutyDeputy}, {"head", "Demo Head", model.DutyHead}, {"it", "Demo IT", model.DutyIT}} {
		must(h.t, h.store.AddUser(h.t.Context(), model.User{
			School: school, ID: u.id, Name: u.name, Email: u.id + "@larkmoor.example", Duty: u.duty, Trial: true, Created: monday,
		}))
	}
	var pupils []model.Person
	for _, p := range []struct{ account, number, year string }{{"dp14", "14", "9"}, {"dp03", "3", "8"}, {"dp21", "21", "11"}, {"dp09", "9", "10"}, {"dp30", "30", "7"}} {
		pupils = append(pupils, model.Person{Account: p.account, Name: "Demo Pupil " + p.number, Role: model.RolePupil, Year: p.year})
	}
	_, err := h.store.ImportRoster(h.t.Context(), school, "roster.csv", pupils, monday)
	must(h.t, err)
	token := sha256.Sum256([]byte("token"))
	must(h.t, h.store.AddToken(h.t.Context(), model.Token{School: school, ID: "token", Hash: token[:], Uses: 5, Created: monday, Expires: monday.Add(time.Hour)}))
	for i, name := range []string{"LIB-014", "LT-203", "SCI-007", "ICT-022", "LIB-003"} {
		key := sha256.Sum256([]byte(name))
		must(h.t, h.store.Enrol(h.t.Context(), school, token[:], monday, model.Device{
			School: school, ID: fmt.Sprintf("device-%d", i+1), Name: name, OS: "linux", Arch: "amd64", Enrolled: monday, Expires: monday.AddDate(0, 3, 0), KeyHash: key[:],
		}))
	}
}

// event is one invented event; the rest is filled in.
func (h *house) event(e model.Event) model.Event {
	h.seq++
	e.School, e.Place = school, model.Place{SpoolEpoch: []byte("epoch"), Lane: e.Severity, Seq: uint64(h.seq)}
	binary.BigEndian.PutUint64(e.ID[8:], uint64(h.seq))
	digest := sha256.Sum256(e.ID[:])
	e.Digest, e.Count, e.Pack = digest[:], 1, "starter 1"
	if e.Received.IsZero() {
		e.Received = e.Observed.Add(2 * time.Second)
	}
	if e.Kind == "" {
		e.Kind = event.Domain
	}
	if e.Rule == "" {
		e.Rule = e.Category + "/" + e.Name // as the rules engine calls it
	}
	return e
}

// raise stores events and gathers them; it returns the newest alert's ref.
func (h *house) raise(events ...model.Event) string {
	h.t.Helper()
	for i := range events {
		events[i] = h.event(events[i])
	}
	_, err := h.store.AppendRecords(h.t.Context(), school, model.Batch{Events: events})
	must(h.t, err)
	before := map[string]bool{}
	for _, a := range h.alerts() {
		before[a.Ref] = true
	}
	last := events[len(events)-1].Received
	noJobs := func(context.Context, *sql.Tx, model.SchoolID, event.Severity, []string) error { return nil }
	for {
		n, err := h.store.GatherOnce(h.t.Context(), school, last.Add(300*time.Millisecond), 100, noJobs)
		must(h.t, err)
		if n == 0 {
			break
		}
	}
	for _, a := range h.alerts() {
		if !before[a.Ref] {
			return a.Ref
		}
	}
	h.t.Fatal("no alert was raised")
	return ""
}

func (h *house) alerts() []model.Alert {
	h.t.Helper()
	all, err := h.store.Alerts(h.t.Context(), school, time.Time{})
	must(h.t, err)
	return all
}

func at(hour, minute int) time.Time {
	return time.Date(2026, 11, 23, hour, minute, 0, 0, time.UTC)
}

// urgent raises the alert of the pictures.
func (h *house) urgent() string {
	return h.raise(model.Event{
		Device: "device-1", Observed: at(10, 41), Name: "hurting.example", Match: "hurting.example", Via: event.ViaTLS, Also: []event.Via{event.ViaDNS},
		Outcome: model.OutcomeConnected, Account: "dp14", Process: "firefox", Category: "self-harm", Severity: event.Urgent,
		NotSeen: []string{"domain only; page content unknown", "likely a part of another page", searchesUnseen},
	})
}

// link gives a user a one-time link and returns its path.
func (h *house) link(id string, expires time.Time) string {
	h.t.Helper()
	secret := pki.NewSecret()
	db := h.store.DB()
	_, err := db.ExecContext(h.t.Context(), `UPDATE users SET link_hash = ?, link_expires = ? WHERE id = ?`, pki.HashSecret(secret), expires.UnixMicro(), id)
	must(h.t, err)
	return WelcomePath(secret)
}

const password = "four words make sense"

// browser is a person's browser: it keeps the cookie.
type browser struct {
	h      *house
	cookie *http.Cookie
	known  *http.Cookie // that the browser was signed in from before
	header http.Header
}

func (h *house) browser() *browser { return &browser{h: h, header: http.Header{}} }

// signedIn signs a user in the way people do.
func (h *house) signedIn(id string) *browser {
	h.t.Helper()
	b := h.browser()
	link := h.link(id, h.now().Add(time.Hour))
	if w := b.post(link, "password", password, "confirm", password); w.Code != http.StatusSeeOther {
		h.t.Fatalf("setting a password: %d\n%s", w.Code, w.Body)
	}
	if w := b.post("/sign-in", "email", id+"@larkmoor.example", "password", password); w.Code != http.StatusSeeOther {
		h.t.Fatalf("signing in: %d\n%s", w.Code, w.Body)
	}
	return b
}

func (b *browser) do(method, target string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://safelight.larkmoor.example"+target, body)
	r.RemoteAddr = "192.0.2.7:40000"
	for k, v := range b.header {
		r.Header[k] = v
	}
	if method == http.MethodPost && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	if b.known != nil {
		r.AddCookie(b.known)
	}
	w := httptest.NewRecorder()
	b.h.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == knownName {
			b.known = c
		}
		if c.Name == cookieName {
			b.cookie = c
			if c.MaxAge < 0 {
				b.cookie = nil
			}
		}
	}
	return w
}

func (b *browser) get(target string) *httptest.ResponseRecorder {
	return b.do(http.MethodGet, target, nil)
}

func (b *browser) post(target string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, target, strings.NewReader(form.Encode()))
}

// want checks a page's status and that it says some things.
func want(t testing.TB, w *httptest.ResponseRecorder, status int, parts ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d\n%s", w.Code, status, w.Body)
	}
	for _, part := range parts {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("the page does not say %q:\n%s", part, w.Body)
		}
	}
}

func wantNot(t testing.TB, w *httptest.ResponseRecorder, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(w.Body.String(), part) {
			t.Errorf("the page says %q:\n%s", part, w.Body)
		}
	}
}

// looks lists what has been recorded about an alert, as "user what", sorted.
func (h *house) looks(ref string) []string {
	h.t.Helper()
	rows, err := h.store.AccessesOf(h.t.Context(), school, ref)
	must(h.t, err)
	var out []string
	for _, a := range rows {
		if a.From != "192.0.2.7" && !strings.HasPrefix(a.From, "127.") {
			h.t.Errorf("a look from %q, want the reader's address", a.From)
		}
		out = append(out, a.User+" "+a.What)
	}
	slices.Sort(out) // two of one request have the same time
	return out
}
