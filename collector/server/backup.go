package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"safelight/collector/admin"
	"safelight/collector/backup"
	"safelight/collector/store"
	"safelight/internal/version"
)

// errBackupUnderWay keeps two backups from each other's snapshots.
var errBackupUnderWay = errors.New("a backup is under way: wait until it is done")

// backups takes snapshots of one state folder, one at a time.
type backups struct {
	dir  string
	conf StoreConfig
	now  func() time.Time
	one  chan struct{} // holds one token while a backup is under way
}

func newBackups(s *state, conf StoreConfig, now func() time.Time) *backups {
	return &backups{dir: s.dir, conf: conf, now: now, one: make(chan struct{}, 1)}
}

// prepare takes the snapshot of a backup for the admin socket.
func (b *backups) prepare(ctx context.Context, reader string) (admin.PreparedBackup, error) {
	if b.conf.Postgres.URL != "" {
		return nil, errors.New("backing up: this collector keeps its store in PostgreSQL, which `backup` does not copy: use pg_dump for the database, and copy the state folder " + b.dir)
	}
	key, err := backup.ParseReader(reader)
	if err != nil {
		return nil, fmt.Errorf("backing up: %w", err)
	}
	select {
	case b.one <- struct{}{}:
	default:
		return nil, fmt.Errorf("backing up: %w", errBackupUnderWay)
	}
	p, err := b.take(ctx, key)
	if err != nil {
		<-b.one
		return nil, fmt.Errorf("backing up: %w", err)
	}
	return &oneBackup{p, b}, nil
}

func (b *backups) take(ctx context.Context, key backup.Reader) (*backup.Prepared, error) {
	database := databaseFile(b.dir, b.conf)
	return backup.Prepare(ctx, backup.Source{
		Dir: b.dir, Database: database, Rows: store.CountRows, Now: b.now, Version: version.Version,
		Snapshot: func(ctx context.Context, to string) error { return store.Snapshot(ctx, database, to) },
	}, key)
}

// oneBackup lets the next one begin once it is closed.
type oneBackup struct {
	*backup.Prepared
	of *backups
}

func (o *oneBackup) Close() error {
	defer func() { <-o.of.one }()
	return o.Prepared.Close()
}

// databaseFile is where the embedded store lies.
func databaseFile(dir string, conf StoreConfig) string {
	if filepath.IsAbs(conf.SQLite.Path) {
		return conf.SQLite.Path
	}
	return filepath.Join(dir, conf.SQLite.Path)
}
