package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"

	"safelight/internal/event"
)

// rawSQLite is the limit: the bytes of one event a row, so many rows a
// transaction, in a database set as the collector's, with nothing around it.
func rawSQLite(ctx context.Context, path string, group int) (rate float64, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE rows (device TEXT NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (device, id))`); err != nil {
		return 0, err
	}
	body := record(event.High, 1)
	began, n := time.Now(), 0
	for time.Since(began) < long {
		if err := rawTransaction(ctx, db, n, group, body); err != nil {
			return 0, err
		}
		n += group
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func rawTransaction(ctx context.Context, db *sql.DB, from, group int, body []byte) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	insert, err := tx.PrepareContext(ctx, `INSERT INTO rows (device, id, body) VALUES ($1, $2, $3)`)
	if err != nil {
		return err
	}
	for i := range group {
		if _, err := insert.ExecContext(ctx, pupil(i%streams), binary.BigEndian.AppendUint64(nil, uint64(from+i)), body); err != nil {
			return err
		}
	}
	return tx.Commit()
}
