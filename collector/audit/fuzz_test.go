package audit

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// FuzzCheckpoint reads whatever a device may hold, as it is and well signed:
// what is read is what would be signed again.
func FuzzCheckpoint(f *testing.F) {
	key, err := pki.NewAuditKey()
	if err != nil {
		f.Fatal(err)
	}
	s, err := newSeal("hill-lane", key)
	if err != nil {
		f.Fatal(err)
	}
	good, err := s.sign(checkpoint{7, tlog.Hash{1}, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	text, _, _ := bytes.Cut(good, []byte("\n\n"))
	f.Add(append(text, '\n'))
	f.Add([]byte("safelight/audit/hill-lane\n-1\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := s.open(data); err == nil {
			again, err := s.sign(c)
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%q was read, and is written %q: %v", data, again, err)
			}
		}
		if signed, err := note.Sign(&note.Note{Text: string(data)}, s); err == nil {
			if c, err := s.open(signed); err == nil && c.size < 1 {
				t.Fatalf("a checkpoint over %d records", c.size)
			}
		}
	})
}

// FuzzAcceptance reads whatever stands in a record of a restore.
func FuzzAcceptance(f *testing.F) {
	f.Add(true, "10 20 2026-11-20T12:00:00.000000Z 2026-11-20T18:00:00.000000Z AAAA")
	f.Add(true, "10 2026-11-20T12:00:00.000000Z")
	f.Add(false, "10")
	f.Fuzz(func(t *testing.T, accepted bool, outcome string) {
		said := model.AuditRecord{What: whatRestore, Outcome: outcome}
		if accepted {
			said.What = whatAccept
		}
		r, err := parseRestore(3, said)
		if err == nil && (r.From < 0 || accepted && r.outcome() != outcome) {
			t.Fatalf("%q was read as %+v", outcome, r)
		}
	})
}
