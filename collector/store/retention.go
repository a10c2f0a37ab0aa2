package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// ErrNotTrial says that a school's data is not a trial's: how long that is kept
// depends on outcomes, which this version does not have.
var ErrNotTrial = errors.New("the school is no trial school, and retention by outcome is not built: nothing is removed")

// retentionChunk is how many rows one transaction removes: each is some tens of
// microseconds, and ingest waits meanwhile.
const retentionChunk = 400

// RemoveTrialData removes what a trial school received before a time (G13):
// events, health events, checks, gaps, alerts all of whose events are that old, their
// notifications, and subjects whom nothing refers to any more and no roster
// names. It goes in short transactions and may be broken off; the next run goes
// on. A dry run counts the same and changes nothing.
//
// An event that nobody has looked at yet is never removed: with one that old
// still pending nothing is done.
func (s *Store) RemoveTrialData(ctx context.Context, school model.SchoolID, before, now time.Time, dry bool) (model.Removed, error) {
	r := retention{store: s, school: school, before: micros(before)}
	if err := r.run(ctx, now, dry); err != nil {
		return r.removed, fmt.Errorf("removing a trial's old data: %w", err)
	}
	return r.removed, nil
}

type retention struct {
	store   *Store
	school  model.SchoolID
	before  int64
	removed model.Removed
}

func (r *retention) run(ctx context.Context, now time.Time, dry bool) error {
	school, err := r.store.School(ctx, r.school)
	if err != nil {
		return err
	}
	if !school.Trial {
		return ErrNotTrial
	}
	if err := r.nothingWaits(ctx); err != nil {
		return err
	}
	if dry {
		return r.count(ctx)
	}
	for _, step := range []func(context.Context) error{r.alerts, r.events, r.health, r.checks, r.gaps, r.subjects} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if r.removed == (model.Removed{}) {
		return nil
	}
	if r.removed.Subjects > 0 { // their keys are gone here, and now in every copy too
		if err := r.store.newEpoch(ctx, r.school); err != nil {
			return err
		}
	}
	return r.store.write(ctx, func(tx *sql.Tx) error {
		return note(ctx, tx, r.school, model.AuditRecord{At: now, What: "retention.run", Outcome: r.removed.String()})
	})
}

func (r *retention) nothingWaits(ctx context.Context) error {
	n, err := r.number(ctx, `SELECT COUNT(*) FROM pending p
		JOIN events e ON e.school_id = p.school_id AND e.event_id = p.event_id AND e.device = p.device
		WHERE p.school_id = $1 AND e.received < $2`)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d events that old still wait to be looked at: let the collector run (`serve`) until they have been, and try again", n)
	}
	return err
}

// number reads one number about the school and the time.
func (r *retention) number(ctx context.Context, query string) (n int64, err error) {
	err = r.store.reader.QueryRowContext(ctx, query, r.school, r.before).Scan(&n)
	return n, err
}

// oldAlert is true of an alert, a, none of whose events is younger.
const oldAlert = `a.raised < $2 AND NOT EXISTS (SELECT 1 FROM alert_events l
	JOIN events e ON e.school_id = l.school_id AND e.event_id = l.event_id AND e.device = l.device
	WHERE l.school_id = a.school_id AND l.ref = a.ref AND e.received >= $2)`

// unexplained is true of a subject, s, that the roster does not name, and nothing
// waits for. One with whom somebody is connected stays as long as that one does:
// whoever it is must not be told of them (G3).
const unexplained = `(s.known = 0 OR ` + hasLeft + ` = 1) AND s.id NOT IN (
		SELECT c.other_id FROM connections c LEFT JOIN rosters r ON r.school_id = c.school_id
			LEFT JOIN roster_people p ON p.school_id = c.school_id AND p.import = r.import AND p.subject_id = c.subject_id
			WHERE c.school_id = $1 AND (p.subject_id IS NOT NULL
				OR c.subject_id IN (SELECT a.subject_id FROM alerts a WHERE a.school_id = $1)))
	AND s.id NOT IN (SELECT p.subject_id FROM pending p WHERE p.school_id = $1)
	AND s.id NOT IN (SELECT r.id FROM roster_rows r WHERE r.school_id = $1)`

// count is the dry run.
func (r *retention) count(ctx context.Context) error {
	for _, c := range []struct {
		into  *int64
		query string
	}{
		{&r.removed.Events, `SELECT COUNT(*) FROM events WHERE school_id = $1 AND received < $2`},
		{&r.removed.Health, `SELECT COUNT(*) FROM health WHERE school_id = $1 AND received < $2`},
		{&r.removed.Checks, `SELECT (SELECT COUNT(*) FROM checks WHERE school_id = $1 AND received < $2)
			+ (SELECT COUNT(*) FROM check_records WHERE school_id = $1 AND at < $2)
			+ (SELECT COUNT(*) FROM check_signatures WHERE school_id = $1 AND at < $2)
			+ (SELECT COUNT(*) FROM check_requests WHERE school_id = $1 AND at < $2)
			+ (SELECT COUNT(*) FROM check_reviews WHERE school_id = $1 AND raised < $2)`},
		{&r.removed.Gaps, `SELECT COUNT(*) FROM gaps WHERE school_id = $1 AND received < $2`},
		{&r.removed.Alerts, `SELECT COUNT(*) FROM alerts a WHERE a.school_id = $1 AND ` + oldAlert},
		{&r.removed.Notifications, `SELECT COUNT(*) FROM notifications n
			JOIN alerts a ON a.school_id = n.school_id AND a.ref = n.ref WHERE n.school_id = $1 AND ` + oldAlert},
		{&r.removed.Subjects, `SELECT COUNT(*) FROM subjects s WHERE s.school_id = $1 AND ` + unexplained + `
			AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.school_id = s.school_id AND a.subject_id = s.id AND NOT (` + oldAlert + `))`},
	} {
		if c.into == &r.removed.Subjects && r.store.Shared() {
			continue // see subjects
		}
		n, err := r.number(ctx, c.query)
		if err != nil {
			return err
		}
		*c.into = n
	}
	return nil
}

func (r *retention) remove(ctx context.Context, f func(tx *sql.Tx) error) error {
	return r.store.overwriting(ctx, f)
}

// overwriting runs f in a transaction that overwrites what it removes, where the
// database can: what a page held would else lie in it until it is used again.
func (s *Store) overwriting(ctx context.Context, f func(tx *sql.Tx) error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if s.Shared() {
			return f(tx)
		}
		if _, err := tx.ExecContext(ctx, `PRAGMA secure_delete = ON`); err != nil {
			return err
		}
		err := f(tx)
		_, off := tx.ExecContext(ctx, `PRAGMA secure_delete = OFF`)
		return errors.Join(err, off)
	})
}

// forgetOldPages empties the log of former pages, where the database has one of
// its own beside it.
func (s *Store) forgetOldPages(ctx context.Context) error {
	if s.Shared() {
		return nil
	}
	return s.keeper.empty(ctx)
}
