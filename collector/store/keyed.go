package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// keyedTables are little more than their keys. SQLite keeps a table apart from
// its key, each row twice, unless it is told to keep both as one
// (https://www.sqlite.org/withoutrowid.html): these are written, and one of them
// emptied, with every event. PostgreSQL has no such choice, so that it does not
// stand in the schema.
var keyedTables = []string{"pending", "alert_events"}

const keyed = " WITHOUT ROWID"

// keepKeyed has the keyed tables kept as one with their keys.
func keepKeyed(ctx context.Context, db *sql.DB) error {
	for _, table := range keyedTables {
		if err := writeOnce(ctx, db, func(tx *sql.Tx) error { return keepOneKeyed(ctx, tx, table) }); err != nil {
			return fmt.Errorf("keeping the table %s as one with its key: %w", table, err)
		}
	}
	return nil
}

// keepOneKeyed copies a table, once in a store's life.
func keepOneKeyed(ctx context.Context, tx *sql.Tx, table string) error {
	var text string
	if err := tx.QueryRowContext(ctx, `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1`, table).Scan(&text); err != nil {
		return err
	}
	if strings.HasSuffix(text, keyed) {
		return nil
	}
	for _, query := range []string{
		strings.Replace(text, "CREATE TABLE "+table, "CREATE TABLE "+table+"_keyed", 1) + keyed,
		fmt.Sprintf(`INSERT INTO %s_keyed SELECT * FROM %[1]s`, table),
		`DROP TABLE ` + table,
		`ALTER TABLE ` + table + `_keyed RENAME TO ` + table,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}
