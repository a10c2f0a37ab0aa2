package alert

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/goleak"

	"safelight/collector/alert/notify"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("hill-lane")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// notifyFunc is a Notifier made of one func.
type notifyFunc func(ctx context.Context, school model.SchoolID, id string) error

func (f notifyFunc) Notify(ctx context.Context, school model.SchoolID, id string) error {
	return f(ctx, school, id)
}

func openStore(t testing.TB, path string, opts ...store.Option) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, opts...)
	must(t, err)
	t.Cleanup(func() { s.Close() }) // after what runs on it has been stopped
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: time.Now()}))
	return s
}

// people adds a DSL and a pupil.
func people(t testing.TB, s *store.Store) {
	t.Helper()
	must(t, s.AddUser(t.Context(), model.User{School: school, ID: "dsl", Name: "Invented", Email: "dsl@school.example", Duty: model.DutyDSL, Trial: true}))
	_, err := s.ImportRoster(t.Context(), school, "roster.csv", []model.Person{{Account: "pupil1", Name: "Invented", Role: model.RolePupil}}, time.Now())
	must(t, err)
}

func add(t testing.TB, s *store.Store, n int, severity event.Severity, category string) {
	t.Helper()
	e := model.Event{
		School: school, Device: "dev-1", Place: model.Place{SpoolEpoch: []byte("e"), Lane: severity, Seq: uint64(n)}, Digest: []byte{byte(n)},
		Observed: time.Now(), Received: time.Now(), Kind: event.Domain, Name: "example.test", Via: event.ViaTLS, Account: "pupil1",
		Rule: "r", Category: category, Severity: severity, Match: "canary-words",
	}
	binary.BigEndian.PutUint64(e.ID[8:], uint64(n))
	_, err := s.AppendRecords(t.Context(), school, model.Batch{Events: []model.Event{e}})
	must(t, err)
}

func newJobs(t testing.TB, s *store.Store, n Notifier) *Jobs {
	t.Helper()
	j, err := NewJobs(JobOptions{DB: s.DB(), Shared: s.Shared(), Store: s, Notifier: n, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	return j
}

// run runs parts until the returned stop is called.
func run(t testing.TB, parts ...func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, part := range parts {
		all.Go(func() {
			if err := part(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func await[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func TestStoredEventIsTold(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "safelight.db"))
	people(t, s)
	told := make(chan string, 8)
	jobs := newJobs(t, s, notifyFunc(func(ctx context.Context, school model.SchoolID, id string) error {
		must(t, s.NotificationAccepted(ctx, school, id, time.Now()))
		told <- id
		return nil
	}))
	g := NewGatherer(s, jobs, school, time.Now, slog.New(slog.DiscardHandler))
	stop := run(t, jobs.Run, g.Run)
	add(t, s, 1, event.Urgent, "self-harm")
	g.Wake()
	await(t, "the telling", told)
	stop()
	all, err := s.Alerts(t.Context(), school, time.Time{})
	must(t, err)
	ns, err := s.Notifications(t.Context(), school, all[0].Ref)
	must(t, err)
	if len(all) != 1 || len(ns) != 1 || len(told) != 0 {
		t.Fatalf("alerts = %d, notifications = %d", len(all), len(ns))
	}
	if delay, ok := model.Delay(all[0], ns); !ok || delay <= 0 || delay > time.Minute {
		t.Errorf("delay = %s, %t", delay, ok)
	}
}

func TestWhatWasPendingAtStartIsTold(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "safelight.db"))
	people(t, s)
	add(t, s, 1, event.High, "gambling")
	told := make(chan string, 8)
	jobs := newJobs(t, s, notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error { told <- id; return nil }))
	run(t, jobs.Run, NewGatherer(s, jobs, school, time.Now, slog.New(slog.DiscardHandler)).Run)
	await(t, "the telling", told)
}

func TestPollFindsWhatAWakeUpMissed(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "safelight.db"))
	people(t, s)
	told := make(chan string, 8)
	jobs := newJobs(t, s, notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error { told <- id; return nil }))
	run(t, jobs.Run, NewGatherer(s, jobs, school, time.Now, slog.New(slog.DiscardHandler)).Run)
	add(t, s, 1, event.High, "gambling") // and nobody says so
	await(t, "the telling", told)
}

func TestJobInterruptedByAKillIsTakenUpAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "safelight.db")
	s := openStore(t, path)
	people(t, s)
	jobs := newJobs(t, s, notifyFunc(func(context.Context, model.SchoolID, string) error { return nil }))
	add(t, s, 1, event.Urgent, "self-harm")
	_, err := s.GatherOnce(t.Context(), school, time.Now(), 10, jobs.Insert)
	must(t, err)
	// As a process killed in the midst of the job leaves it.
	_, err = s.DB().Exec(`UPDATE river_job SET state = 'running', attempt = 1, attempted_at = created_at`)
	must(t, err)
	must(t, s.Close())

	s = openStore(t, path)
	told := make(chan string, 8)
	again := newJobs(t, s, notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error { told <- id; return nil }))
	begin := time.Now()
	run(t, again.Run)
	await(t, "the telling", told)
	if took := time.Since(begin); took > rescueAfter/2 {
		t.Errorf("taken up after %s, want at once", took)
	}
}

func TestJobsHoldReferencesOnly(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "safelight.db"))
	people(t, s)
	failed := make(chan string, 8)
	jobs := newJobs(t, s, notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error {
		failed <- id
		return errors.New("550 no such user dsl@school.example")
	}))
	add(t, s, 1, event.Urgent, "self-harm")
	stop := run(t, jobs.Run, NewGatherer(s, jobs, school, time.Now, slog.New(slog.DiscardHandler)).Run)
	await(t, "the failing telling", failed)
	stop() // waits until the failure is written
	rows, err := s.DB().Query(`SELECT kind, args, COALESCE(errors, ''), metadata, tags, queue FROM river_job`)
	must(t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
		var columns [6]string
		must(t, rows.Scan(&columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5]))
		row := strings.Join(columns[:], " ")
		if !strings.Contains(columns[2], errNotTold.Error()) {
			t.Errorf("the failure is not in the row: %s", row)
		}
		for _, canary := range []string{"pupil1", "Invented", "dsl@school.example", "canary-words", "example.test", "self-harm"} {
			if strings.Contains(row, canary) {
				t.Errorf("a job's row holds %q: %s", canary, row)
			}
		}
	}
	must(t, rows.Err())
	if n != 1 {
		t.Errorf("jobs = %d, want 1", n)
	}
}

func TestNeverAJobPerEvent(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "safelight.db"))
	people(t, s)
	jobs := newJobs(t, s, notifyFunc(func(context.Context, model.SchoolID, string) error { return nil }))
	for n := range 300 {
		add(t, s, n, event.High, "gambling")
	}
	for {
		n, err := s.GatherOnce(t.Context(), school, time.Now(), 50, jobs.Insert)
		must(t, err)
		if n == 0 {
			break
		}
	}
	var n int
	must(t, s.DB().QueryRow(`SELECT COUNT(*) FROM river_job`).Scan(&n))
	if n != 1 {
		t.Errorf("%d jobs for 300 events of one alert, want 1", n)
	}
}

func TestUrgentHasAQueueOfItsOwn(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "safelight.db"))
	jobs := newJobs(t, s, notifyFunc(func(context.Context, model.SchoolID, string) error { return nil }))
	tx, err := s.DB().Begin()
	must(t, err)
	must(t, jobs.Insert(t.Context(), tx, school, event.Urgent, []string{"a"}))
	must(t, jobs.Insert(t.Context(), tx, school, event.High, []string{"b"}))
	must(t, jobs.Insert(t.Context(), tx, school, event.High, nil))
	must(t, tx.Commit())
	var queues string
	must(t, s.DB().QueryRow(`SELECT GROUP_CONCAT(queue) FROM (SELECT queue FROM river_job ORDER BY id)`).Scan(&queues))
	if queues != "urgent,bulk" {
		t.Errorf("queues = %s", queues)
	}
}

