package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/internal/event"
)

// two are a store with two pupils, an alert each, and one more event that came
// without an account; their ids.
func two(t *testing.T) (s *Store, dsl model.User, gone, stays string) {
	t.Helper()
	s = openStore(t)
	s.sealing.grace = time.Millisecond
	dsl = addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "canary.gone", "stays")
	add(t, s, canaryEvent(1, "canary.gone"), eventOf("dev-1", 2, "stays", event.High), eventOf("dev-1", 3, "", event.High))
	gatherAll(t, s, &jobs{})
	return s, dsl, subjectOf(t, s, "canary.gone"), subjectOf(t, s, "stays")
}

func subjectOf(t *testing.T, s *Store, account string) string {
	t.Helper()
	subject, found, err := s.SubjectByAccount(t.Context(), school, account)
	must(t, err)
	if !found {
		t.Fatalf("%s is not there", account)
	}
	return subject.ID
}

// reads says what the store still shows of each subject's event.
func reads(t *testing.T, s *Store, dsl model.User) map[string]model.Event {
	t.Helper()
	all, err := s.EventsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	by := map[string]model.Event{}
	for _, e := range all {
		by[e.Subject] = e
	}
	return by
}

func checkErased(t *testing.T, s *Store, dsl model.User, gone, stays string) {
	t.Helper()
	by := reads(t, s, dsl)
	if e := by[gone]; !e.Erased || e.Name != "" || e.Account != "" || e.Match != "" || e.Category != "gambling" {
		t.Errorf("of the erased subject there is %+v", e)
	}
	if e := by[stays]; e.Erased || e.Name != "example.test" || e.Account != "stays" {
		t.Errorf("of the other there is %+v", e)
	}
	subject, err := s.Subject(t.Context(), school, gone)
	must(t, err)
	if subject.Erased.IsZero() || subject.ErasedWhy != "asked for" || subject.Account != "" || subject.Name != "" {
		t.Errorf("subject = %+v", subject)
	}
	if _, found, err := s.SubjectByAccount(t.Context(), school, "canary.gone"); err != nil || found {
		t.Errorf("found again: %t, %v", found, err)
	}
	alerts, err := s.AlertsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	if len(alerts) != 2 {
		t.Errorf("%d alerts, want the erased subject's too", len(alerts))
	}
	for _, a := range alerts {
		if _, err := s.EventsOf(t.Context(), school, a.Ref); err != nil {
			t.Error(err)
		}
	}
}

