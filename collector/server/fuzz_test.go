package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
)

// fuzzedVerbs are those of the admin socket that collector/admin's own target
// does not reach; what changes keys and takes backups is refused for what it is
// given, or done.
var fuzzedVerbs = []string{
	"audit/verify", "audit/export", "audit/erase", "audit/accept-restore", "key/rotate", "rules/publish", "retention/run", "backup",
	"rules/propose", "rules/withdraw", "rules/rollback", "rules/show", "rules/diff", "rules/strange", "rules/explain", "rules/try", "rules/trial", "rules/precision", "rules/suggestions",
}

// verbsOf is the verbs of a fresh school with one DSL.
func verbsOf(t testing.TB) http.Handler {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "school")
	if err := Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	conf, err := ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openState(t.Context(), dir, conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	if err := s.openRecord(t.Context(), time.Now, quiet, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	verbs, err := adminVerbs(t.Context(), conf, s, s.fleet(time.UTC, time.Now, quiet), func() {}, time.Now, quiet)
	if err != nil {
		t.Fatal(err)
	}
	handler := verbs.Handler()
	err = admin.On(handler, "tester").Call(t.Context(), "user/add", admin.UserAdd{Name: "Demo DSL", Email: "dsl@school.example", Duty: "dsl"},
		func(json.RawMessage) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// FuzzVerbs hands the verbs of a whole collector whatever bytes: a request is
// done or refused with one line, and nothing panics. Failures of the disk are the
// only ones that may be called the collector's own.
func FuzzVerbs(f *testing.F) {
	handler := verbsOf(f)
	for i, body := range []string{
		`{"checkpoint":"c2FmZWxpZ2h0L2F1ZGl0L3NjaG9vbAo=","from":"the file kept.txt"}`, `{"as":"Demo DSL","from":-1}`, `{"as":"Demo DSL","index":1,"reason":"x"}`,
		`{"as":"Demo DSL","reason":"x","recovery":"/nonexistent","from":2}`, `{"what":"policy","step":"retire","force":true}`,
		`{"files":{"starter/pack.yaml":"eA=="},"as":"Demo DSL","reason":"x"}`, `{"dry_run":true}`, `{"reader":"age1"}`,
		`{"name":"x","files":{"a/pack.yaml":"eA=="},"as":"Demo DSL","reason":"x","necessity":"y"}`, `{"name":"P-1","as":"Demo DSL","reason":"x"}`,
		`{"name":"1.1","as":"Demo DSL","reason":"x"}`, `{"name":"in-force"}`, `{"from":{"name":"1"},"to":{"name":"x","files":{"a/b.yaml":"eA=="}}}`,
		`{"name":"in-force","question":{"kind":"search","text":"x","at":"2026-11-21T10:41:00Z"}}`, `{"name":"1","since":"2026-11-21T10:41:00Z"}`,
		`{"name":"T-1"}`, `{"since":"0001-01-01T00:00:00Z"}`, `{"as":"Demo DSL","since":"0001-01-01T00:00:00Z"}`,
	} {
		f.Add(i, []byte(body))
	}
	f.Fuzz(func(t *testing.T, verb int, body []byte) {
		verb = max(verb, -(verb+1)) % len(fuzzedVerbs)
		r := httptest.NewRequest(http.MethodPost, "/v1/"+fuzzedVerbs[verb], bytes.NewReader(body))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK && strings.Count(w.Body.String(), "\n") != 1 {
			t.Errorf("%s answered %d %q", r.URL.Path, w.Code, w.Body)
		}
		fails := []string{"backup", "audit/verify", "audit/export", "audit/erase"} // by what is given them
		if w.Code >= http.StatusInternalServerError && !slices.Contains(fails, fuzzedVerbs[verb]) {
			t.Errorf("%s answered %d %s", r.URL.Path, w.Code, w.Body)
		}
	})
}
