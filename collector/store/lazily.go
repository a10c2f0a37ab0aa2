package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// writeLazily is write for what can be made anew from what is on disk: it does
// not wait for the disk, so that those who do wait for a shorter time. Its
// transaction is there for everybody as soon as it is committed, outlives the
// process, and is on disk no later than any that write commits after it.
// Should the power fail before, it never was.
func (s *Store) writeLazily(ctx context.Context, f func(tx *sql.Tx) error) error {
	return s.again(func() error {
		return s.dialect.lazily(ctx, s.writer, func(db beginner) error { return writeOnce(ctx, db, f) })
	})
}

// lazilySQLite has the one writing connection not sync its log, for one
// transaction. A later commit's sync is of the whole log, and the log is synced
// before it is taken over (https://www.sqlite.org/pragma.html#pragma_synchronous),
// so nothing is ever on disk without what went before it.
func lazilySQLite(ctx context.Context, writer *sql.DB, f func(db beginner) error) (err error) {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("taking the writing connection: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	ctx = context.WithoutCancel(ctx)
	if _, err := conn.ExecContext(ctx, `PRAGMA synchronous = NORMAL`); err != nil {
		return fmt.Errorf("letting a commit wait for the disk: %w", err)
	}
	err = f(conn)
	if _, back := conn.ExecContext(ctx, `PRAGMA synchronous = FULL`); back != nil {
		// Nobody may go on with a connection that does not sync: another one is made.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		err = errors.Join(err, fmt.Errorf("having commits wait for the disk again: %w", back))
	}
	return err
}