func TestG13AnErasedSubjectsWordsAreGoneAndOthersRead(t *testing.T) {
	s, dsl, gone, stays := two(t)
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	checkErased(t, s, dsl, gone, stays)
	checkErased(t, reopen(t, s), dsl, gone, stays)
	if err := s.EraseSubject(t.Context(), school, gone, "again", noon); !errors.Is(err, ErrErased) {
		t.Errorf("a second time: %v", err)
	}
	if err := s.EraseSubject(t.Context(), school, "NOBODY", "x", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	// The same account is somebody new, who is told of as ever.
	add(t, s, eventOf("dev-1", 9, "canary.gone", event.High))
	if id := subjectOf(t, s, "canary.gone"); id == gone {
		t.Error("the erased subject goes on")
	}
	if got := add(t, s, canaryEvent(1, "canary.gone")); got[0] != model.StoredDuplicate {
		t.Errorf("its event, sent again: %v", got)
	}
	gatherAll(t, s, &jobs{})
	var told int
	must(t, s.reader.QueryRow(`SELECT COUNT(*) FROM audit_outbox WHERE what = 'subject.erase' AND ref = $1 AND reason = 'asked for'`, "subject:"+gone).Scan(&told))
	if told != 1 {
		t.Error("it is not on record")
	}
}

func TestG13ErasingADeviceNobodyWasKnownOnLetsItGoOn(t *testing.T) {
	s, _, _, _ := two(t)
	var id string
	must(t, s.reader.QueryRow(`SELECT id FROM subjects WHERE device = 'dev-1'`).Scan(&id))
	must(t, s.EraseSubject(t.Context(), school, id, "asked for", noon))
	add(t, s, eventOf("dev-1", 10, "", event.High))
	gatherAll(t, s, &jobs{})
}

// older are the copies of a database from before: as a file beside the same
// sealing.key, and the keyring of that time.
func olderCopy(t *testing.T, s *Store) string {
	t.Helper()
	where, _ := locations.Load(s)
	copied := filepath.Join(t.TempDir(), "older.db")
	must(t, Snapshot(t.Context(), where.(lies).location, copied))
	return copied
}

func keyringOf(t *testing.T, s *Store) *Keyring {
	t.Helper()
	k, err := s.Keyring(t.Context())
	must(t, err)
	data, err := k.Marshal()
	must(t, err)
	k, err = ParseKeyring(data)
	must(t, err)
	return k
}

func TestG13AnOldCopyOpensWithTheKeyringForAllButTheErased(t *testing.T) {
	sqliteOnly(t)
	s, dsl, gone, stays := two(t)
	older, before := olderCopy(t, s), keyringOf(t, s)
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	restored := func(k *Keyring) *Store {
		again, err := Open(t.Context(), copyOf(t, older), WithKeys(filepath.Join(t.TempDir(), seal.FileName)), WithKeyring(k))
		must(t, err)
		t.Cleanup(func() { _ = again.Close() })
		return again
	}
	checkErased(t, restored(keyringOf(t, s)), dsl, gone, stays)
	// What the page says: a keyring of before still opens it.
	if e := reads(t, restored(before), dsl)[gone]; e.Name != "canary.example" {
		t.Errorf("the older keyring does not open the older copy: %+v", e)
	}
	// With no keyring nobody is there; the alerts are.
	for _, e := range reads(t, restored(&Keyring{}), dsl) {
		if !e.Erased {
			t.Errorf("without a keyring: %+v", e)
		}
	}
	// Beside the same sealing.key, which an administrator may do by hand.
	where, _ := locations.Load(s)
	again, err := Open(t.Context(), copyOf(t, older), WithKeys(where.(lies).keys))
	must(t, err)
	defer again.Close()
	checkErased(t, again, dsl, gone, stays)
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	to := filepath.Join(t.TempDir(), "safelight.db")
	must(t, os.WriteFile(to, data, 0o600))
	return to
}

// A thief with an older disk image, the recovery key's keyring of today and a
// guess at the account still cannot tell which alerts were theirs.
func TestG13AnErasedSubjectCannotBeFoundByAGuessEither(t *testing.T) {
	sqliteOnly(t)
	s, _, gone, _ := two(t)
	older := olderCopy(t, s)
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	again, err := Open(t.Context(), copyOf(t, older), WithKeys(filepath.Join(t.TempDir(), seal.FileName)), WithKeyring(keyringOf(t, s)))
	must(t, err)
	defer again.Close()
	for _, at := range []*Store{s, again} {
		if _, found, err := at.SubjectByAccount(t.Context(), school, "canary.gone"); err != nil || found {
			t.Errorf("found: %t, %v", found, err)
		}
	}
	keys, err := s.keysOf(t.Context(), school)
	must(t, err)
	if numbers := keys.Numbers(); len(numbers) != 1 {
		t.Errorf("secrets of former epochs are kept: %v", numbers)
	}
}

func TestG13AnErasureCutShortIsFinishedAtTheNextStart(t *testing.T) {
	for _, cut := range []string{"marked", "key gone", "epoch begun"} {
		t.Run(cut, func(t *testing.T) {
			s, dsl, gone, stays := two(t)
			keys, err := s.keysOf(t.Context(), school)
			must(t, err)
			ctx, tx := t.Context(), begin(t, s)
			must(t, s.markErased(ctx, tx, school, keys, ErasedSubject{Subject: gone, At: noon, Reason: "asked for"}))
			if cut != "marked" {
				must(t, dropKey(ctx, tx, school, gone))
			}
			must(t, tx.Commit())
			if cut == "epoch begun" {
				must(t, keys.Begin(keys.Newest()+1))
			}
			was := keys.Newest()
			where, _ := locations.Load(s)
			again := openAnother(t, where.(lies))
			checkErased(t, again, dsl, gone, stays)
			now, err := again.keysOf(ctx, school)
			must(t, err)
			if numbers := now.Numbers(); len(numbers) != 1 || numbers[0] <= was {
				t.Errorf("epochs = %v, want one after %d", numbers, was)
			}
		})
	}
}

// Erasing a person must not show them their own alert because nobody can tell
// any more that it is theirs.
func TestG03ErasingAUsersOwnSubjectShowsItToNobody(t *testing.T) {
	s, _, gone, _ := two(t)
	self := addUser(t, s, "self", model.DutyDeputy, `SCHOOL\canary.gone`)
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	if alerts, events := seen(t, s, self); alerts != 1 || events != 1 {
		t.Errorf("they see %d alerts and %d events, want the other pupil's only", alerts, events)
	}
}

func TestEventsGoOnBeingStoredAndFoundWhileEpochsChange(t *testing.T) {
	s, dsl, _, stays := two(t)
	ctx, stop := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for n := 100; ctx.Err() == nil; n++ {
			if _, err := s.AppendRecords(context.WithoutCancel(ctx), school, model.Batch{Events: []model.Event{eventOf("dev-2", n, "stays", event.High)}}); err != nil {
				failed <- err
				return
			}
			s.forgetSubjects() // looked up in the database each time
		}
	}()
	for range 5 {
		must(t, s.newEpoch(t.Context(), school))
	}
	stop()
	must(t, <-failed)
	if id := subjectOf(t, s, "stays"); id != stays {
		t.Error("the account became somebody else")
	}
	if len(reads(t, s, dsl)) != 2 {
		t.Errorf("subjects: %d, want two", len(reads(t, s, dsl)))
	}
}

