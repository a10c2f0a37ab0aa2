package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// Snapshot writes the whole store in file from, which is open, as it is at one moment, into a new file that
// only its owner can read. It reads over a connection of its own and so never
// stands in the way of writing; until it is done the write-ahead log grows.
func Snapshot(ctx context.Context, from, to string) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copying the store: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("copying the store: %w", err)
	}
	db, err := sql.Open("sqlite", dsn(from, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)"}}))
	if err != nil {
		return fmt.Errorf("copying the store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, to); err != nil {
		return fmt.Errorf("copying the store: %w", err)
	}
	return nil
}

// CountRows checks that a file holds a sound database, and counts the rows of
// each of its tables. Nobody else may be writing to it. It is not migrated.
func CountRows(ctx context.Context, path string) (_ map[string]int64, err error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)"}}))
	if err != nil {
		return nil, fmt.Errorf("counting rows: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	var sound string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&sound); err != nil {
		return nil, fmt.Errorf("checking the database: %w", err)
	}
	if sound != "ok" {
		return nil, fmt.Errorf("checking the database: %s", sound)
	}
	tables, err := collect(ctx, db, func(row scanner) (name string, err error) { return name, row.Scan(&name) },
		`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	rows := make(map[string]int64, len(tables))
	for _, table := range tables {
		var n int64
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+quoted(table)).Scan(&n); err != nil {
			return nil, fmt.Errorf("counting %s: %w", table, err)
		}
		rows[table] = n
	}
	return rows, nil
}

func quoted(name string) string { return `"` + name + `"` }
