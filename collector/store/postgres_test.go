package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"safelight/collector/seal"
	"safelight/internal/pgtest"
)

// postgresEnv names the folder of the server that this run of the tests is to
// use; without it they run on SQLite.
const postgresEnv = "SAFELIGHT_TEST_POSTGRES"

func onPostgres() bool { return os.Getenv(postgresEnv) != "" }

// TestEverythingOnPostgreSQL runs every other test of this package again, in a
// process of its own, on a PostgreSQL server: one behaviour, two databases.
func TestEverythingOnPostgreSQL(t *testing.T) {
	if onPostgres() {
		t.Skip("this is that run")
	}
	server := startPostgres(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.skip", "^TestEverythingOnPostgreSQL$", "-test.timeout", "10m")
	cmd.Env = append(os.Environ(), postgresEnv+"="+server.Dir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, failures(string(out)))
	}
	if ran := strings.Count(string(out), "\n--- PASS: "); ran < 40 {
		t.Errorf("only %d tests passed on PostgreSQL: did they run?\n%s", ran, out)
	}
}

// failures keeps what matters of a long verbose run.
func failures(out string) string {
	var kept []string
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "=== ") || strings.HasPrefix(text, "--- PASS") || strings.HasPrefix(text, "--- SKIP") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

func startPostgres(t *testing.T) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	return server
}

// sqliteOnly leaves out what only a file can show.
func sqliteOnly(t *testing.T) {
	t.Helper()
	if onPostgres() {
		t.Skip("about SQLite's file")
	}
}

// ready are migrated, empty databases: making one takes most of a second, and
// emptying one some milliseconds.
var (
	ready     = make(chan string, 64)
	databases atomic.Int64
)

// location is where a test's own store lies, on the database that this run is
// about.
func location(t testing.TB) string {
	t.Helper()
	if !onPostgres() {
		return filepath.Join(t.TempDir(), "safelight.db")
	}
	var url string
	select {
	case url = <-ready:
	default:
		server, err := pgtest.At(os.Getenv(postgresEnv))
		must(t, err)
		url, err = server.Create(t.Context(), fmt.Sprintf("test_%d", databases.Add(1)), "")
		must(t, err)
	}
	t.Cleanup(func() {
		if clean(t, url) {
			ready <- url
		}
	})
	return url
}

// clean deletes every row of a database but its versions.
func clean(t testing.TB, url string) bool {
	db, reader, err := openPostgres(url)
	must(t, err)
	defer func() { must(t, errors.Join(db.Close(), reader.Close())) }()
	_, err = db.Exec(`SET lock_timeout = '5s'; SET session_replication_role = replica; DO $$ DECLARE name TEXT; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('migrations', 'river_migration') LOOP
			EXECUTE 'DELETE FROM ' || name;
		END LOOP; END $$`)
	if err != nil {
		return false // the test left it in use: the next one gets another
	}
	all, err := migrations(migrationFiles)
	must(t, err)
	done, err := applied(context.Background(), db)
	must(t, err)
	return len(done) == len(all) && done[all[len(all)-1].version] // else it was about versions
}

func TestCollectorsThatStartTogetherMigrateOnce(t *testing.T) {
	if !onPostgres() {
		t.Skip("one collector alone has a file")
	}
	server, err := pgtest.At(os.Getenv(postgresEnv))
	must(t, err)
	url, err := server.Create(t.Context(), "together", "")
	must(t, err)
	keys := filepath.Join(t.TempDir(), seal.FileName)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := Open(t.Context(), url, WithKeys(keys))
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestPasswordIsInNoError(t *testing.T) {
	const url = "postgres://safelight:canary-word@127.0.0.1:1/none?connect_timeout=1"
	_, err := Open(t.Context(), url, WithKeys(filepath.Join(t.TempDir(), seal.FileName)))
	if err == nil || strings.Contains(err.Error(), "canary-word") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error = %v, want one that names the server and not the password", err)
	}
	for _, bad := range []string{"safelight.db", "mysql://host/db", "postgres://user:canary-word@host:port/db"} {
		if err := CheckURL(bad); err == nil || strings.Contains(err.Error(), "canary-word") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
