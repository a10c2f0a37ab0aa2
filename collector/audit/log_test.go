package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"safelight/collector/audit"
	"safelight/collector/model"
	"safelight/internal/pki"
)

func TestG03TheRecordOfALookIsDurableBeforeAnythingIsShown(t *testing.T) {
	h := newHouse(t)
	shown := false
	show := func() {
		if err := h.RecordAccess(t.Context(), model.Access{School: school, At: noon, User: "dsl", What: "name", Ref: "ABCD1234", From: "192.0.2.7"}); err == nil {
			shown = true
		}
	}
	show()
	// Not a word to this process's record: the file alone is read.
	reader := &house{t: t, path: h.path, key: h.key}
	reader.start()
	looks, err := reader.AccessesOf(t.Context(), school, "ABCD1234")
	reader.stop()
	must(t, err)
	if !shown || len(looks) != 1 || looks[0] != (model.Access{School: school, At: noon, User: "dsl", What: "name", Ref: "ABCD1234", From: "192.0.2.7"}) {
		t.Fatalf("shown %t, on disk %+v", shown, looks)
	}
	h.edit(`CREATE TRIGGER broken BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	if shown = false; h.size() != 1 {
		t.Fatal("size")
	}
	if show(); shown {
		t.Error("shown though the record failed")
	}
	h.edit(`DROP TRIGGER broken`)
	if show(); !shown {
		t.Error("not shown though the record is well again")
	}
	h.Log.Close()
	if shown = false; true {
		show()
	}
	if shown {
		t.Error("shown though the record is closed")
	}
}

func TestALookThatIsGivenUpShowsNothing(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Record(ctx, model.AuditRecord{What: "read.alert"}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	h.look(1)
	h.whole()
}

func TestTwoHundredLooksAtOnceRideInFewTransactions(t *testing.T) {
	h := newHouse(t)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 200 {
		wg.Go(func() {
			<-start
			if err := h.Record(t.Context(), model.AuditRecord{At: noon, Actor: fmt.Sprintf("user:%d", i), What: "read.inbox"}); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	signed, err := h.store.AuditCheckpoints(t.Context(), school, 0, 1000) // one a transaction
	must(t, err)
	if r := h.whole(); r.Records != 200 || len(signed) > 40 {
		t.Errorf("%d records in %d transactions", r.Records, len(signed))
	}
	t.Logf("200 looks in %d transactions", len(signed))
	rows, err := h.Rows(t.Context(), 0, 1000)
	must(t, err)
	who := map[string]bool{}
	for _, r := range rows {
		who[r.Says.Actor] = true
	}
	if len(who) != 200 {
		t.Errorf("%d of 200 are on record", len(who))
	}
}

func TestACrashBetweenOutboxAndLogLosesAndDoublesNothing(t *testing.T) {
	h := newHouse(t)
	h.Log.Close() // the record is gone; the store goes on for a moment
	must(t, h.store.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	for i := range 7 {
		must(t, h.store.AddUser(t.Context(), model.User{School: school, ID: fmt.Sprint(i), Name: fmt.Sprint("Invented ", i), Email: fmt.Sprint(i), Duty: model.DutyDSL, Created: noon.Add(time.Duration(i+1) * time.Second)}))
	}
	if h.size() != 0 {
		t.Fatal("the log took what it could not have")
	}
	must(t, h.store.Close())
	for range 2 {
		h.start()
		h.stop()
	}
	h.start()
	rows, err := h.Rows(t.Context(), 0, 100)
	must(t, err)
	var got []string
	for _, r := range rows {
		got = append(got, r.Says.What+" "+r.Says.Ref)
	}
	want := []string{"school.create school:hill-lane", "user.add user:0", "user.add user:1", "user.add user:2", "user.add user:3", "user.add user:4", "user.add user:5", "user.add user:6"}
	if !slices.Equal(got, want) {
		t.Errorf("on record: %q", got)
	}
	h.whole()
}

func TestAnAppendThatFailsLeavesTheOutboxAsItWas(t *testing.T) {
	h := newHouse(t)
	must(t, h.store.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Created: noon}))
	h.edit(`CREATE TRIGGER broken BEFORE INSERT ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	if err := h.Flush(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if waits, err := h.store.AuditWaits(t.Context(), school); err != nil || !waits || h.size() != 0 {
		t.Errorf("waits %t, %v; %d records", waits, err, h.size())
	}
	h.edit(`DROP TRIGGER broken`)
	must(t, h.Flush(t.Context()))
	if r := h.whole(); r.Records != 1 {
		t.Errorf("%d records", r.Records)
	}
}

// Two collectors on one database append to one record.
func TestTwoLogsOnOneStoreMakeOneRecord(t *testing.T) {
	h := newHouse(t)
	other := &house{t: t, path: h.path, key: h.key}
	other.start()
	t.Cleanup(other.stop)
	var wg sync.WaitGroup
	for _, l := range []*house{h, other, h, other} {
		wg.Go(func() {
			for range 10 {
				if err := l.Record(t.Context(), model.AuditRecord{At: noon, What: "read.inbox"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r := h.whole(); r.Records != 40 {
		t.Errorf("%d records", r.Records)
	}
}

func TestAGrowingRecordIsAnnouncedAtOnceAndThenRests(t *testing.T) {
	h := newHouse(t)
	h.stop()
	told := make(chan struct{}, 10)
	h.announce = func() { told <- struct{}{} }
	h.start()
	if h.Announced() != nil {
		t.Error("an empty record is announced")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	must(t, h.store.EnsureSchool(ctx, model.School{ID: school, Name: "Hill Lane", Created: noon})) // by the outbox
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was announced")
	}
	first := h.Announced()
	if !h.Held(t.Context(), school, "laptop", first) {
		t.Error("what was announced does not agree with the record")
	}
	h.look(3)
	must(t, h.store.EnsureSchool(ctx, model.School{ID: "second", Name: "Elsewhere", Created: noon}))
	cancel()
	must(t, <-done)
	if len(told) > 0 || string(h.Announced()) != string(first) {
		t.Error("announced again before its rest was over")
	}
	h.whole(audit.Held{Who: "laptop", Note: first})
}

func TestAKeyThatCannotSignTheRecordIsRefused(t *testing.T) {
	h := newHouse(t)
	ec, err := pki.NewKey()
	must(t, err)
	for _, p := range []audit.Parts{
		{Store: h.store, School: school, Key: ec}, {Store: h.store, School: "two words", Key: h.key}, {Store: h.store, School: "a+b", Key: h.key},
	} {
		p.Now, p.Log = time.Now, slog.New(slog.DiscardHandler)
		if _, err := audit.Open(t.Context(), p); err == nil {
			t.Errorf("opened for school %q with %T", p.School, p.Key)
		}
	}
}

// Others can check a checkpoint with the published library and key alone.
func TestACheckpointIsASignedNote(t *testing.T) {
	h := newHouse(t)
	h.look(3)
	v, err := note.NewVerifier(h.Key())
	must(t, err)
	n, err := note.Open(h.kept().Note, note.VerifierList(v))
	must(t, err)
	if want := "safelight/audit/hill-lane\n3\n"; n.Text[:len(want)] != want {
		t.Errorf("note %q", n.Text)
	}
}

func TestBatchesOfAnySizeMakeTheSameKindOfTree(t *testing.T) {
	h := newHouse(t)
	r := rand.New(rand.NewPCG(1, 2))
	total := 0
	for range 12 {
		n := r.IntN(40) + 1
		total += n
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() { _ = h.Record(t.Context(), model.AuditRecord{At: noon, What: "read.inbox"}) })
		}
		wg.Wait()
		if got := h.whole(); got.Records != int64(total) {
			t.Fatalf("%d records, want %d", got.Records, total)
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	for _, at := range []int{1, 200} {
		b.Run(fmt.Sprintf("%d at once", at), func(b *testing.B) {
			h := newHouse(b)
			for n := 0; n < b.N; n += at {
				var wg sync.WaitGroup
				for range at {
					wg.Go(func() {
						if err := h.Record(b.Context(), model.AuditRecord{At: noon, Actor: "user:dsl", Via: "192.0.2.7", What: "read.alert", Ref: "alert:ABCD1234"}); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