func TestAnotherCollectorFollowsAnErasure(t *testing.T) {
	s, dsl, gone, stays := two(t)
	if !onPostgres() {
		t.Skip("on a file there is one collector")
	}
	keys := filepath.Join(t.TempDir(), seal.FileName)
	where, _ := locations.Load(s)
	data, err := os.ReadFile(where.(lies).keys)
	must(t, err)
	must(t, os.WriteFile(keys, data, 0o600)) // copied by hand, as the page says
	other, err := Open(t.Context(), where.(lies).location, WithKeys(keys))
	must(t, err)
	defer other.Close()
	add(t, other, eventOf("dev-3", 1, "canary.gone", event.High)) // remembers the subject
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	must(t, other.FollowPeople(t.Context(), school))
	checkErased(t, other, dsl, gone, stays)
	add(t, other, eventOf("dev-3", 2, "canary.gone", event.High), eventOf("dev-3", 3, "stays", event.High))
	if id := subjectOf(t, other, "canary.gone"); id == gone {
		t.Error("the other collector goes on with the erased subject")
	}
	if id := subjectOf(t, other, "stays"); id != stays {
		t.Error("the other collector takes an account for somebody new")
	}
	held, err := other.keysOf(t.Context(), school)
	must(t, err)
	if len(held.Numbers()) != 1 {
		t.Errorf("it keeps former secrets: %v", held.Numbers())
	}
	now, err := os.ReadFile(keys)
	must(t, err)
	if bytes.Equal(now, data) {
		t.Error("its file is as before")
	}
}

func TestADamagedKeyringIsRefused(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"format":2}`, `{"format":1,"schools":{"a":null}}`, `{"format":1,"schools":{"a":{"keys":{"X":"AAAA"}}}}`} {
		if _, err := ParseKeyring([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzParseKeyring(f *testing.F) {
	f.Add([]byte(`{"format":1,"schools":{"a":{"epoch":3,"keys":{"X":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"erased":[{"subject":"Y"}]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ParseKeyring(data)
		if err != nil {
			return
		}
		again, err := k.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKeyring(again); err != nil {
			t.Errorf("not read back: %v", err)
		}
	})
}

func begin(t *testing.T, s *Store) *sql.Tx {
	t.Helper()
	tx, err := s.writer.BeginTx(t.Context(), nil)
	must(t, err)
	return tx
}

func TestG13WhomRetentionRemovesNoOldCopyShows(t *testing.T) {
	sqliteOnly(t)
	s := openStore(t)
	add(t, s, aged("laptop-1", 1, "gone", 40))
	gatherAs(t, s, 40)
	older := olderCopy(t, s)
	retain(t, s, false)
	again, err := Open(t.Context(), copyOf(t, older), WithKeys(filepath.Join(t.TempDir(), seal.FileName)), WithKeyring(keyringOf(t, s)))
	must(t, err)
	defer again.Close()
	alert := alerts(t, again)[0]
	events, err := again.EventsOf(t.Context(), school, alert.Ref)
	must(t, err)
	if len(events) != 1 || !events[0].Erased {
		t.Errorf("an old copy still shows %+v", events)
	}
}
