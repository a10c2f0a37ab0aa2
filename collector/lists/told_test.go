package lists

import (
	"context"
	"database/sql"
	"encoding/binary"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// TestAHashThatMetAnotherNameTellsNobody goes the whole way: a list, two events
// that name it, the store, the gatherer.
func TestAHashThatMetAnotherNameTellsNobody(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", numbered(0, 5000))
	must(t, d.store.AddUser(t.Context(), model.User{School: school, ID: "dsl", Name: "Invented DSL", Email: "dsl@school.example", Duty: model.DutyDSL, Created: noon}))
	_, err := d.store.ImportRoster(t.Context(), school, "roster.csv", []model.Person{{Account: "p1", Name: "Invented Pupil", Role: model.RolePupil, Year: "9"}}, noon)
	must(t, err)
	var events []model.Event
	for i, host := range []string{"www.site00042.example", "innocent.example"} {
		e := model.Event{
			School: school, Device: "d1", Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.High, Seq: uint64(i + 1)}, Digest: []byte{byte(i)},
			Observed: noon, Received: noon, Kind: event.Domain, Name: host, Via: event.ViaTLS, Account: "p1",
			Rule: "gambling/list/bets", Category: "gambling", Severity: event.High, Match: host,
		}
		binary.BigEndian.PutUint64(e.ID[8:], uint64(i+1))
		e.Unlisted = d.Unlisted(t.Context(), &e)
		events = append(events, e)
	}
	_, err = d.store.AppendRecords(t.Context(), school, model.Batch{Events: events})
	must(t, err)
	told := 0
	insert := func(_ context.Context, _ *sql.Tx, _ model.SchoolID, _ event.Severity, ids []string) error {
		told += len(ids)
		return nil
	}
	for {
		n, err := d.store.GatherOnce(t.Context(), school, noon.Add(time.Second), 100, insert)
		must(t, err)
		if n == 0 {
			break
		}
	}
	alerts, err := d.store.Alerts(t.Context(), school, time.Time{})
	must(t, err)
	if len(alerts) != 1 || alerts[0].Events != 1 || told != 1 {
		t.Errorf("%d tellings, alerts %+v; want the listed site alone told", told, alerts)
	}
}
