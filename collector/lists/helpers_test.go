package lists

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("hill-lane")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// subscribed are rules in force.
type subscribed struct {
	sources   []rules.ListSource
	protected []string
}

func (s *subscribed) Lists() []rules.ListSource { return s.sources }

func (s *subscribed) IsProtected(host string) bool {
	return slices.ContainsFunc(s.protected, func(p string) bool { return host == p || strings.HasSuffix(host, "."+p) })
}

// desk is Lists on a real store, with a clock that a test turns.
type desk struct {
	*Lists
	store   *store.Store
	rules   *subscribed
	now     time.Time
	waited  []time.Duration
	changed []map[string]int64
	log     *bytes.Buffer
	path    string
}

// storePath is where the store lies.
func (d *desk) storePath() string { return d.path }

func openDesk(t testing.TB, sources ...rules.ListSource) *desk {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "safelight.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	d := deskOn(t, s, sources...)
	d.path = filepath.Join(dir, "safelight.db")
	return d
}

func deskOn(t testing.TB, s *store.Store, sources ...rules.ListSource) *desk {
	t.Helper()
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	d := &desk{store: s, rules: &subscribed{sources: sources, protected: []string{"protected.example"}}, now: noon, log: &bytes.Buffer{}}
	l, err := New(Parts{
		School: school, Store: s, Rules: func() Rules { return d.rules }, Dir: t.TempDir(), Version: "test",
		Transport: &http.Transport{DisableKeepAlives: true},
		Changed: func(_ context.Context, v map[string]int64) error {
			d.changed = append(d.changed, maps.Clone(v))
			return nil
		},
		Now: func() time.Time { return d.now }, Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	must(t, err)
	l.wait = func(_ context.Context, w time.Duration) error { d.waited = append(d.waited, w); return nil }
	l.spread = func(time.Duration) time.Duration { return 0 }
	d.Lists = l
	return d
}

func quiet(Step) {}

func (d *desk) importText(t testing.TB, id, text string) Result {
	t.Helper()
	r, err := d.Import(t.Context(), id, "list.txt", int64(len(text)), strings.NewReader(text), quiet)
	must(t, err)
	return r
}

// names reads a version's names, by the alphabet.
func (d *desk) names(t testing.TB, id string, version int64) []string {
	t.Helper()
	var all []string
	for name, err := range d.Names(t.Context(), id, version) {
		must(t, err)
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func domainsFrom(id, url string) rules.ListSource {
	return rules.ListSource{ID: id, Category: "gambling", URL: url, Format: "domains", Licence: "MIT", From: "Invented lists", MaxShrink: 20, MaxGrow: 100}
}

// numbered are so many names, one a line.
func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "site%05d.example\n", i)
	}
	return b.String()
}

// origin is a source whose answers a test sets.
type origin struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []*http.Request
}

func serve(t testing.TB, answer http.HandlerFunc) *origin {
	t.Helper()
	o := &origin{answer: answer}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.asked = append(o.asked, r)
		answer := o.answer
		o.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *origin) say(answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

func (o *origin) requests() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked)
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// versioned answers with an ETag, and says so where it is asked for nothing newer.
func versioned(body, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(body))
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
}
