package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/internal/event"
)

// quickly is a grace for collectors that look for changes all the time.
const quickly = 100 * time.Millisecond

func withGrace(d time.Duration) Option { return func(o *options) { o.grace = d } }

// another is a second collector on a store's database, with a sealing.key of its
// own, copied by hand.
func another(t *testing.T, s *Store) *Store {
	t.Helper()
	if !onPostgres() {
		t.Skip("on a file there is one collector: see TestEverythingOnPostgreSQL")
	}
	where, _ := locations.Load(s)
	data, err := os.ReadFile(where.(lies).keys)
	must(t, err)
	keys := filepath.Join(t.TempDir(), seal.FileName)
	must(t, os.WriteFile(keys, data, 0o600))
	return openAnother(t, lies{where.(lies).location, keys})
}

func openAnother(t *testing.T, at lies) *Store {
	t.Helper()
	s, err := Open(t.Context(), at.location, WithKeys(at.keys), withGrace(quickly))
	must(t, err)
	locations.Store(s, at)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// following has collectors look for changes until stop is called, as their
// servers do.
func following(t *testing.T, all ...*Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var followers sync.WaitGroup
	for _, s := range all {
		followers.Go(func() {
			tick := time.NewTicker(quickly / 20)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if err := s.FollowPeople(context.WithoutCancel(ctx), school); err != nil && !errors.Is(err, ErrAgain) {
					t.Error(err)
					return
				}
			}
		})
	}
	return sync.OnceFunc(func() { cancel(); followers.Wait() })
}

// checkAtOne checks that collectors and their database stand at the same, only
// epoch, that each reads what the other writes, and that each starts again.
func checkAtOne(t *testing.T, all ...*Store) {
	t.Helper()
	for i, s := range all {
		must(t, s.FollowPeople(t.Context(), school))
		keys, err := s.keysOf(t.Context(), school)
		must(t, err)
		rows, err := sealEpochs(t.Context(), s.reader, school)
		must(t, err)
		if numbers := keys.Numbers(); len(numbers) != 1 || numbers[0] != rows[len(rows)-1].number {
			t.Errorf("collector %d holds the epochs %v, want the last of %d only", i, numbers, len(rows))
		}
		add(t, s, eventOf(fmt.Sprint("dev-9", i), 900+i, fmt.Sprint("later", i), event.High))
		for _, other := range all {
			subjectOf(t, other, fmt.Sprint("later", i))
		}
	}
	for i, s := range all {
		if k := keyringOf(t, s); len(k.Schools[school].Keys) != count(t, s, "subject_keys") {
			t.Errorf("collector %d writes a keyring of %d keys", i, len(k.Schools[school].Keys))
		}
		where, _ := locations.Load(s)
		openAnother(t, where.(lies))
	}
}

