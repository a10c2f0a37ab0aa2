package alert

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
	"safelight/internal/pgtest"
)

// onPostgres opens one store twice, as two collectors do.
func onPostgres(t *testing.T) (one, two *store.Store) {
	t.Helper()
	server, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	url, err := server.Create(t.Context(), "queue", "")
	must(t, err)
	keys := store.WithKeys(filepath.Join(t.TempDir(), "sealing.key")) // copied to both
	one, two = openStore(t, url, keys), openStore(t, url, keys)
	people(t, one)
	return one, two
}

func TestTwoCollectorsTellOnce(t *testing.T) {
	one, two := onPostgres(t)
	told := make(chan string, 64)
	n := notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error { told <- id; return nil })
	var stops []func()
	for _, s := range []*store.Store{one, two} {
		jobs := newJobs(t, s, n)
		stops = append(stops, run(t, jobs.Run, NewGatherer(s, jobs, school, time.Now, slog.New(slog.DiscardHandler)).Run))
	}
	const categories = 20
	for i := range categories {
		add(t, []*store.Store{one, two}[i%2], i, event.Urgent, string(rune('a'+i))) // an alert each
	}
	seen := map[string]bool{}
	for range categories {
		id := await(t, "the tellings", told)
		if seen[id] {
			t.Errorf("%s was told twice", id)
		}
		seen[id] = true
	}
	for _, stop := range stops {
		stop() // what would be told a second time is told by now
	}
	if len(told) != 0 {
		t.Errorf("%d tellings too many", len(told))
	}
}

func TestStartingCollectorLeavesTheOthersJobsAlone(t *testing.T) {
	one, two := onPostgres(t)
	began, release := make(chan string, 8), make(chan struct{})
	var once sync.Once
	jobs := newJobs(t, one, notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error {
		began <- id
		<-release
		return nil
	}))
	run(t, jobs.Run, NewGatherer(one, jobs, school, time.Now, slog.New(slog.DiscardHandler)).Run)
	t.Cleanup(func() { once.Do(func() { close(release) }) })
	add(t, one, 1, event.Urgent, "self-harm")
	await(t, "the telling to begin", began)

	stolen := make(chan string, 8)
	thief := newJobs(t, two, notifyFunc(func(_ context.Context, _ model.SchoolID, id string) error { stolen <- id; return nil }))
	run(t, thief.Run)
	// A job of its own shows that it works the queue by now.
	add(t, two, 2, event.Urgent, "gambling")
	_, err := two.GatherOnce(t.Context(), school, time.Now(), 10, thief.Insert)
	must(t, err)
	select {
	case <-stolen:
	case <-began: // the first collector may take that one too
	case <-time.After(20 * time.Second):
		t.Fatal("nobody works the queue")
	}
	var attempts int
	must(t, two.DB().QueryRow(`SELECT MAX(attempt) FROM river_job`).Scan(&attempts))
	if attempts != 1 {
		t.Errorf("a job was begun %d times", attempts)
	}
	once.Do(func() { close(release) })
}
