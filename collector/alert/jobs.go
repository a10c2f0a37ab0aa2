package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"safelight/collector/model"
	"safelight/internal/event"
)

const (
	queueUrgent = "urgent"
	queueBulk   = "bulk"

	// jobTimeout and rescueAfter are far below the queue's own defaults, which
	// would hide a job for an hour after the process was killed in its midst.
	jobTimeout  = 20 * time.Second
	rescueAfter = 30 * time.Second
	pollEvery   = 50 * time.Millisecond
	// stopWithin is how long jobs in progress may take to end by themselves.
	stopWithin = 3 * time.Second
	// cancelWithin is how long they may take once they are told to; with
	// stopWithin it stays below the 5 s in which the service stops.
	cancelWithin = time.Second
)

// Notifier tells one recipient: it looks the notification up, tells them, and
// records that their channel accepted it. Telling twice must be harmless, for
// it may be killed between the two.
type Notifier interface {
	Notify(ctx context.Context, school model.SchoolID, notificationID string) error
}

// FailureStore is where a telling that was given up is noted.
type FailureStore interface {
	NotificationFailed(ctx context.Context, school model.SchoolID, id string, now time.Time, errText string) error
}

// JobOptions is what Jobs is made of.
type JobOptions struct {
	// DB is the store's write pool: on SQLite the queue shares its one
	// connection, for SQLite's own lock would starve a second one.
	DB *sql.DB
	// Shared says that other collectors may work the same queue: it is on
	// PostgreSQL.
	Shared   bool
	Store    FailureStore
	Notifier Notifier
	Now      func() time.Time
	Logger   *slog.Logger
}

// Jobs is the queue of tellings.
type Jobs struct {
	db     *sql.DB
	shared bool
	client *river.Client[*sql.Tx]
	news   *news
	logger *slog.Logger
}

// NewJobs makes the queue; Run works it.
func NewJobs(o JobOptions) (*Jobs, error) {
	workers := river.NewWorkers()
	err := river.AddWorkerSafely(workers, &worker{store: o.Store, notifier: o.Notifier, now: o.Now})
	if err != nil {
		return nil, fmt.Errorf("preparing the job queue: %w", err)
	}
	news := &news{now: o.Now}
	driver, reindex := driverOf(o, news)
	client, err := river.NewClient(driver, &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			queueUrgent: {MaxWorkers: 16},
			queueBulk:   {MaxWorkers: 8},
		},
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		FetchPollInterval:    pollEvery,
		FetchCooldown:        pollEvery / 5,
		MaxAttempts:          maxAttempts,
		RetryPolicy:          retryPolicy{o.Now},
		ReindexerSchedule:    reindex,
		Logger:               slog.New(quiet{o.Logger.Handler()}),
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the job queue: %w", err)
	}
	return &Jobs{db: o.DB, shared: o.Shared, client: client, news: news, logger: o.Logger}, nil
}

// driverOf chooses the queue's driver, and when its indexes are made anew: SQLite's
// need it never, PostgreSQL's by the queue's own schedule.
func driverOf(o JobOptions, news *news) (riverdriver.Driver[*sql.Tx], river.PeriodicSchedule) {
	if o.Shared {
		return riverdatabasesql.New(o.DB), nil
	}
	return sparing{riversqlite.New(o.DB), news}, river.NeverSchedule()
}

// Insert puts a job for each notification into the queue, in the transaction
// that made them. Urgent ones have a queue of their own, so that nothing else
// can be ahead of them.
func (j *Jobs) Insert(ctx context.Context, tx *sql.Tx, school model.SchoolID, severity event.Severity, notificationIDs []string) error {
	queue := queueBulk
	if severity == event.Urgent {
		queue = queueUrgent
	}
	jobs := make([]river.InsertManyParams, 0, len(notificationIDs))
	for _, id := range notificationIDs {
		jobs = append(jobs, river.InsertManyParams{
			Args:       notifyRecipient{School: school, NotificationID: id},
			InsertOpts: &river.InsertOpts{Queue: queue, MaxAttempts: maxAttempts},
		})
	}
	if len(jobs) == 0 {
		return nil
	}
	if _, err := j.client.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("inserting jobs: %w", err)
	}
	j.news.put(queue)
	return nil
}

// Run works the queue until ctx ends. On SQLite it takes this process for the
// only one that does. On PostgreSQL what is running may be another collector's:
// what a killed one left is found after rescueAfter.
func (j *Jobs) Run(ctx context.Context) error {
	if !j.shared {
		if err := j.putBackOrphans(ctx); err != nil {
			return err
		}
	}
	// The client's own context must outlive ctx for jobs to end by themselves.
	if err := j.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the job queue: %w", err)
	}
	<-ctx.Done()
	return j.stop()
}

func (j *Jobs) stop() error {
	gently, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := j.client.Stop(gently)
	if errors.Is(err, context.DeadlineExceeded) {
		hard, cancel := context.WithTimeout(context.Background(), cancelWithin)
		defer cancel()
		err = j.client.StopAndCancel(hard)
	}
	if err != nil {
		return fmt.Errorf("stopping the job queue: %w", err)
	}
	return nil
}

// putBackOrphans makes available at once what a killed process was working on;
// left to itself the queue would find out only after rescueAfter.
func (j *Jobs) putBackOrphans(ctx context.Context) error {
	result, err := j.db.ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`)
	if err != nil {
		return fmt.Errorf("putting back interrupted jobs: %w", err)
	}
	if n, err := result.RowsAffected(); err == nil && n > 0 {
		j.logger.LogAttrs(ctx, slog.LevelInfo, "put back interrupted jobs", slog.Int64("jobs", n))
	}
	return nil
}
