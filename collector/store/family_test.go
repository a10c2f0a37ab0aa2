package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

// meanwhile calls second while first has done all but commit, and commits when second
// waits for it. It returns what second did.
func (f *family) meanwhile(first func(tx *sql.Tx) error, second func() error) error {
	f.t.Helper()
	tx, err := f.writer.BeginTx(f.t.Context(), nil)
	must(f.t, err)
	must(f.t, first(tx))
	waits := f.waiting()
	done := make(chan error, 1)
	go func() { done <- second() }()
	for f.waiting() <= waits {
		select {
		case err := <-done:
			must(f.t, tx.Commit())
			f.t.Fatalf("it did not wait for what was under way, and came to: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	must(f.t, tx.Commit())
	return <-done
}

// waiting counts those who wait to write: on PostgreSQL now, else so far.
func (f *family) waiting() (n int64) {
	f.t.Helper()
	if !onPostgres() {
		return f.writer.Stats().WaitCount
	}
	must(f.t, f.reader.QueryRowContext(f.t.Context(), `SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND pid IN
		(SELECT pid FROM pg_stat_activity WHERE datname = current_database())`).Scan(&n))
	return n
}

func (f *family) device(id, key, serial string) model.Device {
	return model.Device{ID: id, Name: id, KeyHash: []byte(key), Enrolled: noon, Expires: noon.Add(time.Hour), Hardware: model.Hardware{Serial: serial}}
}

// TestOnceATokenHasEndedNoDeviceComesOfItAnyMore: one that was about to enrol has, when
// whoever ended the token is told that it ended; or it never does.
func TestOnceATokenHasEndedNoDeviceComesOfItAnyMore(t *testing.T) {
	f := newFamily(t)
	end := func() error { return f.EndToken(t.Context(), school, "t", noon) }
	enrol := func(tx *sql.Tx) error {
		return f.enrol(t.Context(), tx, school, []byte("h"), noon, f.device("d1", "k1", ""))
	}
	must(t, f.meanwhile(enrol, end))
	if _, err := f.Device(t.Context(), school, "d1"); err != nil {
		t.Errorf("the one that was about to: %v", err)
	}

	must(t, f.AddToken(t.Context(), model.Token{School: school, ID: "t2", Hash: []byte("h2"), Uses: 9, Created: noon, Expires: noon.Add(time.Hour)}))
	err := f.meanwhile(func(tx *sql.Tx) error { return f.endToken(t.Context(), tx, school, "t2", noon) },
		func() error { return f.Enrol(t.Context(), school, []byte("h2"), noon, f.device("d2", "k2", "")) })
	if !errors.Is(err, ErrTokenEnded) {
		t.Errorf("one that came while the token was ended: %v", err)
	}
	tokens, err := f.Tokens(t.Context(), school)
	if must(t, err); tokens[0].Used != 1 || tokens[1].Used != 0 {
		t.Errorf("the tokens are used %d and %d times, want once and never", tokens[0].Used, tokens[1].Used)
	}
	if devices, err := f.Devices(t.Context(), school); err != nil || len(devices) != 1 {
		t.Errorf("%d devices, %v; want one", len(devices), err)
	}
}

// TestHardwareThatIsSetUpAnewTwiceAtOnceKeepsOneKey: the one in between would be good
// beside it, and on no list.
func TestHardwareThatIsSetUpAnewTwiceAtOnceKeepsOneKey(t *testing.T) {
	f := newFamily(t)
	must(t, f.AddToken(t.Context(), model.Token{School: school, ID: "t2", Hash: []byte("h2"), Uses: 9, Created: noon, Expires: noon.Add(time.Hour)}))
	must(t, f.Enrol(t.Context(), school, []byte("h"), noon, f.device("d1", "k1", "5CD118")))
	must(t, f.meanwhile(
		func(tx *sql.Tx) error {
			return f.enrol(t.Context(), tx, school, []byte("h"), noon, f.device("d1", "k2", "5CD118"))
		},
		func() error { return f.Enrol(t.Context(), school, []byte("h2"), noon, f.device("d1", "k3", "5CD118")) },
	))
	ended, err := f.EndedKeys(t.Context(), school)
	must(t, err)
	var keys []string
	for _, k := range ended {
		keys = append(keys, string(k.KeyHash))
	}
	if slices.Sort(keys); !slices.Equal(keys, []string{"k1", "k2"}) {
		t.Errorf("keys that have ended: %q, want k1 and k2", keys)
	}
}

// TestG12OfTwoTokensOneHasTheLastPlace.
func TestG12OfTwoTokensOneHasTheLastPlace(t *testing.T) {
	f := newFamily(t)
	_, err := f.writer.ExecContext(t.Context(), `UPDATE schools SET trial = 1 WHERE school_id = $1`, school)
	must(t, err)
	must(t, f.AddToken(t.Context(), model.Token{School: school, ID: "t2", Hash: []byte("h2"), Uses: 9, Created: noon, Expires: noon.Add(time.Hour)}))
	for n := range model.TrialDevices - 1 {
		must(t, f.Enrol(t.Context(), school, []byte("h"), noon, deviceOf(n)))
	}
	err = f.meanwhile(func(tx *sql.Tx) error { return f.enrol(t.Context(), tx, school, []byte("h"), noon, deviceOf(7)) },
		func() error { return f.Enrol(t.Context(), school, []byte("h2"), noon, deviceOf(8)) })
	if !errors.Is(err, ErrTrialFull) {
		t.Errorf("the sixth device: %v", err)
	}
}

// TestOnceADeviceIsRevokedNoCopyComesOfItsKey.
func TestOnceADeviceIsRevokedNoCopyComesOfItsKey(t *testing.T) {
	f := newFamily(t, "laptop")
	revoke := func(tx *sql.Tx) error {
		must(t, f.admitting(t.Context(), tx, school))
		return revoke(t.Context(), tx, school, "laptop", noon)
	}
	err := f.meanwhile(revoke, func() error {
		_, err := f.SplitDevice(t.Context(), school, model.Split{From: "laptop", Instance: "second", Device: f.device("copy", "own", "")})
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("a copy that asked while it was revoked: %v", err)
	}
}

// TestARunBecomesOneDeviceWhicheverCollectorsItAsks.
func TestARunBecomesOneDeviceWhicheverCollectorsItAsks(t *testing.T) {
	f := newFamily(t, "laptop")
	ask := func(key string) error {
		_, err := f.SplitDevice(t.Context(), school, model.Split{From: "laptop", Instance: "second", Device: f.device("copy "+key, key, "")})
		return err
	}
	must(t, ask("k1"))
	must(t, ask("k1"))
	if err := ask("k2"); !errors.Is(err, ErrSplitTwice) {
		t.Errorf("with another key: %v", err)
	}
}

// TestWhatCameOfOneKeyIsRevokedAtOnceAndIsOneLineOnRecord: copies of copies too, one that
// was about to come too, and nothing of another family.
func TestWhatCameOfOneKeyIsRevokedAtOnceAndIsOneLineOnRecord(t *testing.T) {
	f := newFamily(t, "laptop", "other")
	a, b := f.split("laptop", noon), f.split("laptop", noon.Add(time.Second))
	aa, others := f.split(a, noon.Add(2*time.Second)), f.split("other", noon)
	must(t, f.RevokeDevice(t.Context(), school, b, noon))
	ctx, late := model.WithActor(t.Context(), model.Actor{Who: "user:u1"}), noon.Add(time.Hour)

	ids := func(of string) (all []string) {
		t.Helper()
		devices, err := f.CopiesOf(t.Context(), school, of)
		must(t, err)
		for _, d := range devices {
			all = append(all, d.ID)
		}
		return all
	}
	if got := ids("laptop"); !slices.Equal(got, []string{a, aa}) {
		t.Errorf("of the laptop came %q", got)
	}
	if got := ids(a); !slices.Equal(got, []string{aa}) {
		t.Errorf("of its copy came %q", got)
	}
	var revoked []string
	err := f.meanwhile(func(tx *sql.Tx) error {
		_, err := f.Store.split(ctx, tx, school, model.Split{From: "laptop", Instance: "third", Device: f.device("late", "late", "")})
		return err
	}, func() error {
		_, err := f.RevokeCopies(ctx, school, model.RevokeCopies{Of: "laptop", Most: 2}, late)
		return err
	})
	if !errors.Is(err, model.ErrMoreCopies) || len(ids("laptop")) != 3 {
		t.Errorf("one more came than somebody said to revoke: %v, and %d are left", err, len(ids("laptop")))
	}
	revoked, err = f.RevokeCopies(ctx, school, model.RevokeCopies{Of: "laptop", Most: 3}, late)
	if must(t, err); !slices.Equal(revoked, []string{a, "late", aa}) && !slices.Equal(revoked, []string{"late", a, aa}) {
		t.Errorf("revoked %q", revoked)
	}
	for id, want := range map[string]time.Time{"laptop": {}, "other": {}, others: {}, a: late, aa: late, "late": late, b: noon} {
		d, err := f.Device(t.Context(), school, id)
		if must(t, err); !d.Revoked.Equal(want) {
			t.Errorf("%s is revoked %v, want %v", id, d.Revoked, want)
		}
	}
	records := f.recorded("device.revoke-copies")
	if len(records) != 3 {
		t.Fatalf("on record is %+v", records)
	}
	for _, r := range records {
		id := strings.TrimPrefix(r.Ref, "device:")
		if !slices.Contains(revoked, id) || r.Actor != "user:u1" || r.Outcome != "one of 3 revoked with what came of device:laptop" {
			t.Errorf("on record for %s is %+v", id, r)
		}
	}
	if _, err := f.RevokeCopies(ctx, school, model.RevokeCopies{Of: "laptop", Most: 9}, late); !errors.Is(err, ErrNotFound) {
		t.Errorf("where nothing is left: %v", err)
	}
}

// TestADeviceIsRevokedWithWhatCameOfIt, so that nothing more comes in between; and that
// one of them is revoked already is no hindrance.
func TestADeviceIsRevokedWithWhatCameOfIt(t *testing.T) {
	f := newFamily(t, "laptop")
	before, err := f.Changes(t.Context(), school)
	must(t, err)
	for i := range 40 {
		f.split("laptop", noon.Add(time.Duration(i)*time.Second))
	}
	revoked, err := f.RevokeCopies(t.Context(), school, model.RevokeCopies{Of: "laptop", Itself: true, Most: 40}, noon)
	if must(t, err); len(revoked) != 41 || revoked[40] != "laptop" {
		t.Errorf("%d revoked, the last one %q", len(revoked), revoked[len(revoked)-1])
	}
	devices, err := f.Devices(t.Context(), school)
	must(t, err)
	for _, d := range devices {
		if d.Revoked.IsZero() {
			t.Errorf("%s is not revoked", d.ID)
		}
	}
	after, err := f.Changes(t.Context(), school)
	if must(t, err); after[TopicDevices] == before[TopicDevices] {
		t.Error("no collector is told, and open streams go on")
	}
	records := f.recorded("device.revoke-copies")
	if len(records) != 41 {
		t.Fatalf("%d lines on record", len(records))
	}
	named := map[string]bool{}
	for _, r := range records {
		named[r.Ref] = true
		if len(r.Outcome) > 200 { // what the record would cut short
			t.Errorf("on record: %+v", r)
		}
	}
	for _, id := range revoked {
		if !named[model.DeviceActor(id)] {
			t.Errorf("the record does not name %s", id)
		}
	}
}

// recorded are what waits for the record, of one kind.
func (f *family) recorded(what string) []model.AuditRecord {
	f.t.Helper()
	all, err := collect(f.t.Context(), f.reader, func(row scanner) (r model.AuditRecord, err error) {
		return r, row.Scan(&r.What, &r.Ref, &r.Actor, &r.Outcome)
	}, `SELECT what, ref, actor, outcome FROM audit_outbox WHERE school_id = $1 AND what = $2`, school, what)
	must(f.t, err)
	return all
}

// TestALockIsWaitedForWhateverTheServersOwnIsolationIs.
func TestALockIsWaitedForWhateverTheServersOwnIsolationIs(t *testing.T) {
	if !onPostgres() {
		t.Skip("one connection writes")
	}
	s := openStore(t)
	at, _ := locations.Load(s)
	_, err := s.writer.ExecContext(t.Context(), fmt.Sprintf(`ALTER ROLE CURRENT_USER IN DATABASE %s SET default_transaction_isolation = 'serializable'`, s.databaseName(t)))
	must(t, err)
	defer func() {
		_, err := s.writer.ExecContext(t.Context(), fmt.Sprintf(`ALTER ROLE CURRENT_USER IN DATABASE %s RESET default_transaction_isolation`, s.databaseName(t)))
		must(t, err)
	}()
	writer, reader, err := openPostgres(at.(lies).location)
	must(t, err)
	defer func() { must(t, errors.Join(writer.Close(), reader.Close())) }()
	var is string
	must(t, writer.QueryRowContext(t.Context(), `SHOW transaction_isolation`).Scan(&is))
	if is != "read committed" {
		t.Errorf("transactions are %s: who waited looks at what was there before it waited", is)
	}
}

func (s *Store) databaseName(t *testing.T) (name string) {
	t.Helper()
	must(t, s.reader.QueryRowContext(t.Context(), `SELECT current_database()`).Scan(&name))
	return name
}