func TestTwoErasuresAtOnceLeaveADatabaseThatBothRead(t *testing.T) {
	s, dsl, gone, _ := two(t)
	other := another(t, s)
	s.sealing.grace = quickly
	addPupil(t, s, "left")
	left := subjectOf(t, s, "left")
	stop := following(t, s, other)
	defer stop()
	var all sync.WaitGroup
	for subject, at := range map[string]*Store{gone: s, left: other} {
		all.Go(func() {
			if err := at.EraseSubject(t.Context(), school, subject, "asked for", noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	stop()
	checkAtOne(t, s, other)
	for _, at := range []*Store{s, other} {
		for _, id := range []string{gone, left} {
			if subject, err := at.Subject(t.Context(), school, id); err != nil || subject.Erased.IsZero() || subject.Account != "" {
				t.Errorf("%+v, %v", subject, err)
			}
		}
		if e := reads(t, at, dsl)[gone]; !e.Erased {
			t.Errorf("still read: %+v", e)
		}
	}
}

func TestACollectorThatStartsDuringAnErasureWaitsForIt(t *testing.T) {
	s, dsl, gone, stays := two(t)
	first := another(t, s)
	where, _ := locations.Load(first)
	must(t, first.Close()) // its file stands at the epoch of before
	locations.Delete(first)
	s.sealing.grace = quickly
	erased := make(chan error, 1)
	go func() { erased <- s.EraseSubject(t.Context(), school, gone, "asked for", noon) }()
	for n := 0; n == 0; { // it is decided
		must(t, s.reader.QueryRow(`SELECT COUNT(*) FROM erasures`).Scan(&n))
	}
	other := openAnother(t, where.(lies))
	must(t, <-erased)
	checkErased(t, other, dsl, gone, stays)
	checkErased(t, s, dsl, gone, stays)
	checkAtOne(t, s, other)
	if rows, err := sealEpochs(t.Context(), s.reader, school); err != nil || len(rows) != 2 {
		t.Errorf("%d epochs, want one more than before: %v", len(rows), err)
	}
}

func TestANewEpochBesideAnErasureLosesNobody(t *testing.T) {
	s, dsl, gone, stays := two(t)
	others := []*Store{s}
	if onPostgres() {
		others = append(others, another(t, s))
		s.sealing.grace = quickly
	}
	stop := following(t, others...)
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { // what retention does
		if err := others[len(others)-1].newEpoch(t.Context(), school); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() {
		if err := s.EraseSubject(t.Context(), school, gone, "asked for", noon); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
	stop()
	for _, at := range others {
		must(t, at.FollowPeople(t.Context(), school))
		checkErased(t, at, dsl, gone, stays)
	}
	checkAtOne(t, others...)
}

// A collector in the midst of its own change has others to act on as well.
func TestFollowingWaitsForNoChangeOfEpochsHere(t *testing.T) {
	s, _, _, _ := two(t)
	other := another(t, s)
	must(t, s.changingEpochs(t.Context(), school, func(*seal.School) error {
		if err := s.FollowPeople(t.Context(), school); !errors.Is(err, ErrAgain) {
			t.Errorf("the one that changes: %v", err)
		}
		return other.FollowPeople(t.Context(), school) // which others wait for, must not wait for them
	}))
	must(t, s.FollowPeople(t.Context(), school))
}

func TestAKeyThatIsDroppedWhileItIsMovedStaysDropped(t *testing.T) {
	s, _, gone, _ := two(t)
	keys, err := s.keysOf(t.Context(), school)
	must(t, err)
	tx := begin(t, s)
	rows, err := collect(t.Context(), tx, scanKeyRow, keyRowsSQL, school, keys.Newest()+1, 100)
	must(t, err)
	must(t, dropKey(t.Context(), tx, school, gone)) // after it was read, by another collector
	must(t, eraseRow(t.Context(), tx, school, ErasedSubject{Subject: gone, At: noon}, 0))
	for _, row := range rows {
		must(t, rewrapOne(t.Context(), tx, school, keys, row))
	}
	var back, found int
	must(t, tx.QueryRow(`SELECT COUNT(*) FROM subject_keys WHERE subject_id = $1`, gone).Scan(&back))
	must(t, tx.QueryRow(`SELECT COUNT(*) FROM subjects WHERE id = $1 AND (bare <> '' OR account NOT LIKE 'erased:%')`, gone).Scan(&found))
	must(t, tx.Commit())
	if back != 0 || found != 0 {
		t.Error("the erased subject has a key again, or can be found by its account")
	}
}

// Two collectors may make a subject of one account in the moment in which only one
// of them has followed.
func TestAnAccountMadeTwiceWhileEpochsChangeStopsNoErasure(t *testing.T) {
	s, _, gone, _ := two(t)
	keys, err := s.keysOf(t.Context(), school)
	must(t, err)
	drawn, err := keys.Draw()
	must(t, err)
	where, _ := locations.Load(s)
	data, err := os.ReadFile(where.(lies).keys)
	must(t, err)
	ahead := filepath.Join(t.TempDir(), seal.FileName)
	must(t, os.WriteFile(ahead, data, 0o600))
	file, err := seal.OpenFile(ahead) // of the collector that has followed
	must(t, err)
	follower := file.School(string(school))
	must(t, follower.Take(drawn.Number, drawn.Handed))
	must(t, s.writeEpoch(t.Context(), school, drawn))
	for _, held := range []*seal.School{keys, follower} {
		tx := begin(t, s)
		_, added, err := makeSubject(t.Context(), tx, held, subjectKey{school: school, account: "both"})
		must(t, err)
		must(t, tx.Commit())
		if !added {
			t.Fatal("the account is found by both: does this test still see anything?")
		}
	}
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	subjectOf(t, s, "both")
}

func TestAKeyringThatLacksASubjectIsRefused(t *testing.T) {
	s, _, _, stays := two(t)
	_, err := s.writer.Exec(`UPDATE subject_keys SET epoch = 7 WHERE subject_id = $1`, stays)
	must(t, err)
	if _, err := s.Keyring(t.Context()); !errors.Is(err, seal.ErrEpoch) || !strings.Contains(err.Error(), "sealing.key") {
		t.Errorf("error = %v", err)
	}
}

// A database of before sealing that is put back after somebody was erased.
func TestG13AnUnsealedBackupShowsNobodyWhoWasErasedSince(t *testing.T) {
	sqliteOnly(t)
	s, _, gone, stays := two(t)
	older := copyOf(t, olderCopy(t, s))
	must(t, s.EraseSubject(t.Context(), school, gone, "asked for", noon))
	writer, reader, err := openSQLite(older)
	must(t, err)
	for _, query := range []string{
		`DELETE FROM subject_keys`, `DELETE FROM seal_epochs`, `DELETE FROM seal_progress`,
		`UPDATE subjects SET account = 'canary.gone', bare = 'canary.gone', name = 'Canary' WHERE id = '` + gone + `'`,
		`UPDATE subjects SET account = 'stays', bare = 'stays', name = 'Stays' WHERE id = '` + stays + `'`,
		`UPDATE events SET body = '{"kind":"domain","name":"canary.example"}', digest = 'x'`,
	} {
		_, err := writer.Exec(query)
		must(t, err)
	}
	must(t, errors.Join(writer.Close(), reader.Close()))
	where, _ := locations.Load(s)
	for name, opts := range map[string][]Option{
		"restored":               {WithKeys(filepath.Join(t.TempDir(), seal.FileName)), WithKeyring(keyringOf(t, s))},
		"beside a newer sealing": {WithKeys(where.(lies).keys)},
	} {
		again, err := Open(t.Context(), copyOf(t, older), opts...)
		must(t, err)
		must(t, again.SealingOld())
		subject, err := again.Subject(t.Context(), school, gone)
		must(t, err)
		if subject.Erased.IsZero() || subject.Account != "" || subject.Name != "" || subject.ErasedWhy != "asked for" {
			t.Errorf("%s: %+v", name, subject)
		}
		if id := subjectOf(t, again, "stays"); id != stays {
			t.Errorf("%s: the other became %s", name, id)
		}
		for _, a := range alerts(t, again) {
			events, err := again.EventsOf(t.Context(), school, a.Ref)
			must(t, err)
			for _, e := range events {
				if e.Subject == gone && e.Name != "" {
					t.Errorf("%s: words of the erased: %+v", name, e)
				}
			}
		}
		must(t, again.Close())
	}
}

// Without a keyring nobody can tell whose alerts are a user's own.
func TestG03ARestoreWithoutAKeyringShowsNobodyTheirOwnAlert(t *testing.T) {
	sqliteOnly(t)
	s, _, _, _ := two(t)
	self := addUser(t, s, "self", model.DutyDeputy, `SCHOOL\canary.gone`)
	if alerts, _ := seen(t, s, self); alerts != 1 {
		t.Fatalf("they see %d alerts before, want the other pupil's", alerts)
	}
	again, err := Open(t.Context(), olderCopy(t, s), WithKeys(filepath.Join(t.TempDir(), seal.FileName)), WithKeyring(&Keyring{}))
	must(t, err)
	defer again.Close()
	if alerts, events := seen(t, again, self); alerts != 0 || events != 0 {
		t.Errorf("they see %d alerts and %d events, of which one may be their own", alerts, events)
	}
}

// What retention removes must not come back from a backup without what was known
// of it.
func TestG03RetentionForgetsNoErasure(t *testing.T) {
	sqliteOnly(t)
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	self := addUser(t, s, "self", model.DutyDeputy, "gone")
	addPupil(t, s, "gone")
	add(t, s, aged("laptop-1", 1, "gone", 40))
	gatherAs(t, s, 40)
	older := olderCopy(t, s)
	must(t, s.EraseSubject(t.Context(), school, subjectOf(t, s, "gone"), "asked for", noon))
	if removed := retain(t, s, false); removed.Subjects != 1 {
		t.Fatalf("removed %+v", removed)
	}
	again, err := Open(t.Context(), older, WithKeys(filepath.Join(t.TempDir(), seal.FileName)), WithKeyring(keyringOf(t, s)))
	must(t, err)
	defer again.Close()
	for _, user := range []model.User{dsl, self} {
		if alerts, events := seen(t, again, user); alerts != 0 || events != 0 {
			t.Errorf("%s sees %d alerts and %d events of the user's own", user.ID, alerts, events)
		}
	}
}
