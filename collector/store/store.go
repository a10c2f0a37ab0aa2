package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"safelight/collector/model"
)

// ErrNotFound is returned for what does not exist, and in the very same form
// for what the asking person may not see.
var ErrNotFound = model.ErrNotFound

// Store is a collector's memory. Its methods may be called concurrently.
type Store struct {
	dialect *dialect
	writer  *sql.DB // on SQLite exactly one connection
	reader  *sql.DB // read-only
	hot     *hot
	turns   *turns
	bite    *bite
	keeper  *keeper // nil where the server keeps its own log
	sealing *sealing
	now     func() time.Time // dates migrations and epochs
	old     sealingOld

	unreadable atomic.Uint64 // events that could not be opened, when they were read

	// mu guards everything declared below.
	mu       sync.Mutex
	subjects map[subjectKey]foundSubject // committed ones only
	swept    int                         // how often subjects were removed
}

// DB is the write pool, on SQLite of one connection, for the job queue, which must
// share it. Nobody else uses it.
func (s *Store) DB() *sql.DB { return s.writer }

// Shared says whether other collectors may be at work on the same database.
func (s *Store) Shared() bool { return s.dialect.shared }

// Close ends both pools.
func (s *Store) Close() error {
	s.stopSealingOld()
	err := s.keeper.stop()
	s.hot.close()
	return errors.Join(err, s.reader.Close(), s.writer.Close())
}

// writeTries is how often a transaction that met another one is tried in all.
const writeTries = 5

// write runs f in a transaction. What f returns as an error undoes everything.
// Where several collectors write, f may be run again from the beginning.
func (s *Store) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	return s.again(func() error { return writeOnce(ctx, s.writer, f) })
}

// again repeats a transaction that met another one.
func (s *Store) again(transaction func() error) error {
	for try := 1; ; try++ {
		err := transaction()
		if err == nil || try == writeTries || !s.dialect.again(err) {
			return err
		}
	}
}

// beginner is a pool, or one of its connections.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

func writeOnce(ctx context.Context, db beginner, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning transaction: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, undo(tx))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func undo(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("rolling back: %w", err)
	}
	return nil
}

// querier is what a transaction and the read pool have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scanner is a row, or the one a set of rows stands at.
type scanner interface{ Scan(dest ...any) error }

// collect reads every row of a query with scan.
func collect[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return drain(rows, scan)
}

// drain reads and closes rows.
func drain[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// missing turns the database's word for "no such row" into ErrNotFound.
func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// changedOne says ErrNotFound where a statement changed nothing.
func changedOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// micros is how a time is stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reads what micros stored.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// flag is how a truth is stored.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// blob keeps an empty value from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
