package store

import (
	"os"
	"testing"
	"time"

	"safelight/internal/event"
)

// Somebody who reads for long must neither hold up those who write, nor keep what
// was erased in the log for good.
func TestG13ALogThatIsBeingReadIsEmptiedOnceItCanBe(t *testing.T) {
	sqliteOnly(t)
	s, _, gone, _ := two(t)
	must(t, s.keeper.stop())
	where, _ := locations.Load(s)
	path := where.(lies).location
	own, err := openHanding(dsn(path, nil))
	must(t, err)
	// Its own rounds are an hour apart: this test makes them.
	s.keeper = startKeeper(own, s.writer, time.Hour, logPages)
	reading, err := s.reader.BeginTx(t.Context(), nil)
	must(t, err)
	var n int
	must(t, reading.QueryRow(`SELECT COUNT(*) FROM events`).Scan(&n))
	add(t, s, eventOf("dev-7", 1, "other", event.High)) // after what is being read

	must(t, s.keeper.tend(t.Context()))
	if !s.keeper.full || logSize(t, path) == 0 {
		t.Fatal("the log is said to be empty, though somebody reads it")
	}
	var patience int
	must(t, s.writer.QueryRow(`PRAGMA busy_timeout`).Scan(&patience))
	if patience != 5000 {
		t.Errorf("from then on writing waits for %d ms only", patience)
	}
	s.keeper.pause = time.Microsecond
	if err := s.EraseSubject(t.Context(), school, gone, "asked for", noon); err == nil {
		t.Error("nobody is told that former pages are still there")
	}
	if subject, err := s.Subject(t.Context(), school, gone); err != nil || subject.Erased.IsZero() {
		t.Errorf("the erasure does not stand: %+v, %v", subject, err)
	}
	must(t, reading.Rollback())
	must(t, s.keeper.tend(t.Context())) // the keeper's next round
	if size := logSize(t, path); s.keeper.full || size != 0 {
		t.Errorf("%d bytes are left in the log", size)
	}
}

func logSize(t *testing.T, path string) int64 {
	t.Helper()
	log, err := os.Stat(path + "-wal")
	must(t, err)
	return log.Size()
}
