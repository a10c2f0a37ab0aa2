package store

import (
	"testing"
	"time"

	"safelight/internal/event"
)

func TestStoreWithTablesApartFromTheirKeysKeepsWhatIsInThem(t *testing.T) {
	sqliteOnly(t)
	s := openStore(t)
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("dev-1", 1, "pupil1", event.High), eventOf("dev-1", 2, "pupil1", event.High))
	var j jobs
	_, err := s.GatherOnce(t.Context(), school, noon, 1, j.insert)
	must(t, err)
	for _, table := range keyedTables {
		for _, query := range []string{
			`CREATE TABLE old AS SELECT * FROM ` + table, `DROP TABLE ` + table,
			map[string]string{
				"pending": `CREATE TABLE pending (school_id TEXT NOT NULL, severity BIGINT NOT NULL, turn BIGINT NOT NULL, event_id BYTEA NOT NULL,
					device TEXT NOT NULL, subject_id TEXT NOT NULL, PRIMARY KEY (school_id, severity, turn, event_id, device))`,
				"alert_events": `CREATE TABLE alert_events (school_id TEXT NOT NULL, ref TEXT NOT NULL, device TEXT NOT NULL, event_id BYTEA NOT NULL,
					PRIMARY KEY (school_id, ref, device, event_id), FOREIGN KEY (school_id, ref) REFERENCES alerts (school_id, ref))`,
			}[table],
			`INSERT INTO ` + table + ` SELECT * FROM old`, `DROP TABLE old`,
		} {
			_, err := s.writer.Exec(query)
			must(t, err)
		}
	}
	s = reopen(t, s)
	for _, table := range keyedTables {
		var n, apart int
		must(t, s.writer.QueryRow(`SELECT (SELECT COUNT(*) FROM `+table+`), (SELECT COUNT(*) FROM sqlite_schema
			WHERE name = $1 AND sql NOT LIKE '% WITHOUT ROWID' OR name LIKE '%keyed%')`, table).Scan(&n, &apart))
		if n != 1 || apart != 0 {
			t.Errorf("%s: %d rows, want 1; %d tables apart from their keys", table, n, apart)
		}
	}
	if n, err := s.GatherOnce(t.Context(), school, noon.Add(time.Second), 10, j.insert); err != nil || n != 1 {
		t.Errorf("gathered %d, %v", n, err)
	}
}
