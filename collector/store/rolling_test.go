package store

import (
	"errors"
	"testing"

	"safelight/internal/event"
)

// TestRunningCollectorGoesOnWhileANewerOneMigrates is the middle of a rolling
// restart: the first collector is already new, the second still runs the old
// program, with its statements prepared. Migrations only add, so it goes on; it
// may not start again, for it would not know what it finds.
func TestRunningCollectorGoesOnWhileANewerOneMigrates(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	dsl := addUser(t, s, "dsl", "dsl", "dsl1")
	add(t, s, eventOf("device-1", 1, "pupil1", event.High))
	var told jobs
	gatherAll(t, s, &told)

	at, _ := locations.Load(s)
	writer, reader, err := dialectOf(at.(lies).location).open(at.(lies).location)
	must(t, err)
	must(t, apply(t.Context(), writer, migration{version: 9001, name: "9001_newer", sql: `
		ALTER TABLE events ADD COLUMN newer TEXT NOT NULL DEFAULT '';
		ALTER TABLE alerts ADD COLUMN newer TEXT NOT NULL DEFAULT '';
		ALTER TABLE pending ADD COLUMN newer BIGINT NOT NULL DEFAULT 0;
		ALTER TABLE subjects ADD COLUMN newer TEXT NOT NULL DEFAULT '';
		CREATE TABLE newer (school_id TEXT NOT NULL, a TEXT NOT NULL, PRIMARY KEY (school_id, a));`}, noon))
	must(t, errors.Join(writer.Close(), reader.Close()))

	add(t, s, eventOf("device-1", 2, "pupil1", event.High), eventOf("device-1", 3, "pupil2", event.Urgent))
	gatherAll(t, s, &told)
	alerts, err := s.AlertsFor(t.Context(), school, dsl, noon)
	must(t, err)
	if len(alerts) != 1 || alerts[0].Events != 2 {
		t.Errorf("alerts = %+v, want one of two events", alerts)
	}
	_, err = Open(t.Context(), at.(lies).location, WithKeys(at.(lies).keys))
	if newer := (*NewerError)(nil); !errors.As(err, &newer) || newer.Found != 9001 {
		t.Errorf("an old collector that starts on a newer store: %v, want a NewerError", err)
	}
}
