package backup_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/goleak"
	"modernc.org/sqlite"

	"safelight/collector/backup"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
	"safelight/internal/pki"
)

func TestMain(m *testing.M) {
	sqlite.MustRegisterCollationUtf8("turnstile", inOrder) // before a store is opened
	goleak.VerifyTestMain(m)
}

const school = model.SchoolID("hill-lane")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

// house is a state folder with a store in it.
type house struct {
	dir      string
	database string
	store    *store.Store
	next     int
}

func newHouse(t testing.TB, dir string) *house {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "ca"), 0o700))
	h := &house{dir: dir, database: filepath.Join(dir, "safelight.db")}
	for name, text := range map[string]string{
		"collector.yaml": "school: {name: Hill Lane}\n", "policy.key": "a policy key", "ca/root.crt": "a certificate",
		"ca/root.key": "a root key", "recovery.key": "another recovery key's private half", "lock": "",
		".half": "half written",
	} {
		must(t, pki.WriteSecret(filepath.Join(dir, filepath.FromSlash(name)), []byte(text)))
	}
	must(t, backup.MakeKey(dir))
	var err error
	h.store, err = store.Open(t.Context(), h.database)
	must(t, err)
	t.Cleanup(func() { _ = h.store.Close() })
	must(t, h.store.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	return h
}

// add stores n events, in one transaction, numbered on.
func (h *house) add(ctx context.Context, n int) error {
	events := make([]model.Event, n)
	for i := range events {
		h.next++
		e := &events[i]
		*e = model.Event{
			School: school, Device: fmt.Sprint("device-", h.next%5), Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.High, Seq: uint64(h.next)},
			Observed: noon, Received: noon.Add(time.Duration(h.next) * time.Millisecond), Kind: event.Domain, Name: "example.test", Via: event.ViaTLS,
			Outcome: model.OutcomeConnected, Account: fmt.Sprint("demo.pupil.", h.next%50), Rule: "gambling-sites", Category: "gambling",
			Severity: event.High, Pack: "starter 1", Match: "example.test", Why: "a site on the list", Count: 1,
		}
		binary.BigEndian.PutUint64(e.ID[8:], uint64(h.next))
		digest := sha256.Sum256(e.ID[:])
		e.Digest = digest[:]
	}
	_, err := h.store.AppendRecords(ctx, school, model.Batch{Events: events})
	return err
}

func (h *house) source() backup.Source {
	return backup.Source{
		Dir: h.dir, Database: h.database, Rows: store.CountRows, Now: func() time.Time { return noon }, Version: "test",
		Snapshot: func(ctx context.Context, to string) error { return store.Snapshot(ctx, h.database, to) },
	}
}

// write makes a backup in memory.
func (h *house) write(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	must(t, h.writeTo(t.Context(), &out))
	return out.Bytes()
}

func (h *house) writeTo(ctx context.Context, w io.Writer, readers ...age.Recipient) error {
	return writeFrom(ctx, h.source(), w, readers...)
}

func writeFrom(ctx context.Context, src backup.Source, w io.Writer, readers ...age.Recipient) error {
	p, err := backup.Prepare(ctx, src, readers...)
	if err != nil {
		return err
	}
	return errors.Join(p.Write(ctx, w), p.Close())
}

func (h *house) key(t testing.TB) age.Identity {
	t.Helper()
	id, err := backup.ReadPrivate(filepath.Join(h.dir, backup.PrivateFile))
	must(t, err)
	return id
}

func quiet(int64, int64) {}

// restore lays a backup down in a fresh folder and returns it.
func restore(t testing.TB, key age.Identity, data []byte) (string, backup.Manifest) {
	t.Helper()
	dir := t.TempDir()
	m, conf, err := backup.Restore(dir, "collector.yaml", key, bytes.NewReader(data), int64(len(data)), quiet)
	must(t, err)
	if string(conf) != "school: {name: Hill Lane}\n" {
		t.Errorf("the configuration came back as %q", conf)
	}
	return dir, m
}

// events lists a database's events, whole rows, in the order they were added.
func events(t testing.TB, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	must(t, err)
	defer db.Close()
	rows, err := db.Query(`SELECT * FROM events ORDER BY event_id`)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	var all []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		must(t, rows.Scan(values...))
		var line strings.Builder
		for _, v := range values {
			fmt.Fprintf(&line, "%x|", *v.(*sql.RawBytes))
		}
		all = append(all, line.String())
	}
	must(t, rows.Err())
	return all
}

// left lists what lies in a folder beside the names expected.
func left(t testing.TB, dir string, expected ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		if !slices.Contains(expected, e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}
