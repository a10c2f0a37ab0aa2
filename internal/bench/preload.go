package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// preloaded is how many events stand in the store for the second measurement;
// BENCH_EVENTS sets another number (make acceptance: ten million).
func preloaded() (int, error) {
	text := os.Getenv("BENCH_EVENTS")
	if text == "" {
		return 1_000_000, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("BENCH_EVENTS %q: want a number of events", text)
	}
	return n, nil
}

// preload fills a collector's store, before it starts, with events that have
// been gathered: of a thousand devices over the last year, their ids in the order
// of time as devices make them, twenty to an alert. All of it is on disk when it
// returns, so that nobody measures the kernel still writing it.
func preload(ctx context.Context, path string, n int) (err error) {
	if n == 0 {
		return nil
	}
	// Nothing is to survive a crash here, and what lies scattered in the tables
	// is put together in memory.
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=locking_mode(EXCLUSIVE)&_pragma=cache_size(-4000000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(), synced(path)) }()
	db.SetMaxOpenConns(1)
	begin := time.Now().Add(-365 * 24 * time.Hour)
	apart := (360 * 24 * time.Hour) / time.Duration(n)
	for from := 0; from < n; from += preloadRows {
		for _, query := range []string{
			`INSERT INTO events (school_id, event_id, device, spool_epoch, seq, digest, observed, received, late, subject_id, severity, category, rule, body)
				SELECT 'school', id, 'device-' || (i % 1000), zeroblob(16), i, '', at, at, 0,
				'subject-' || (i % 1000), 3, 'numbered', 'numbered/flagged.example', $5 FROM numbers`,
			`INSERT INTO alert_events (school_id, ref, device, event_id)
				SELECT 'school', printf('%08X', (i / 20) * 2654435761 % 4294967296), 'device-' || (i % 1000), id FROM numbers WHERE $5 IS NOT NULL`,
		} {
			_, err := db.ExecContext(ctx, `WITH RECURSIVE counted (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM counted WHERE i + 1 < $2),
				numbers (i, at, id) AS (SELECT i, $3 + i * $4, unhex(printf('%012x7000%016x', ($3 + i * $4) / 1000, i)) FROM counted) `+query,
				from, min(from+preloadRows, n), begin.UnixMicro(), apart.Microseconds(), sealedBody())
			if err != nil {
				return fmt.Errorf("filling the store: %w", err)
			}
		}
	}
	// What is stored counts as sealed: it has the size, and nobody reads it.
	_, err = db.ExecContext(ctx, `INSERT INTO seal_progress (school_id, what, event_id, device, done) VALUES ('school', 'events', '', '', 1)`)
	return err
}

// sealedBody is as long as a typical event's is in the store.
func sealedBody() []byte {
	body := make([]byte, sealedBytes)
	for i := range body {
		body[i] = byte(i * 7)
	}
	return body
}

const sealedBytes = 500

// preloadRows is how many events one statement makes.
const preloadRows = 100_000

// synced waits until a file is on disk.
func synced(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
