package alert

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const (
	// gatherRows is how many events one transaction gathers at most; the store takes
	// fewer where they would keep ingest and the job queue waiting.
	gatherRows = 800
	// gatherPoll finds what a wake-up missed: what was pending at start, and
	// what another process put there.
	gatherPoll = time.Second
	// After each transaction the gatherer leaves the write connection to ingest
	// for gatherRest times as long as it took: under a flood of events it is
	// more urgent that they are on disk than that the five hundredth of one
	// child is linked to its alert. A single event costs some milliseconds, so
	// an alert on a quiet day is not noticeably later.
	gatherRest    = 3
	gatherRestMax = 200 * time.Millisecond
)

// GatherStore is where events wait and alerts are kept.
type GatherStore interface {
	GatherOnce(ctx context.Context, school model.SchoolID, now time.Time, limit int,
		insertJobs func(ctx context.Context, tx *sql.Tx, school model.SchoolID, severity event.Severity, notificationIDs []string) error) (int, error)
}

// Gatherer gathers a school's events into alerts, as soon as they are stored.
type Gatherer struct {
	store  GatherStore
	jobs   *Jobs
	school model.SchoolID
	now    func() time.Time
	logger *slog.Logger
	wake   chan struct{} // has room for one: to be woken twice is to be woken
}

// NewGatherer makes a Gatherer that puts its jobs into a queue.
func NewGatherer(store GatherStore, jobs *Jobs, school model.SchoolID, now func() time.Time, logger *slog.Logger) *Gatherer {
	return &Gatherer{store: store, jobs: jobs, school: school, now: now, logger: logger, wake: make(chan struct{}, 1)}
}

// Wake says that something waits. It never blocks.
func (g *Gatherer) Wake() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Run gathers until ctx ends.
func (g *Gatherer) Run(ctx context.Context) error {
	ticker := time.NewTicker(gatherPoll)
	defer ticker.Stop()
	for {
		g.gatherAll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-g.wake:
		case <-ticker.C:
		}
	}
}

// gatherAll gathers until nothing waits. What fails is left for the next poll.
func (g *Gatherer) gatherAll(ctx context.Context) {
	for ctx.Err() == nil {
		began := g.now()
		n, err := g.store.GatherOnce(ctx, g.school, began, gatherRows, g.jobs.Insert)
		if err != nil {
			if ctx.Err() == nil {
				g.logger.LogAttrs(ctx, slog.LevelError, "gathering alerts failed", slog.Any("error", err))
			}
			return
		}
		if n == 0 {
			return
		}
		g.rest(ctx, g.now().Sub(began))
	}
}

// rest waits after a transaction that took so long.
func (g *Gatherer) rest(ctx context.Context, took time.Duration) {
	wait := time.NewTimer(min(gatherRest*max(took, 0), gatherRestMax))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}
