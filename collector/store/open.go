package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"safelight/collector/seal"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// readers is how many connections read at once: a few, since reading competes
// with writing for the same disk and cores.
const readers = 4

// Option changes how a store is opened.
type Option func(*options)

type options struct {
	now     func() time.Time
	keys    string
	keyring *Keyring
	grace   time.Duration
}

// WithClock sets the clock that dates migrations.
func WithClock(now func() time.Time) Option {
	return func(o *options) { o.now = now }
}

// WithKeys says where sealing.key lies, for a store that is no file beside it.
func WithKeys(path string) Option {
	return func(o *options) { o.keys = path }
}

// WithKeyring opens a restored store, for which there is no sealing.key: one is
// begun, and whoever is not in the keyring counts as erased.
func WithKeyring(k *Keyring) Option {
	return func(o *options) { o.keyring = k }
}

// Open opens the store at location: a file's path for SQLite, which is made where
// it is missing, or the URL of a PostgreSQL database. It brings the schema up to
// date. A store that a newer program has written is refused with a *NewerError
// and left as it was. What it seals with lies in sealing.key, which is read, or
// made, beside a file's path or where WithKeys says.
func Open(ctx context.Context, location string, opts ...Option) (*Store, error) {
	o := options{now: time.Now, grace: sharedGrace}
	for _, opt := range opts {
		opt(&o)
	}
	s, err := open(ctx, location, o)
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", shown(location), err)
	}
	return s, nil
}

func open(ctx context.Context, location string, o options) (_ *Store, err error) {
	d := dialectOf(location)
	if o.keys == "" {
		if IsURL(location) {
			return nil, errors.New("it is not said where sealing.key lies")
		}
		o.keys = filepath.Join(filepath.Dir(location), seal.FileName)
	}
	keys, err := seal.OpenFile(o.keys)
	if err != nil {
		return nil, err
	}
	writer, reader, err := d.open(location)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, writer.Close(), reader.Close())
		}
	}()
	// Collectors that start together, or one after another in a rolling
	// restart, migrate one at a time.
	err = d.alone(ctx, writer, "migrating", func() error {
		if err := migrate(ctx, writer, o.now()); err != nil {
			return err
		}
		if err := d.settle(ctx, writer); err != nil {
			return err
		}
		return migrateJobs(ctx, d.queue(writer))
	})
	if err != nil {
		return nil, err
	}
	prepared, err := prepare(ctx, d, writer)
	if err != nil {
		return nil, err
	}
	turns, err := readTurns(ctx, writer)
	if err != nil {
		return nil, fmt.Errorf("reading what is pending: %w", err)
	}
	s := &Store{
		dialect:  d,
		writer:   writer,
		reader:   reader,
		hot:      prepared,
		turns:    turns,
		bite:     &bite{rows: firstBite},
		sealing:  newSealing(keys, o.grace),
		now:      o.now,
		subjects: make(map[subjectKey]foundSubject),
	}
	s.sealing.keyring = o.keyring
	if s.keeper, err = d.keep(location, writer); err != nil {
		prepared.close()
		return nil, fmt.Errorf("preparing to keep its log short: %w", err)
	}
	if err := s.sealOld(ctx); err != nil {
		prepared.close()
		return nil, errors.Join(err, s.keeper.stop())
	}
	return s, nil
}

func openSQLite(path string) (writer, reader *sql.DB, err error) {
	if err := makeOwnerOnly(path); err != nil {
		return nil, nil, err
	}
	writer, err = openHanding(dsn(path, url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", fmt.Sprintf("wal_autocheckpoint(%d)", logPagesAlone), "temp_store(MEMORY)", "cache_size(-32768)"},
		"_txlock": {"immediate"},
	}))
	if err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	reader, err = sql.Open("sqlite", dsn(path, url.Values{
		"mode":    {"ro"},
		"_pragma": {"busy_timeout(5000)", "query_only(ON)"},
	}))
	if err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	return writer, reader, nil
}

// keepSQLite takes over the log, beside the writing connection.
func keepSQLite(path string, writer *sql.DB) (*keeper, error) {
	own, err := sql.Open("sqlite", dsn(path, url.Values{"_pragma": {"busy_timeout(5000)", "synchronous(FULL)", "wal_autocheckpoint(0)"}}))
	if err != nil {
		return nil, err
	}
	return startKeeper(own, writer, tendEvery, logPages), nil
}

func dsn(path string, query url.Values) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	return u.String()
}

// makeOwnerOnly makes an empty file before the database does, so that the
// store, and the log beside it that takes over its mode, are never readable by
// others, not for a moment.
func makeOwnerOnly(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("making its file: %w", err)
	}
	return f.Close()
}
