package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// shape lists a database's own tables and indexes, as they were declared.
func shape(t *testing.T, db *sql.DB) string {
	t.Helper()
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

func TestMigratingEndsAtSchema(t *testing.T) {
	s := openStore(t)
	declared, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "declared.db"))
	must(t, err)
	defer declared.Close()
	text, err := os.ReadFile("schema.sql")
	must(t, err)
	_, err = declared.Exec(string(text))
	must(t, err)
	if got, want := shape(t, s.reader), shape(t, declared); got != want || want == "" {
		t.Errorf("migrating ends at\n%s\nschema.sql says\n%s", got, want)
	}
}

func TestStoreOfANewerProgramIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "safelight.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	_, err = s.writer.Exec(`INSERT INTO migrations (version, name, applied) VALUES (77, '0077_later', 0)`)
	must(t, err)
	must(t, s.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	_, err = Open(t.Context(), path)
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Found != 77 || newer.Known != 4 {
		t.Fatalf("error = %v, want a NewerError of 77 and 4", err)
	}
	for _, want := range []string{path, "version 77", "up to 4", "newer collector", "backup"} {
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
