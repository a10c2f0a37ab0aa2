package store

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestSendingAgainIsHarmless(t *testing.T) {
	s := openStore(t)
	e := eventOf("dev-1", 1, "pupil1", event.High)
	if got := add(t, s, e, e); !slices.Equal(got, []model.Stored{model.StoredNew, model.StoredDuplicate}) {
		t.Errorf("stored = %v, want new, duplicate", got)
	}
	if got := add(t, s, e); got[0] != model.StoredDuplicate {
		t.Errorf("stored = %v, want duplicate", got[0])
	}
	if n := count(t, s, "pending"); n != 1 {
		t.Errorf("pending rows = %d, want 1", n)
	}
}

func TestSameKeyOtherBytesIsRefusedAndNoted(t *testing.T) {
	s := openStore(t)
	first := eventOf("dev-1", 1, "pupil1", event.High)
	other := first
	other.Digest, other.Name = []byte("other"), "other.test"
	if got := add(t, s, first, other); got[1] != model.StoredConflict {
		t.Fatalf("stored = %v, want conflict", got[1])
	}
	health, err := s.Health(t.Context(), school, time.Time{})
	must(t, err)
	if len(health) != 1 || health[0].Topic != TopicConflict || health[0].Device != "dev-1" {
		t.Errorf("health = %+v, want one %s of dev-1", health, TopicConflict)
	}
	if n := count(t, s, "events"); n != 1 {
		t.Errorf("events = %d, want the first only", n)
	}
}

func TestSameIDOfAnotherDeviceIsAnotherEvent(t *testing.T) {
	s := openStore(t)
	got := add(t, s, eventOf("dev-1", 1, "pupil1", event.High), eventOf("dev-2", 1, "pupil1", event.High))
	if !slices.Equal(got, []model.Stored{model.StoredNew, model.StoredNew}) {
		t.Errorf("stored = %v, want new, new", got)
	}
}

func TestEventComesBackAsItWent(t *testing.T) {
	s := openStore(t)
	user := addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	e := eventOf("dev-1", 1, " PUPIL1 ", event.High)
	e.Skew, e.Late, e.ThirdParty, e.Noise, e.Help = -3*time.Second, true, true, true, true
	e.Also, e.NotSeen = []event.Via{event.ViaDNS, event.ViaQUIC}, []string{"page content", "searches"}
	e.Exe, e.Unknown, e.Client, e.Server, e.IP = "~/browser", "no such pid", "10.0.0.2:4", "192.0.2.1:443", "10.0.0.2"
	add(t, s, e)
	got, err := s.EventsFor(t.Context(), school, user, time.Time{})
	must(t, err)
	if len(got) != 1 {
		t.Fatalf("events = %d, want 1", len(got))
	}
	want := e
	want.Account, want.Subject = "pupil1", got[0].Subject
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("event =\n%+v, want\n%+v", got[0], want)
	}
}

func TestFailedBatchLeavesNothingBehind(t *testing.T) {
	s := openStore(t)
	_, err := s.writer.Exec(`ALTER TABLE gaps RENAME TO gaps_away`) // as when the disk fails in the midst of it
	must(t, err)
	batch := model.Batch{Events: []model.Event{eventOf("dev-1", 1, "pupil1", event.High)}, Gaps: []model.Gap{{Device: "dev-1", Reason: "full"}}}
	if _, err := s.AppendRecords(t.Context(), school, batch); err == nil {
		t.Fatal("storing a batch that cannot be stored succeeded")
	}
	if n := count(t, s, "events"); n != 0 {
		t.Errorf("events = %d, want none", n)
	}
	_, err = s.writer.Exec(`ALTER TABLE gaps_away RENAME TO gaps`)
	must(t, err)
	// The subject made by the failed transaction must not linger in the cache.
	add(t, s, batch.Events[0])
	gatherAll(t, s, &jobs{})
}

