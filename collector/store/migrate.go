package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migration/*.sql
var migrationFiles embed.FS

// NewerError says that a newer program has written the store.
type NewerError struct {
	Found, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("its schema is at version %d and this program knows versions up to %d: start the newer collector that wrote it, or restore a backup made by this one", e.Found, e.Known)
}

type migration struct {
	version int
	name    string
	sql     string
}

// migrations reads the embedded files in order: 0001_first.sql is version 1.
// Numbers only grow; one may be left out, and may come later.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migration/*.sql")
	if err != nil {
		return nil, err
	}
	var all []migration
	last := 0
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migration/"), ".sql")
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil || version <= last || last == 0 && version != 1 {
			return nil, fmt.Errorf("migration %s: want a number after %04d", path, last)
		}
		last = version
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version: version, name: name, sql: string(text)})
	}
	return all, nil
}

const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
	version BIGINT NOT NULL,
	name TEXT NOT NULL,
	applied BIGINT NOT NULL,
	PRIMARY KEY (version)
)`

// migrate applies, each in a transaction of its own, what the store lacks.
func migrate(ctx context.Context, db *sql.DB, now time.Time) error {
	all, err := migrations(migrationFiles)
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	if _, err := db.ExecContext(ctx, createMigrations); err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	done, err := applied(ctx, db)
	if err != nil {
		return fmt.Errorf("reading its schema's version: %w", err)
	}
	known := all[len(all)-1].version
	for version := range done {
		if version > known {
			return &NewerError{Found: version, Known: known}
		}
	}
	for _, m := range all {
		if done[m.version] {
			continue
		}
		if err := apply(ctx, db, m, now); err != nil {
			return fmt.Errorf("applying migration %s: %w", m.name, err)
		}
	}
	return nil
}

// applied lists the migrations that the store has been through.
func applied(ctx context.Context, db *sql.DB) (map[int]bool, error) {
	rows, err := db.QueryContext(ctx, `SELECT version FROM migrations`)
	if err != nil {
		return nil, err
	}
	versions, err := drain(rows, func(row scanner) (int, error) {
		var v int
		return v, row.Scan(&v)
	})
	done := map[int]bool{}
	for _, v := range versions {
		done[v] = true
	}
	return done, err
}

func apply(ctx context.Context, db *sql.DB, m migration, now time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = undo(tx) }() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO migrations (version, name, applied) VALUES ($1, $2, $3)`,
		m.version, m.name, micros(now))
	if err != nil {
		return err
	}
	return tx.Commit()
}

// migrateJobs brings the job queue's own tables up to date. They keep their
// own version, and their statements their own clock.
func migrateJobs(ctx context.Context, driver riverdriver.Driver[*sql.Tx]) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("preparing the job queue's tables: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating the job queue's tables: %w", err)
	}
	return nil
}
