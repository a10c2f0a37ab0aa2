package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// On SQLite a commit is written to a log beside the database, and what is in the
// log has to be taken over into the database now and then. Were that left to the
// writing connection it would do it within somebody's commit: some megabytes
// written all over the file, and synced, while everybody waits. So a connection
// of its own does it, which holds nobody up, and the writing connection takes
// over only the little that came in meanwhile: as nothing is then left in the log,
// the next commit begins it anew.
//
//	log:  |====================|---|
//	       the keeper's own     the writing connection's
const (
	// tendEvery is how often the log is taken over.
	tendEvery = time.Second
	// logPages is from how many pages on the log is to begin anew: 32 MiB.
	logPages = 8 << 10
	// logPagesAlone is from how many on the writing connection does all of it by
	// itself, should nobody else.
	logPagesAlone = 64 << 10
)

// keeper takes the log over.
type keeper struct {
	own    *sql.DB // one connection
	writer *sql.DB
	every  time.Duration
	pages  int64

	one    sync.Mutex // one takes over at a time: another one is refused, not let wait
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

func startKeeper(own, writer *sql.DB, every time.Duration, pages int64) *keeper {
	own.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{own: own, writer: writer, every: every, pages: pages, cancel: cancel}
	k.ended.Go(func() { k.run(ctx) })
	return k
}

func (k *keeper) stop() error {
	if k == nil {
		return nil
	}
	k.cancel()
	k.ended.Wait()
	return k.own.Close()
}

func (k *keeper) run(ctx context.Context) {
	ticker := time.NewTicker(k.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// What fails is tried again; should it fail for long the writing
			// connection does it.
			_ = k.tend(ctx)
		}
	}
}

func (k *keeper) tend(ctx context.Context) error {
	k.one.Lock()
	defer k.one.Unlock()
	log, err := takeOver(ctx, k.own)
	if err != nil || log < k.pages {
		return err
	}
	_, err = takeOver(ctx, k.writer)
	return err
}

// empty takes all of the log over and leaves nothing in it.
func (k *keeper) empty(ctx context.Context) error {
	k.one.Lock()
	defer k.one.Unlock()
	_, err := k.writer.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// takeOver takes over what is in the log and no reader still needs, and says how
// many pages the log has.
func takeOver(ctx context.Context, db *sql.DB) (pages int64, err error) {
	var busy, taken int64
	err = db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &pages, &taken)
	if errors.Is(err, context.Canceled) {
		return 0, nil
	}
	return pages, err
}
