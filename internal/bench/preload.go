package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"

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
// been gathered: by many devices, over a long time.
func preload(ctx context.Context, path string, n int) (err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	body := record(3, 1)
	const chunk = 100_000
	for from := 0; from < n; from += chunk {
		for _, query := range []string{
			`INSERT INTO events (school_id, event_id, device, spool_epoch, seq, digest, observed, received, late, subject_id, severity, category, rule, body)
				SELECT 'school', CAST(printf('%016d', i) AS BLOB), 'device-' || (i % 1000), x'00', i, randomblob(32), i * 1000000, i * 1000000, 0,
				'subject-' || (i % 1000), 3, 'numbered', 'numbered/flagged.example', $3 FROM numbers`,
			`INSERT INTO alert_events (school_id, ref, device, event_id)
				SELECT 'school', 'R' || (i * 7919 % 1000003 / 20), 'device-' || (i % 1000), CAST(printf('%016d', i) AS BLOB) FROM numbers WHERE $3 IS NOT NULL`,
		} {
			_, err := db.ExecContext(ctx, `WITH RECURSIVE numbers (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < $2) `+query,
				from, min(from+chunk, n), body)
			if err != nil {
				return fmt.Errorf("filling the store: %w", err)
			}
		}
	}
	return nil
}
