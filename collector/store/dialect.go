package store

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"safelight/collector/model"
)

// dialect is all in which the two databases differ. Every other statement is
// the same text on both.
type dialect struct {
	// shared says that other collectors may be at work on the same database.
	shared bool
	open   func(location string) (writer, reader *sql.DB, err error)
	// settle brings tables into the form in which the database keeps them best.
	settle func(ctx context.Context, writer *sql.DB) error
	// keep looks after the database's log while the store is open; nil where the
	// server does.
	keep func(location string, writer *sql.DB) (*keeper, error)
	// rows is what stands for handed rows in a statement; hand makes columns its
	// parameters, until done is called.
	rows func(kinds string, first int) string
	hand func(columns []any) (args []any, done func(), err error)
	// lazily runs f with a connection whose commits need not be on disk at once:
	// they are with the next one of anybody else's, and in their order.
	lazily func(ctx context.Context, writer *sql.DB, f func(db beginner) error) error
	// queue is the job queue's driver.
	queue func(*sql.DB) riverdriver.Driver[*sql.Tx]
	// taken says that a uniqueness was broken.
	taken func(error) bool
	// again says that a transaction met another one and may simply be repeated.
	again func(error) bool
	// alone runs f while no other collector runs one under the same name.
	alone func(ctx context.Context, db *sql.DB, name string, f func() error) error
	// aloneInTx keeps others out of the same name until the transaction ends.
	aloneInTx func(ctx context.Context, tx *sql.Tx, name string) error
}

// dialectOf tells a database server's URL from a path.
func dialectOf(location string) *dialect {
	if IsURL(location) {
		return &postgresDialect
	}
	return &sqliteDialect
}

// IsURL says whether a store's location is a PostgreSQL server's URL rather than
// a file's path.
func IsURL(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// CheckURL says what is wrong with a PostgreSQL server's URL, without repeating
// the password in it.
func CheckURL(location string) error {
	if !IsURL(location) {
		return errors.New("want postgres://user@host/database")
	}
	_, err := pgx.ParseConfig(location)
	return err
}

// shown is a location without its password.
func shown(location string) string {
	if !IsURL(location) {
		return location
	}
	u, err := url.Parse(location)
	if err != nil {
		return "on a PostgreSQL server"
	}
	return u.Redacted()
}

var sqliteDialect = dialect{
	open: openSQLite,
	keep: keepSQLite,

	settle: keepKeyed,
	rows:   selectHanded,
	hand:   handed.hand,

	lazily: lazilySQLite,
	queue:  func(db *sql.DB) riverdriver.Driver[*sql.Tx] { return riversqlite.New(db) },
	taken: func(err error) bool {
		var failure *sqlite.Error
		return errors.As(err, &failure) &&
			(failure.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || failure.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
	},
	// One connection writes: nobody is met, and nobody to be kept out.
	again:     func(error) bool { return false },
	alone:     func(_ context.Context, _ *sql.DB, _ string, f func() error) error { return f() },
	aloneInTx: func(context.Context, *sql.Tx, string) error { return nil },
}

var postgresDialect = dialect{
	shared: true,
	open:   openPostgres,
	settle: func(context.Context, *sql.DB) error { return nil },
	keep:   func(string, *sql.DB) (*keeper, error) { return nil, nil },
	rows:   unnest,
	hand:   handArrays,
	// Its commits wait for the disk beside each other and hold nobody up.
	lazily: func(_ context.Context, writer *sql.DB, f func(db beginner) error) error { return f(writer) },
	queue:  func(db *sql.DB) riverdriver.Driver[*sql.Tx] { return riverdatabasesql.New(db) },
	taken:  func(err error) bool { return pgCode(err) == "23505" },
	again: func(err error) bool {
		code := pgCode(err)
		return code == "40001" || code == "40P01" // cannot be serialised; deadlock
	},
	alone: func(ctx context.Context, db *sql.DB, name string, f func() error) (err error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lockKey(name)); err != nil {
			return err
		}
		defer func() {
			_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, lockKey(name))
			err = errors.Join(err, unlockErr)
		}()
		return f()
	},
	aloneInTx: func(ctx context.Context, tx *sql.Tx, name string) error {
		_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey(name))
		return err
	},
}

func pgCode(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

// lockKey turns a lock's name into the number that PostgreSQL wants.
func lockKey(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("safelight " + name))
	return int64(h.Sum64())
}

// gatherLock names the lock of those who gather a school's events: two at once
// would raise two alerts about one thing.
func gatherLock(school model.SchoolID) string { return "gathering " + string(school) }

// writers is how many connections of a collector write to PostgreSQL at once:
// ingest, the gatherer, the job queue's workers and what people do.
const writers = 12

func openPostgres(location string) (writer, reader *sql.DB, err error) {
	conf, err := pgx.ParseConfig(location)
	if err != nil {
		return nil, nil, err
	}
	if conf.ConnectTimeout == 0 {
		conf.ConnectTimeout = 10 * time.Second
	}
	// An acknowledged event is on the server's disk, whatever its own setting is.
	conf.RuntimeParams["synchronous_commit"] = "on"
	conf.RuntimeParams["application_name"] = "safelight-collector"
	conf.RuntimeParams["timezone"] = "UTC"
	// Who waited for a lock looks at what is there then, whatever the server's own
	// setting is (aloneInTx).
	conf.RuntimeParams["default_transaction_isolation"] = "read committed"
	read := conf.Copy()
	read.RuntimeParams["default_transaction_read_only"] = "on"
	writer, reader = stdlib.OpenDB(*conf), stdlib.OpenDB(*read)
	writer.SetMaxOpenConns(writers)
	writer.SetMaxIdleConns(writers)
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return writer, reader, nil
}
