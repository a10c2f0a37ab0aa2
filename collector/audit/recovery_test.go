package audit_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"safelight/collector/audit"
	"safelight/collector/model"
	"safelight/internal/pki"
)

// blank takes a record's text away by hand, as an erasing would.
func (h *house) blank(index int64) {
	h.t.Helper()
	h.edit(fmt.Sprintf(`UPDATE audit_records SET salt = x'', record = x'', ref = '', erased_reason = 'subject access request' WHERE idx = %d`, index))
	must(h.t, h.Record(h.t.Context(), model.AuditRecord{Actor: "user:dsl", What: "audit.erase", Ref: fmt.Sprintf("record:%d", index), Reason: "subject access request"}))
}

// another replaces the recovery key by root's own.
func (h *house) another() {
	h.t.Helper()
	h.stop()
	h.recovery = newKey(h.t).(ed25519.PrivateKey)
	h.start()
}

func says(problems []string, what string) bool {
	return strings.Contains(strings.Join(problems, "\n"), what)
}

// Root has everything on the server, and not the recovery key. It cuts the record,
// erases by hand what names the key, names its own, and accepts.
func TestRootThatErasesTheRecoveryKeysNameCannotAcceptItsOwnRollback(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.look(20)
	kept, size := h.kept(), h.size()
	h.edit(cutTo(size - 10)...)
	from := h.size()
	h.now = h.now.Add(time.Hour)
	h.look(1)
	h.blank(0)
	h.another()
	_, err := h.AcceptRestore(t.Context(), from, h.recovery, byHead, nil)
	if err == nil || !strings.Contains(err.Error(), "may be the one that did") {
		t.Errorf("root accepts its own rollback: %v", err)
	}
	if h.Held(t.Context(), school, "laptop", kept.Note) {
		t.Error("what a device holds agrees with root's record")
	}
	r := h.verify(kept)
	for _, want := range []string{"record 0 was erased, and is of a kind that never may be", "may be the one that did", kept.Who} {
		if !says(r.Problems, want) {
			t.Errorf("problems %q do not say %q", r.Problems, want)
		}
	}
}

// A name that root writes by hand, wherever it stands, is worth nothing.
func TestARecoveryKeyThatIsNamedLateAcceptsNothing(t *testing.T) {
	for what, erase := range map[string]bool{"erased": true, "left": false} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			h.recover()
			h.look(20)
			kept := h.kept()
			h.edit(cutTo(h.size() - 10)...)
			h.now = h.now.Add(-time.Minute) // so that what is kept came after
			if erase {
				h.blank(0)
			}
			h.another()
			must(t, h.Record(t.Context(), model.AuditRecord{What: "key.recovery", Ref: "recovery-key", Outcome: h.RecoveryID()}))
			from := h.size()
			h.now = h.now.Add(time.Hour)
			h.look(1)
			if _, err := h.AcceptRestore(t.Context(), from, h.recovery, byHead, nil); err == nil {
				t.Error("root accepts its own rollback")
			}
			if r := h.verify(kept); !says(r.Problems, kept.Who) || !says(r.Problems, "recovery key") {
				t.Errorf("problems %q", r.Problems)
			}
		})
	}
}

// Whoever cuts the record back to nothing begins it anew with their own key; what
// devices hold of the old one stays a problem for good.
func TestARecordThatIsBegunAnewIsNoRestore(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.look(20)
	kept := h.kept()
	h.edit(cutTo(0)...)
	h.now = h.now.Add(time.Hour)
	h.another()
	h.look(3)
	if _, err := h.AcceptRestore(t.Context(), 0, h.recovery, byHead, nil); err == nil || !strings.Contains(err.Error(), "has nothing to accept") {
		t.Errorf("accepting it: %v", err)
	}
	if r := h.verify(kept); len(r.Problems) != 1 || !says(r.Problems, kept.Who) {
		t.Errorf("problems %q", r.Problems)
	}
}

