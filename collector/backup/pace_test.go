package backup_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// turnstile is where a backup stands still until the test lets it go on.
type turnstile struct {
	reached, open chan struct{}
	arrive        func()
	release       func()
}

func newTurnstile(t *testing.T) *turnstile {
	s := &turnstile{reached: make(chan struct{}), open: make(chan struct{})}
	s.arrive = sync.OnceFunc(func() { close(s.reached) })
	s.release = sync.OnceFunc(func() { close(s.open) })
	t.Cleanup(s.release)
	return s
}

// pass is called by the backup.
func (s *turnstile) pass() {
	s.arrive()
	<-s.open
}

// inCopy stands in the middle of every copy that SQLite makes of a table that
// standsInCopies has made, if there is one: SQLite puts the copied rows of an
// index in order by the collation that the index names, which is inOrder.
var inCopy atomic.Pointer[turnstile]

func inOrder(a, b string) int {
	if s := inCopy.Load(); s != nil {
		s.pass()
	}
	return strings.Compare(a, b)
}

// standsInCopies adds a small table that is copied last and not without inCopy.
func (h *house) standsInCopies(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+h.database)
	must(t, err)
	for _, statement := range []string{
		`CREATE TABLE halfway (word TEXT)`, `CREATE INDEX halfway_word ON halfway (word COLLATE turnstile)`,
		`INSERT INTO halfway VALUES ('one'), ('two'), ('three')`,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	must(t, db.Close())
}

// held is a writer that stands still at its first byte.
type held struct{ at *turnstile }

func (h held) Write(b []byte) (int, error) {
	h.at.pass()
	return len(b), nil
}

// underWay is a backup that is being made; err is its end's, once it has ended.
type underWay struct {
	ended chan struct{}
	err   error
}

// goesOn has ingest commit batches while a backup stands at s, and then lets it
// go. A lock that the backup held would be held until then, so nothing here is
// a matter of how quick a machine is: the deadline only ends what would wait
// for ever.
func (h *house) goesOn(t *testing.T, where string, s *turnstile, b *underWay) {
	t.Helper()
	defer s.release()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	select {
	case <-s.reached:
	case <-b.ended:
		t.Fatalf("the backup ended (%v) and never stood %s", b.err, where)
	case <-ctx.Done():
		t.Fatalf("the backup never came to stand %s", where)
	}
	for i := range 20 {
		if err := h.add(ctx, 5); err != nil {
			t.Fatalf("ingest waits for a backup that stands %s: batch %d of 20: %v", where, i+1, err)
		}
	}
}

func TestIngestDoesNotWaitForABackup(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 100))
	h.standsInCopies(t)
	copying, counting, sending := newTurnstile(t), newTurnstile(t), newTurnstile(t)
	inCopy.Store(copying)
	t.Cleanup(func() { inCopy.Store(nil) })
	src := h.source()
	rows := src.Rows
	src.Rows = func(ctx context.Context, path string) (map[string]int64, error) {
		counting.pass()
		return rows(ctx, path)
	}
	b := &underWay{ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		b.err = writeFrom(t.Context(), src, held{sending})
	}()
	defer func() { // whatever fails, the backup ends before the store is closed
		for _, s := range []*turnstile{copying, counting, sending} {
			s.release()
		}
		if <-b.ended; b.err != nil {
			t.Error(b.err)
		}
	}()
	h.goesOn(t, "in the midst of its snapshot", copying, b)
	h.goesOn(t, "before its snapshot is counted", counting, b)
	h.goesOn(t, "with a reader who does not read on", sending, b)
}
