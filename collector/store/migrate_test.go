package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"safelight/internal/pgtest"
)

// shape lists a database's own tables and indexes, as they were declared.
func shape(t *testing.T, db *sql.DB) string {
	t.Helper()
	if onPostgres() {
		return postgresShape(t, db)
	}
	rows, err := db.Query(`SELECT type, name, COALESCE(sql, '') FROM sqlite_master
		WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'river_%' AND name <> 'migrations' ORDER BY type, name`)
	must(t, err)
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var kind, name, text string
		must(t, rows.Scan(&kind, &name, &text))
		all.WriteString(kind + " " + name + ": " + strings.Join(strings.Fields(withoutComments(text)), " ") + "\n")
	}
	must(t, rows.Err())
	return all.String()
}

// postgresShape lists columns, indexes and constraints.
func postgresShape(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.Query(`SELECT what FROM (
		SELECT table_name AS t, table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS what
			FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT conrelid::regclass::text, conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			WHERE connamespace = 'public'::regnamespace
		) s WHERE t NOT LIKE 'river%' AND t <> 'migrations' ORDER BY what`)
	must(t, err)
	lines, err := drain(rows, func(row scanner) (line string, err error) { return line, row.Scan(&line) })
	must(t, err)
	return strings.Join(lines, "\n")
}

// empty opens a database with nothing in it.
func empty(t *testing.T) *sql.DB {
	t.Helper()
	where := filepath.Join(t.TempDir(), "declared.db")
	if onPostgres() {
		server, err := pgtest.At(os.Getenv(postgresEnv))
		must(t, err)
		where, err = server.Create(t.Context(), "declared", "")
		must(t, err)
	}
	db, reader, err := dialectOf(where).open(where)
	must(t, err)
	must(t, reader.Close())
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func TestMigratingEndsAtSchema(t *testing.T) {
	s := openStore(t)
	declared := empty(t)
	text, err := os.ReadFile("schema.sql")
	must(t, err)
	_, err = declared.Exec(string(text))
	must(t, err)
	must(t, s.dialect.settle(t.Context(), declared))
	if got, want := shape(t, s.reader), shape(t, declared); got != want || want == "" {
		t.Errorf("migrating ends at\n%s\nschema.sql says\n%s", got, want)
	}
}

func TestStoreOfANewerProgramIsRefusedAndLeftAlone(t *testing.T) {
	sqliteOnly(t)
	path := filepath.Join(t.TempDir(), "safelight.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	all, err := migrations(migrationFiles)
	must(t, err)
	known := all[len(all)-1].version
	_, err = s.writer.Exec(`INSERT INTO migrations (version, name, applied) VALUES (77, '0077_later', 0)`)
	must(t, err)
	must(t, s.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	_, err = Open(t.Context(), path)
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Found != 77 || newer.Known != known {
		t.Fatalf("error = %v, want a NewerError of 77 and %d", err, known)
	}
	for _, want := range []string{path, "version 77", fmt.Sprint("up to ", known), "newer collector", "backup"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	after, err := os.ReadFile(path)
	must(t, err)
	if string(before) != string(after) {
		t.Error("the refused store was changed")
	}
}

func TestOpeningAgainKeepsWhatIsThere(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	again := reopen(t, s)
	if _, found, err := again.SubjectByAccount(t.Context(), school, "pupil1"); err != nil || !found {
		t.Errorf("found = %t, %v", found, err)
	}
}

func TestMigrationsMustBeNumberedInOrder(t *testing.T) {
	for _, names := range [][]string{{"0002_first.sql"}, {"0001_a.sql", "0001_b.sql"}, {"first.sql"}, {"0001_a.sql", "second.sql"}} {
		files := fstest.MapFS{}
		for _, name := range names {
			files["migration/"+name] = &fstest.MapFile{}
		}
		if _, err := migrations(files); err == nil {
			t.Errorf("%v was taken", names)
		}
	}
}

func TestMigrationThatComesAfterAHigherOneIsStillApplied(t *testing.T) {
	s := openStore(t)
	_, err := s.writer.Exec(`DELETE FROM migrations WHERE version = 4; DROP TABLE positions`)
	must(t, err)
	must(t, migrate(t.Context(), s.writer, noon))
	if _, err := s.Positions(t.Context(), school, "device-1", []byte("epoch")); err != nil {
		t.Error(err)
	}
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	s := openStore(t)
	m := migration{version: 2, name: "0002_broken", sql: `CREATE TABLE half (a TEXT); CREATE TABLE half (a TEXT);`}
	if err := apply(t.Context(), s.writer, m, noon); err == nil {
		t.Fatal("a broken migration was applied")
	}
	if strings.Contains(shape(t, s.reader), "half") {
		t.Error("half a migration was left behind")
	}
}

func TestStoreIsReadableByItsOwnerOnly(t *testing.T) {
	sqliteOnly(t)
	if runtime.GOOS == "windows" {
		t.Skip("modes are not what guards files on Windows")
	}
	path := filepath.Join(t.TempDir(), "safelight.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	defer s.Close()
	files, err := filepath.Glob(path + "*")
	must(t, err)
	if len(files) < 2 {
		t.Fatalf("files = %v, want the store and its log", files)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", file, info.Mode().Perm())
		}
	}
}

func TestUnusableFileIsAClearError(t *testing.T) {
	sqliteOnly(t)
	path := filepath.Join(t.TempDir(), "not-a-store.db")
	must(t, os.WriteFile(path, []byte(strings.Repeat("this is no database ", 1000)), 0o600))
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error = %v, want one that names the file", err)
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder.db")); err == nil {
		t.Error("a store in a missing folder was opened")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, filepath.Join(t.TempDir(), "safelight.db")); err == nil {
		t.Error("opened though told to stop")
	}
}

func TestOddPathsAreFiles(t *testing.T) {
	sqliteOnly(t)
	for _, name := range []string{"with space.db", "question?mark.db", "per%cent.db", "hash#.db"} {
		path := filepath.Join(t.TempDir(), name)
		s, err := Open(t.Context(), path, WithClock(func() time.Time { return noon }))
		must(t, err)
		must(t, s.Close())
		info, err := os.Stat(path)
		if must(t, err); info.Size() == 0 {
			t.Errorf("%s is empty: the store went elsewhere", path)
		}
	}
}
