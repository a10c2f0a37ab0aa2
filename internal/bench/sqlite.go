package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// rawSQLite is the limit: the bytes of one event a row, streams rows a
// transaction, in a database set as the collector's, with nothing around it.
func rawSQLite(ctx context.Context, path string) (rate float64, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE rows (device TEXT NOT NULL, id BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (device, id))`); err != nil {
		return 0, err
	}
	began, n := time.Now(), 0
	for time.Since(began) < long {
		if err := rawTransaction(ctx, db, n); err != nil {
			return 0, err
		}
		n += streams
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func rawTransaction(ctx context.Context, db *sql.DB, from int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	insert, err := tx.PrepareContext(ctx, `INSERT INTO rows (device, id, body) VALUES ($1, $2, $3)`)
	if err != nil {
		return err
	}
	for i := range streams {
		body := record(3, i)
		if _, err := insert.ExecContext(ctx, pupil(i), []byte{byte(from >> 24), byte(from >> 16), byte(from >> 8), byte(from), byte(i)}, body); err != nil {
			return err
		}
	}
	return tx.Commit()
}