func TestTheRecoveryKeyIsNamedAtTheBeginningOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	var looks sync.WaitGroup
	for range 600 { // at once, so that they share batches
		looks.Go(func() { _ = h.Record(t.Context(), model.AuditRecord{What: "read.alert", Actor: "user:dsl"}) })
	}
	looks.Wait()
	h.recover() // too late, and the collector starts all the same
	h.broken("none of the record's first 501 records names a recovery key")

	h = newHouse(t)
	h.look(5)
	h.edit(`UPDATE audit_records SET salt = x'', record = x'', ref = '', erased_reason = 'spring clean' WHERE idx = 2`)
	size := h.size()
	h.recover()
	if h.size() != size {
		t.Error("the key is named behind a record whose text is gone")
	}
}

func TestNothingBeforeTheRecoveryKeysNameIsErased(t *testing.T) {
	h := newHouse(t)
	h.look(3)
	h.recover()
	h.look(1)
	if err := h.Erase(t.Context(), 1, byHead); err == nil || !strings.Contains(err.Error(), "stays") {
		t.Errorf("erasing what stands before the key's name: %v", err)
	}
	must(t, h.Erase(t.Context(), 4, byHead))
	h.whole()
}

// Devices began the policy epoch in force by leave of the key that they know.
func TestARecoveryKeyThatDevicesDoNotKnowIsFound(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.look(3)
	text := []byte("leave")
	good, err := pki.Sign(h.recovery, pki.EpochContext, text)
	must(t, err)
	bad, err := pki.Sign(newKey(t), pki.EpochContext, text)
	must(t, err)
	for signature, whole := range map[string]bool{string(good): true, string(bad): false} {
		h.Leave = func(context.Context) ([]byte, []byte, error) { return text, []byte(signature), nil }
		if r := h.verify(); (len(r.Problems) == 0) != whole {
			t.Errorf("problems %q, want none: %t", r.Problems, whole)
		}
	}
	h.Leave = func(context.Context) ([]byte, []byte, error) { return nil, nil, nil } // the first epoch
	h.whole()
}

// After an honest acceptance root sets the clock back to between its two times,
// and rolls back what it signs then.
func TestAClockSetBackAfterAnAcceptanceHidesNoSecondRollback(t *testing.T) {
	h := newHouse(t)
	h.recover()
	kept, restored := h.putBack()
	from := h.size()
	if h.Held(t.Context(), school, "laptop", kept.Note) {
		t.Fatal("a rollback agrees with what a device holds")
	}
	h.look(1)
	r, err := h.AcceptRestore(t.Context(), from, h.recovery, byHead, nil)
	must(t, err)
	if r.Upto != from+10 || r.Missing != 10 {
		t.Errorf("accepted %+v, want it up to %d", r, from+10)
	}
	h.now = restored.Add(-time.Hour)
	h.look(40)
	second := h.kept()
	h.edit(cutTo(h.size() - 35)...)
	h.look(5)
	if r := h.verify(kept, second); len(r.Problems) != 1 || !says(r.Problems, second.Who) {
		t.Errorf("problems %q, want the second rollback", r.Problems)
	}
	if h.Held(t.Context(), school, "tablet", second.Note) {
		t.Error("a device's checkpoint of the second loss agrees")
	}
}

// A device that was away may hold more than anybody was known to; its checkpoint
// is a problem until a person accepts that too.
func TestWhatADeviceThatWasAwayHoldsIsAcceptedByItself(t *testing.T) {
	h := newHouse(t)
	h.recover()
	h.look(10)
	copied := h.size()
	h.now = h.now.Add(time.Hour)
	h.look(5)
	connected := h.kept()
	h.look(5)
	away := h.kept()
	h.edit(cutTo(copied)...)
	h.now = h.now.Add(time.Hour)
	h.look(1)
	accept := func(device string, held audit.Held) {
		if h.Held(t.Context(), school, device, held.Note) {
			t.Errorf("%s agrees before it is accepted", device)
		}
		_, err := h.AcceptRestore(t.Context(), copied, h.recovery, byHead, nil)
		must(t, err)
		if !h.Held(t.Context(), school, device, held.Note) {
			t.Errorf("%s does not agree once it is accepted", device)
		}
	}
	accept("laptop", connected)
	accept("tablet", away)
	h.whole(connected, away)
}
