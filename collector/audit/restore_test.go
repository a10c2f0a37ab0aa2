package audit_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/collector/audit"
	"safelight/collector/model"
)

var byHead = model.Actor{Who: model.UserActor("head"), Via: "192.0.2.7", Reason: "the disk failed"}

// putBack makes the house's database yesterday's again: it had ten records, and
// three hours later twenty, of which somebody kept the checkpoint. The clock then
// stands at what is returned.
func (h *house) putBack() (kept audit.Held, now time.Time) {
	h.t.Helper()
	h.look(10)
	h.stop()
	yesterday := filepath.Join(h.t.TempDir(), "yesterday.db")
	h.copyTo(yesterday)
	h.now = h.now.Add(3 * time.Hour)
	h.start()
	h.look(10)
	kept = h.kept()
	h.stop()
	data, err := os.ReadFile(yesterday)
	must(h.t, err)
	must(h.t, os.WriteFile(h.path, data, 0o600))
	h.now = h.now.Add(3 * time.Hour)
	h.start()
	return kept, h.now
}

func TestAnAcceptedRestoreIsSaidAndNothingElseIsHidden(t *testing.T) {
	h := newHouse(t)
	h.recover()
	kept, restored := h.putBack()
	from := h.size()
	must(t, h.Restored(t.Context(), from, model.Actor{Who: model.SystemActor("it"), Reason: "restored from the backup of noon"}))
	if h.Held(t.Context(), school, "laptop", kept.Note) {
		t.Error("nobody has accepted the restore, and what a device holds agrees")
	}
	r := h.verify(kept)
	if len(r.Problems) != 2 || len(r.Restores) != 1 || r.Restores[0].Accepted || r.Restores[0].From != from {
		t.Fatalf("before it is accepted: %q, %+v", r.Problems, r.Restores)
	}
	h.now = restored.Add(time.Hour)
	_, err := h.AcceptRestore(t.Context(), audit.LastRestore, h.recovery, byHead, nil)
	must(t, err)
	if !h.Held(t.Context(), school, "laptop", kept.Note) {
		t.Error("a device's checkpoint is still held against an accepted restore")
	}
	r = h.whole(kept)
	if len(r.Restores) != 1 {
		t.Fatalf("restores %+v", r.Restores)
	}
	got := r.Restores[0]
	if !got.Accepted || got.From != from || got.Missing != 10 || got.By != "user:head" || got.Reason != "the disk failed" || !got.Until.Equal(restored) || !got.At.Equal(h.now) {
		t.Errorf("restore %+v, want from %d, 10 missing, at %s", got, from, restored)
	}

	// A silent rollback later is another matter: the acceptance does not cover it.
	h.look(30)
	later := h.kept()
	cutBack := h.size() - 20
	h.edit(cutTo(cutBack)...)
	h.look(2)
	r = h.verify(kept, later)
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], later.Who) {
		t.Errorf("after a silent rollback: %q", r.Problems)
	}
}

// Evidence of a rollback that came before the copy was made stays evidence.
func TestAnAcceptedRestoreDoesNotCoverAnEarlierRollback(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.look(40)
	earlier := h.kept()
	h.edit(cutTo(h.size() - 30)...)
	h.now = h.now.Add(time.Hour)
	kept, _ := h.putBack()
	_, err := h.AcceptRestore(t.Context(), h.size(), h.recovery, byHead, nil)
	must(t, err)
	h.whole(kept)
	if r := h.verify(earlier); len(r.Problems) != 1 {
		t.Errorf("problems %q", r.Problems)
	}
}

func TestARestoreIsNotAcceptedWithoutTheRecoveryKey(t *testing.T) {
	h := newHouse(t)
	h.recover()
	kept, _ := h.putBack()
	from := h.size()
	for what, c := range map[string]struct {
		from int64
		key  ed25519.PrivateKey
		by   model.Actor
	}{
		"not this school's recovery key": {from, newKey(t).(ed25519.PrivateKey), byHead},
		"reason":                         {from, h.recovery, model.Actor{Who: "user:head"}},
		"no restore is on record":        {audit.LastRestore, h.recovery, byHead},
		"no checkpoint was signed over":  {from + 90, h.recovery, byHead},
	} {
		if _, err := h.AcceptRestore(t.Context(), c.from, c.key, c.by, nil); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want one that says %q", err, what)
		}
	}
	// Root can write a record that looks like an acceptance; it bears no signature.
	forged := model.AuditRecord{What: "audit.accept-restore", Ref: "restore", Actor: "user:head", Reason: "the disk failed"}
	for _, outcome := range []string{
		"10", "", "1 2 3 4 5", "10 0 2026-11-20T12:00:00.000000Z 2026-11-20T18:00:00.000000Z " + strings.Repeat("A", 86) + "==",
		"99 0 2026-11-20T12:00:00.000000Z 2026-11-20T18:00:00.000000Z AAAA", "10 20 2026-11-20T12:00:00.000000Z 2026-11-20T18:00:00.000000Z AA=A",
	} {
		forged.Outcome = outcome
		must(t, h.Record(t.Context(), forged))
	}
	r := h.verify(kept)
	if len(r.Problems) != 7 || !strings.Contains(r.Problems[0], "no valid acceptance") || !strings.Contains(r.Problems[6], "another root") && !strings.Contains(r.Problems[6], "older database") {
		t.Errorf("%d problems %q", len(r.Problems), r.Problems)
	}
}