// failures is a FailureStore that remembers.
type failures struct {
	noted []string
	err   error
}

func (f *failures) NotificationFailed(_ context.Context, _ model.SchoolID, id string, _ time.Time, _ string) error {
	f.noted = append(f.noted, id)
	return f.err
}

func TestTellingIsTriedForADayAndThenVisiblyFailed(t *testing.T) {
	created := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	now := created
	var tries int
	noted := &failures{}
	w := &worker{store: noted, now: func() time.Time { return now }, notifier: notifyFunc(func(context.Context, model.SchoolID, string) error {
		tries++
		if tries == 3 {
			panic("even so")
		}
		return &notify.Error{Doing: "reaching the mail server"}
	})}
	row := &rivertype.JobRow{CreatedAt: created, MaxAttempts: maxAttempts}
	var over bool
	for !over {
		row.Attempt++
		err := w.Work(t.Context(), &river.Job[notifyRecipient]{JobRow: row, Args: notifyRecipient{School: school, NotificationID: "n"}})
		var cancelled *river.JobCancelError
		over = errors.As(err, &cancelled)
		if !over {
			if !errors.Is(err, errNotTold) || len(noted.noted) != 0 {
				t.Fatalf("try %d: %v, noted %v", row.Attempt, err, noted.noted)
			}
			now = (retryPolicy{w.now}).NextRetry(row)
		}
		if row.Attempt > 200 {
			t.Fatal("tried for ever")
		}
	}
	if len(noted.noted) != 1 || noted.noted[0] != "n" {
		t.Errorf("noted as failed: %v", noted.noted)
	}
	if tried := now.Sub(created); tried < 23*time.Hour || tried > notify.GiveUpAfter || tries < 50 {
		t.Errorf("gave up after %s and %d tries, want about a day", tried, tries)
	}
}

func TestHopelessTellingIsNotRepeated(t *testing.T) {
	for name, err := range map[string]error{
		"gone":     model.ErrNotFound,
		"given up": &notify.Error{GiveUp: true},
	} {
		noted := &failures{}
		w := &worker{store: noted, now: time.Now, notifier: notifyFunc(func(context.Context, model.SchoolID, string) error { return err })}
		got := w.Work(t.Context(), &river.Job[notifyRecipient]{JobRow: &rivertype.JobRow{CreatedAt: time.Now(), Attempt: 1, MaxAttempts: maxAttempts}})
		var cancelled *river.JobCancelError
		if !errors.As(got, &cancelled) {
			t.Errorf("%s: %v, want the job to end", name, got)
		}
	}
}

func TestFailureThatCannotBeNotedIsNotedLater(t *testing.T) {
	noted := &failures{err: errors.New("disk full")}
	w := &worker{store: noted, now: time.Now, notifier: notifyFunc(func(context.Context, model.SchoolID, string) error { return errors.New("no") })}
	old := &rivertype.JobRow{CreatedAt: time.Now().Add(-25 * time.Hour), Attempt: 90, MaxAttempts: maxAttempts}
	err := w.Work(t.Context(), &river.Job[notifyRecipient]{JobRow: old})
	var cancelled *river.JobCancelError
	if err == nil || errors.As(err, &cancelled) {
		t.Errorf("error = %v, want one that is tried again", err)
	}
}

// gatherFunc is a GatherStore made of one func.
type gatherFunc func() (int, error)

func (f gatherFunc) GatherOnce(context.Context, model.SchoolID, time.Time, int,
	func(context.Context, *sql.Tx, model.SchoolID, event.Severity, []string) error,
) (int, error) {
	return f()
}
