package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	// emptyTries is how often emptying the log is tried, a tendEvery apart, before
	// whoever wants it empty is told that it is not.
	emptyTries = 20
)

// keeper takes the log over.
type keeper struct {
	own    *sql.DB // one connection
	writer *sql.DB
	every  time.Duration
	pause  time.Duration // between tries to empty the log
	pages  int64

	one    sync.Mutex // one takes over at a time: another one is refused, not let wait
	full   bool       // the log may hold pages that are to be forgotten; under one
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

func startKeeper(own, writer *sql.DB, every time.Duration, pages int64) *keeper {
	own.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{own: own, writer: writer, every: every, pause: every, pages: pages, cancel: cancel, full: true}
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
	if err != nil {
		return err
	}
	if k.full { // since a start, or since somebody asked in vain
		return k.truncate(ctx)
	}
	if log < k.pages {
		return nil
	}
	_, err = takeOver(ctx, k.writer)
	return err
}

// empty takes all of the log over and leaves nothing in it. While somebody reads
// what is in it that cannot be: it is tried again and again, by the keeper even
// after it was given up here.
func (k *keeper) empty(ctx context.Context) error {
	k.one.Lock()
	k.full = true
	k.one.Unlock()
	for try := 1; ; try++ {
		if err := k.tend(ctx); err != nil {
			return err
		}
		k.one.Lock()
		full := k.full
		k.one.Unlock()
		if !full {
			return nil
		}
		if try == emptyTries {
			return errors.New("former pages still lie in the log beside the database, since somebody keeps reading: it is tried again each second, and at the next start")
		}
		timer := time.NewTimer(k.pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// truncate empties the log if nobody reads what is in it, and waits for nobody:
// on the only writing connection everybody else would wait too.
func (k *keeper) truncate(ctx context.Context) (err error) {
	conn, err := k.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("emptying the log: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var patience, busy, pages, taken int64
	if err := conn.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&patience); err != nil {
		return fmt.Errorf("emptying the log: %w", err)
	}
	defer func() {
		_, back := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`PRAGMA busy_timeout = %d`, patience))
		err = errors.Join(err, back)
	}()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 0`); err != nil {
		return fmt.Errorf("emptying the log: %w", err)
	}
	err = conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &taken)
	if err != nil {
		return fmt.Errorf("emptying the log: %w", err)
	}
	k.full = busy != 0
	return nil
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
