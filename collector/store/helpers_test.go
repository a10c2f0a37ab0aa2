package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("hill-lane")

// noon is when most tests happen.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// lies is where a store lies.
type lies struct{ location, keys string }

// locations says where each store that a test opened lies.
var locations sync.Map

func openStore(t testing.TB) *Store {
	t.Helper()
	where := location(t)
	keys := filepath.Join(t.TempDir(), seal.FileName)
	s, err := Open(t.Context(), where, WithKeys(keys))
	if err != nil {
		t.Fatal(err)
	}
	locations.Store(s, lies{where, keys})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventOf is event number n of a device, about an account, seen at noon.
func eventOf(device string, n int, account string, severity event.Severity) model.Event {
	e := model.Event{
		School: school, Device: device, Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: severity, Seq: uint64(n)},
		Observed: noon, Received: noon.Add(50 * time.Millisecond), Kind: event.Domain, Name: "example.test", Via: event.ViaTLS,
		Outcome: model.OutcomeConnected, Account: account, Rule: "gambling-sites", Category: "gambling", Severity: severity,
		Pack: "starter 1", Match: "example.test", Why: "a site on the list", Count: 1, PID: 7, Process: "browser",
	}
	binary.BigEndian.PutUint64(e.ID[8:], uint64(n))
	digest := sha256.Sum256([]byte(fmt.Sprint(device, n)))
	e.Digest = digest[:]
	return e
}

func add(t testing.TB, s *Store, events ...model.Event) []model.Stored {
	t.Helper()
	appended, err := s.AppendRecords(t.Context(), school, model.Batch{Events: events})
	must(t, err)
	return appended.Events
}

func addUser(t testing.TB, s *Store, id string, duty model.Duty, account string) model.User {
	t.Helper()
	u := model.User{School: school, ID: id, Name: "Invented " + id, Email: id + "@school.example", Duty: duty, Account: account, Trial: true, Created: noon}
	must(t, s.AddUser(t.Context(), u))
	u, err := s.UserByID(t.Context(), school, id)
	must(t, err)
	return u
}

func addPupil(t testing.TB, s *Store, accounts ...string) {
	t.Helper()
	var people []model.Person
	for _, account := range accounts {
		people = append(people, model.Person{Account: account, Name: "Pupil " + account, Role: model.RolePupil, Year: "9"})
	}
	_, err := s.ImportRoster(t.Context(), school, "roster.csv", people, noon)
	must(t, err)
}

// jobs remembers the jobs that gathering put into the queue.
type jobs struct {
	ids        []string
	severities []event.Severity
}

func (j *jobs) insert(_ context.Context, _ *sql.Tx, _ model.SchoolID, severity event.Severity, ids []string) error {
	j.ids = append(j.ids, ids...)
	j.severities = append(j.severities, severity)
	return nil
}

func gatherAll(t testing.TB, s *Store, j *jobs) {
	t.Helper()
	for {
		n, err := s.GatherOnce(t.Context(), school, noon.Add(time.Second), 100, j.insert)
		must(t, err)
		if n == 0 {
			return
		}
	}
}

func alerts(t testing.TB, s *Store) []model.Alert {
	t.Helper()
	all, err := s.Alerts(t.Context(), school, time.Time{})
	must(t, err)
	return all
}
