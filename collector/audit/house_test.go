package audit_test

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

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
	recovery ed25519.PrivateKey // nil: there is none
	now      time.Time
	open     bool
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "safelight.db"), key: newKey(t), now: noon}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *house) start() {
	h.t.Helper()
	h.openStore()
	log, err := audit.Open(h.t.Context(), audit.Parts{
		Store: h.store, School: school, Key: h.key, Now: func() time.Time { return h.now }, Recovery: h.recoveryPub(), Announce: h.announce, Log: slog.New(slog.DiscardHandler),
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

// recover gives the school a recovery key.
func (h *house) recover() {
	h.t.Helper()
	h.stop()
	h.recovery = newKey(h.t).(ed25519.PrivateKey)
	h.start()
}

func (h *house) recoveryPub() ed25519.PublicKey {
	if h.recovery == nil {
		return nil
	}
	return h.recovery.Public().(ed25519.PublicKey)
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

// cutTo takes every record from n on away, with all that stands on it.
func cutTo(n int64) []string {
	hashes := tlog.StoredHashCount(n)
	return []string{
		fmt.Sprintf(`DELETE FROM audit_records WHERE idx >= %d`, n), fmt.Sprintf(`DELETE FROM audit_leaves WHERE idx >= %d`, n),
		fmt.Sprintf(`DELETE FROM audit_hashes WHERE idx >= %d`, hashes), fmt.Sprintf(`DELETE FROM audit_checkpoints WHERE size > %d`, n),
	}
}

// checkProof checks a proof as somebody would who has the checkpoints alone.
func checkProof(t *testing.T, h *house, p audit.Proof) {
	t.Helper()
	verifier, err := note.NewVerifier(h.Key())
	must(t, err)
	open := func(signed []byte) (int64, tlog.Hash) {
		n, err := note.Open(signed, note.VerifierList(verifier))
		must(t, err)
		lines := strings.Split(n.Text, "\n")
		size, err := strconv.ParseInt(lines[1], 10, 64)
		must(t, err)
		root, err := tlog.ParseHash(lines[2])
		must(t, err)
		return size, root
	}
	size, root := open(p.Note)
	newest, now := open(h.kept().Note)
	if newest != p.Of {
		t.Fatalf("the proof is of %d records, want %d", p.Of, newest)
	}
	must(t, tlog.CheckTree(p.Hashes, newest, now, size, root))
	if tlog.CheckTree(p.Hashes, newest, root, size, now) == nil {
		t.Error("the proof proves anything")
	}
}

// copyTo copies the store's file; the house must be stopped.
func (h *house) copyTo(path string) {
	h.t.Helper()
	data, err := os.ReadFile(h.path)
	must(h.t, err)
	must(h.t, os.WriteFile(path, data, 0o600))
}
