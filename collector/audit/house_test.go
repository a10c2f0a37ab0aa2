package audit_test

import (
	"crypto"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/collector/audit"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/pki"
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

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := pki.NewAuditKey()
	must(t, err)
	return key
}

// house is a record on a real store.
type house struct {
	*audit.Log
	t        testing.TB
	path     string
	key      crypto.Signer
	store    *store.Store
	announce func()
	open     bool
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "safelight.db"), key: newKey(t)}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *house) start() {
	h.t.Helper()
	h.openStore()
	log, err := audit.Open(h.t.Context(), audit.Parts{
		Store: h.store, School: school, Key: h.key, Now: func() time.Time { return noon }, Announce: h.announce, Log: slog.New(slog.DiscardHandler),
	})
	must(h.t, err)
	h.Log, h.open = log, true
}

func (h *house) openStore() {
	h.t.Helper()
	s, err := store.Open(h.t.Context(), h.path)
	must(h.t, err)
	h.store = s
}

func (h *house) stop() {
	if h.open {
		h.Log.Close()
		must(h.t, h.store.Close())
	}
	h.open = false
}

// look puts n looks on record, each in a batch of its own.
func (h *house) look(n int) {
	h.t.Helper()
	for i := range n {
		must(h.t, h.RecordAccess(h.t.Context(), model.Access{School: school, At: noon, User: "dsl", What: "alert", Ref: fmt.Sprintf("REF%05d", i), From: "192.0.2.7"}))
	}
}

// edit changes the database behind the record's back.
func (h *house) edit(statements ...string) {
	h.t.Helper()
	for _, s := range statements {
		_, err := h.store.DB().Exec(s)
		must(h.t, err)
	}
}

func (h *house) verify(held ...audit.Held) audit.Report {
	h.t.Helper()
	r, err := h.Verify(h.t.Context(), held...)
	must(h.t, err)
	return r
}

// whole verifies and wants nothing wrong.
func (h *house) whole(held ...audit.Held) audit.Report {
	h.t.Helper()
	r := h.verify(held...)
	if len(r.Problems) > 0 {
		h.t.Fatalf("a whole record is said not to be: %q", r.Problems)
	}
	return r
}

// broken verifies and wants the first problem to say some things.
func (h *house) broken(says ...string) {
	h.t.Helper()
	r := h.verify()
	if len(r.Problems) == 0 {
		h.t.Fatal("nothing was found")
	}
	for _, s := range says {
		if !strings.Contains(r.Problems[0], s) {
			h.t.Errorf("problems %q: the first does not say %q", r.Problems, s)
		}
	}
}

// kept is the newest checkpoint, as somebody else would have kept it.
func (h *house) kept() audit.Held {
	h.t.Helper()
	return audit.Held{Who: "the weekly report", Note: h.whole().Newest}
}

func (h *house) size() int64 {
	h.t.Helper()
	head, err := h.store.AuditHead(h.t.Context(), school)
	must(h.t, err)
	return head.Leaves
}

// copyTo copies the store's file; the house must be stopped.
func (h *house) copyTo(path string) {
	h.t.Helper()
	data, err := os.ReadFile(h.path)
	must(h.t, err)
	must(h.t, os.WriteFile(path, data, 0o600))
}