// An acceptance says from where and until when; another's words are not under
// its signature.
func TestAnAcceptanceCannotBeWidened(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.putBack()
	_, err := h.AcceptRestore(t.Context(), h.size(), h.recovery, byHead, nil)
	must(t, err)
	rows, err := h.Rows(t.Context(), h.size()-1, 1)
	must(t, err)
	said := rows[0].Says
	parts := strings.Split(said.Outcome, " ")
	for i, other := range []string{"1", "900", "2020-01-01T00:00:00.000000Z", "2036-01-01T00:00:00.000000Z"} {
		wider := append([]string(nil), parts...)
		wider[i] = other
		forged := said
		forged.Outcome = strings.Join(wider, " ")
		must(t, h.Record(t.Context(), forged))
	}
	forged := said
	forged.Reason = "nothing happened"
	must(t, h.Record(t.Context(), forged))
	if r := h.verify(); len(r.Problems) != 5 {
		t.Errorf("%d problems %q, want 5", len(r.Problems), r.Problems)
	}
}

func TestWhatTheRecordIsCheckedByIsNotErased(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.putBack()
	must(t, h.Restored(t.Context(), h.size(), model.Actor{Who: "system:it"}))
	_, err := h.AcceptRestore(t.Context(), audit.LastRestore, h.recovery, byHead, nil)
	must(t, err)
	for _, index := range []int64{0, h.size() - 1, h.size() - 2} {
		if err := h.Erase(t.Context(), index, byHead); err == nil || !strings.Contains(err.Error(), "stays") {
			t.Errorf("erasing record %d: %v", index, err)
		}
	}
}

// Who replaces the recovery key's public half can sign acceptances of their own;
// the record remembers which key it was.
func TestAReplacedRecoveryKeyIsFound(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.look(5)
	h.whole()
	h.stop()
	h.recovery = newKey(t).(ed25519.PrivateKey)
	h.start()
	h.broken("recovery key is", "record 0 names", "was replaced")
}

func TestTodaysRecordIsProvedToContinueWhatDevicesHold(t *testing.T) {
	h := newHouse(t)
	h.look(7)
	if !h.Held(t.Context(), school, "laptop", h.kept().Note) || !h.Held(t.Context(), school, "tablet", h.kept().Note) {
		t.Fatal("the newest checkpoint does not agree")
	}
	h.look(6)
	if r := h.whole(); r.Held != 2 {
		t.Errorf("%d devices hold what is continued, want 2", r.Held)
	}
	proofs, err := h.Proofs(t.Context(), h.size())
	must(t, err)
	if len(proofs) != 1 || proofs[0].Size != 7 || proofs[0].Of != 13 || proofs[0].Devices != 2 || len(proofs[0].Note) == 0 {
		t.Fatalf("proofs %+v", proofs)
	}
	checkProof(t, h, proofs[0])
	h.edit(cutTo(5)...) // under the running collector
	if r := h.verify(); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "2 devices hold a checkpoint over 7 records and the record has 5") {
		t.Errorf("cut: %q", r.Problems)
	}
	h.look(20)
	if r := h.verify(); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "does not continue") {
		t.Errorf("grown again: %q", r.Problems)
	}
}

// With no device connected, a checkpoint on paper says how much was lost: the
// acceptance covers that, and a second rollback does not hide behind it.
func TestAnAcceptanceGoesByACheckpointThatWasKept(t *testing.T) {
	h := newHouse(t)
	h.recover()
	early := h.kept()
	kept, restored := h.putBack()
	from := h.size()
	must(t, h.Restored(t.Context(), from, model.Actor{Who: model.SystemActor("it"), Reason: "restored from the backup of noon"}))
	h.now = restored.Add(time.Hour)
	for what, note := range map[string][]byte{"is not of what this restore lost": early.Note, "the checkpoint given is": []byte("scribbled")} {
		if _, err := h.AcceptRestore(t.Context(), from, h.recovery, byHead, note); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r, err := h.AcceptRestore(t.Context(), from, h.recovery, byHead, kept.Note)
	must(t, err)
	if r.Missing != 10 || r.Upto != from+10 {
		t.Errorf("accepted %+v", r)
	}
	h.whole(kept)
}
