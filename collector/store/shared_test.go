package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

// second opens a test's store once more, as another collector would.
func second(t *testing.T, s *Store) *Store {
	t.Helper()
	if !onPostgres() {
		t.Skip("on a file there is one collector: see TestEverythingOnPostgreSQL")
	}
	return reopen(t, s)
}

func TestTwoCollectorsGatherEachEventOnce(t *testing.T) {
	one := openStore(t)
	two := second(t, one)
	addUser(t, one, "dsl", model.DutyDSL, "")
	accounts := []string{"pupil1", "pupil2", "pupil3", "pupil4", "pupil5"}
	addPupil(t, one, accounts...)
	const each = 400
	var told sync.Map
	var jobs atomic.Int64
	insert := func(_ context.Context, _ *sql.Tx, _ model.SchoolID, _ event.Severity, ids []string) error {
		for _, id := range ids {
			if _, again := told.LoadOrStore(id, true); !again {
				jobs.Add(1)
			}
		}
		return nil
	}
	var writing, gathering sync.WaitGroup
	written := make(chan struct{})
	for c, s := range []*Store{one, two} {
		writing.Go(func() {
			for from := 0; from < each; from += 20 {
				var events []model.Event
				for n := from; n < from+20; n++ {
					// New accounts too, in opposite orders: made by both at once.
					account := accounts[n%len(accounts)]
					if n%4 == 0 {
						account = fmt.Sprintf("new%d", from+(n-from)*(1-2*c)+19*c)
					}
					events = append(events, eventOf(fmt.Sprintf("dev-%d", c), n, account, event.High))
				}
				appended, err := s.AppendRecords(t.Context(), school, model.Batch{Events: events})
				if err != nil || slices.Contains(appended.Events, model.StoredDuplicate) {
					t.Errorf("%v %v", appended.Events, err)
				}
			}
		})
		gathering.Go(func() {
			for {
				over := false
				select {
				case <-written:
					over = true
				default:
				}
				n, err := s.GatherOnce(t.Context(), school, noon, 50, insert)
				if err != nil {
					t.Error(err)
					return
				}
				if over && n == 0 {
					return
				}
			}
		})
	}
	writing.Wait()
	close(written)
	gathering.Wait()
	events, pupils := 0, 0
	for _, a := range alerts(t, one) {
		events += a.Events
		if a.State == model.AlertOpen {
			pupils++
		}
	}
	if events != 2*each || pupils != len(accounts) {
		t.Errorf("%d events in alerts, want %d; %d open alerts, want %d", events, 2*each, pupils, len(accounts))
	}
	if links := count(t, one, "alert_events"); links != 2*each || count(t, one, "pending") != 0 {
		t.Errorf("%d events linked, want %d, and none pending", links, 2*each)
	}
	if n := count(t, one, "notifications"); n != len(accounts) {
		t.Errorf("%d tellings of %d alerts", n, len(accounts))
	}
}

func TestAlertTakenOnWhileItIsGatheredStaysTakenOn(t *testing.T) {
	s := openStore(t)
	other := second(t, s)
	addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High))
	gatherAll(t, s, &jobs{})
	ref := alerts(t, s)[0].Ref
	add(t, s, eventOf("dev-1", 2, "pupil1", event.High))
	// The row that is written last is the alert's own: hold the gatherer up by
	// somebody taking the alert on, who commits only once it waits for them.
	tx, err := other.writer.Begin()
	must(t, err)
	_, err = tx.Exec(`UPDATE alerts SET state = 'acknowledged', acknowledged = 1, acknowledged_by = 'dsl' WHERE ref = $1`, ref)
	must(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := s.GatherOnce(t.Context(), school, noon, 10, (&jobs{}).insert)
		done <- err
	}()
	for waiting := 0; waiting == 0; {
		must(t, s.reader.QueryRow(`SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE alerts%'`).Scan(&waiting))
	}
	must(t, tx.Commit())
	must(t, <-done)
	all := alerts(t, s)
	if len(all) != 2 {
		t.Fatalf("alerts = %+v, want the one taken on and a new one", all)
	}
	for _, a := range all {
		if want := a.Ref == ref; want != (a.State == model.AlertAcknowledged) || a.Events != 1 {
			t.Errorf("alert = %+v", a)
		}
	}
}