func TestTombstoneThatGrewIsWidened(t *testing.T) {
	s := openStore(t)
	gap := model.Gap{Device: "dev-1", Place: model.Place{SpoolEpoch: []byte("e"), Lane: event.Low, Seq: 5}, To: 9, Reason: "spool full", Received: noon}
	wider := gap
	wider.To = 20
	appended, err := s.AppendRecords(t.Context(), school, model.Batch{Gaps: []model.Gap{gap, gap, wider, gap}})
	must(t, err)
	want := []model.Stored{model.StoredNew, model.StoredDuplicate, model.StoredNew, model.StoredDuplicate}
	if !slices.Equal(appended.Gaps, want) {
		t.Errorf("stored = %v, want %v", appended.Gaps, want)
	}
	gaps, err := s.Gaps(t.Context(), school, "dev-1")
	must(t, err)
	if len(gaps) != 1 || gaps[0].To != 20 {
		t.Errorf("gaps = %+v, want one up to 20", gaps)
	}
}

func TestEventsAreOrderedByReceiptThenPlace(t *testing.T) {
	s := openStore(t)
	user := addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	late, early := eventOf("dev-1", 1, "pupil1", event.High), eventOf("dev-1", 2, "pupil1", event.High)
	late.Received, early.Observed = noon.Add(time.Hour), noon.Add(24*time.Hour) // a wrong device clock
	add(t, s, late, early)
	got, err := s.EventsFor(t.Context(), school, user, time.Time{})
	must(t, err)
	if len(got) != 2 || got[0].Place.Seq != 2 {
		t.Errorf("order is not by receipt: %+v", got)
	}
}

func count(t testing.TB, s *Store, table string) int {
	t.Helper()
	var n int
	must(t, s.reader.QueryRow(`SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

func BenchmarkAppendRecordsOneTransaction(b *testing.B) {
	s := openStore(b)
	const size = 200
	n := 0
	for b.Loop() {
		batch := model.Batch{Events: make([]model.Event, size)}
		for i := range batch.Events {
			n++
			batch.Events[i] = eventOf("dev-"+strconv.Itoa(i), n, "pupil"+strconv.Itoa(i), event.High)
		}
		if _, err := s.AppendRecords(b.Context(), school, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
}

// TestKnownEventsAmongNewOnesAreToldApart sends again what was stored, among new
// events: all are handed to the store together, and each is answered for itself.
func TestKnownEventsAmongNewOnesAreToldApart(t *testing.T) {
	s := openStore(t)
	one, two := eventOf("laptop-1", 1, "pupil.one", event.High), eventOf("laptop-1", 2, "pupil.one", event.High)
	add(t, s, one)
	other := eventOf("laptop-1", 1, "pupil.one", event.High)
	other.Name, other.Digest = "other.example", make([]byte, 32)
	got := add(t, s, two, one, eventOf("laptop-2", 1, "pupil.one", event.High), other, two, eventOf("laptop-1", 3, "pupil.two", event.Urgent))
	want := []model.Stored{
		model.StoredNew, model.StoredDuplicate, model.StoredNew, model.StoredConflict, model.StoredDuplicate, model.StoredNew,
	}
	if !slices.Equal(got, want) {
		t.Errorf("stored as %v, want %v", got, want)
	}
	if events, pending := count(t, s, "events"), count(t, s, "pending"); events != 4 || pending != 4 {
		t.Errorf("%d events and %d pending, want 4 of each", events, pending)
	}
}

// TestEventsHandedOverTogetherReadBackAsTheyWere holds a batch to what one event
// by itself is stored as.
func TestEventsHandedOverTogetherReadBackAsTheyWere(t *testing.T) {
	s := openStore(t)
	var sent []model.Event
	for n := range 20 {
		e := eventOf("laptop-1", n, "pupil.one", event.Low+event.Severity(n%4))
		e.Late, e.Rule, e.Category = n%2 == 0, fmt.Sprint("rule-", n), fmt.Sprint("category-", n)
		e.Received = e.Received.Add(time.Duration(n) * time.Second)
		sent = append(sent, e)
	}
	add(t, s, sent[:len(sent)-1]...)
	add(t, s, sent[len(sent)-1])
	addPupil(t, s, "pupil.one")
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	got, err := s.EventsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	if len(got) != len(sent) {
		t.Fatalf("%d events read, want %d", len(got), len(sent))
	}
	for i := range sent {
		want := sent[i]
		want.Subject, want.Digest = got[i].Subject, got[i].Digest
		if fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want) {
			t.Errorf("event %d was read as\n%+v, want\n%+v", i, got[i], want)
		}
	}
}
