package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// Window is how far apart, by the devices' corrected clocks, two events of one
// subject and category may be and still be one thing to look at: a lesson is
// half an hour to an hour, and what follows within half an hour belongs to it.
const Window = 30 * time.Minute

const findAlertSQL = `SELECT ` + alertColumns + ` FROM alerts a
	WHERE a.school_id = $1 AND a.subject_id = $2 AND a.category = $3 AND a.state = $4 AND a.last_at >= $5 AND a.first_at <= $6
	ORDER BY a.last_at DESC LIMIT 1`

const raiseAlertSQL = `INSERT INTO alerts (school_id, ref, subject_id, category, severity, state, events,
	raised, first_at, last_at, device, late, first_read, read_by, acknowledged, acknowledged_by)
	VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $8, $9, $10, 0, '', 0, '') ON CONFLICT (school_id, ref) DO NOTHING`

const writeAlertSQL = `UPDATE alerts SET severity = $3, state = $4, events = $5, first_at = $6, last_at = $7,
	device = $8, late = $9 WHERE school_id = $1 AND ref = $2`

const decideSubjectSQL = `SELECT known, role, bare FROM subjects WHERE school_id = $1 AND id = $2`

const linkEventSQL = `INSERT INTO alert_events (school_id, ref, device, event_id) VALUES ($1, $2, $3, $4)`

// tellingsATurn bounds how many recipients one transaction tells: their jobs
// cost more than all else in it, some tenths of a millisecond each.
const tellingsATurn = 40

// TopicNoRecipient is the health topic of an alert that nobody could be told.
const TopicNoRecipient = "no-recipient"

// InsertJobs puts the jobs that tell a set of notifications into the queue, in
// the transaction that made them.
type InsertJobs = func(ctx context.Context, tx *sql.Tx, school model.SchoolID, severity event.Severity, notificationIDs []string) error

// GatherOnce gathers up to limit pending events into alerts, in one
// transaction: alerts, whom to tell, the jobs that tell them, and the pending
// rows gone. It returns how many pending events and released alerts it dealt
// with; 0 means that nothing waits.
//
// An event extends the open alert of its subject and category that lies within
// Window, and else raises a new one; events of different devices may meet in
// one alert. An alert that somebody has taken on is not extended: what comes
// after is new to them, and told. Raising tells the recipients, extending does
// not, unless the severity grows. High and urgent are told at once; low and
// medium are for the day's digest, and until that is built they stand in the
// inbox and are told to nobody.
//
// An alert about anybody but a known pupil is held: told and shown to nobody,
// until a roster names its subject a pupil.
func (s *Store) GatherOnce(ctx context.Context, school model.SchoolID, now time.Time, limit int, insertJobs InsertJobs) (int, error) {
	waits, err := s.somethingWaits(ctx, school)
	if err != nil || !waits {
		return 0, wrapGather(err)
	}
	var n int
	err = s.write(ctx, func(tx *sql.Tx) error {
		g := gathering{tx: tx, hot: &bound{hot: s.hot, tx: tx}, school: school, now: now, insertJobs: insertJobs}
		released, err := g.release(ctx, limit)
		if err != nil {
			return err
		}
		rows, err := s.take(ctx, g.hot, school, limit-released)
		if err != nil {
			return err
		}
		gathered, err := g.gather(ctx, rows)
		if err != nil {
			return err
		}
		n = released + gathered
		return g.finish(ctx)
	})
	if err != nil {
		return 0, wrapGather(err)
	}
	return n, nil
}

func wrapGather(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("gathering alerts: %w", err)
}

// gathering is one GatherOnce under way.
type gathering struct {
	tx         *sql.Tx
	hot        *bound
	school     model.SchoolID
	now        time.Time
	insertJobs InsertJobs

	subjects map[string]gatheredSubject
	users    []model.User // nil until needed
	touched  []*gathered
	tellings [event.Urgent + 1][]string // ids of notifications, by severity
}

// gatheredSubject is what decides who is told.
type gatheredSubject struct {
	routable bool
	bare     string
}

// gathered is an alert that this transaction makes or changes.
type gathered struct {
	model.Alert
	told event.Severity // what its recipients already know; 0: nothing
}

// gather puts rows into alerts, the most severe first and else in the order in
// which the events happened, and returns how many. It stops early where there is
// much to tell; the rest stays pending.
func (g *gathering) gather(ctx context.Context, rows []pendingRow) (int, error) {
	slices.SortStableFunc(rows, func(a, b pendingRow) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), a.observed.Compare(b.observed))
	})
	for i, row := range rows {
		if full, err := g.full(ctx); err != nil || full {
			return i, err
		}
		alert, err := g.alertOf(ctx, row)
		if err != nil {
			return 0, err
		}
		alert.take(row)
		if _, err := g.hot.exec(ctx, linkEvent, g.school, alert.Ref, row.device, row.id); err != nil {
			return 0, fmt.Errorf("linking event: %w", err)
		}
		_, err = g.hot.exec(ctx, deletePending, g.school, int64(row.severity), row.turn, row.id, row.device)
		if err != nil {
			return 0, fmt.Errorf("clearing what was pending: %w", err)
		}
	}
	return len(rows), nil
}

// full says whether this transaction has enough to tell.
func (g *gathering) full(ctx context.Context) (bool, error) {
	toTell := 0
	for _, a := range g.touched {
		if a.news() {
			toTell++
		}
	}
	if toTell == 0 {
		return false, nil
	}
	readers, err := g.readers(ctx)
	return toTell*len(readers) >= tellingsATurn, err
}

// news says whether an alert's recipients are to be told something now.
func (a *gathered) news() bool {
	return a.State == model.AlertOpen && a.Severity > a.told && a.Severity >= toldAtOnce
}

func (a *gathered) take(row pendingRow) {
	a.Events++
	a.Severity = max(a.Severity, row.severity)
	if row.observed.After(a.Last) {
		a.Last = row.observed
	}
	if row.observed.Before(a.First) {
		a.First, a.Device, a.Late = row.observed, row.device, row.late
	}
}

// alertOf finds the alert that an event belongs to, or raises one.
func (g *gathering) alertOf(ctx context.Context, row pendingRow) (*gathered, error) {
	subject, err := g.subject(ctx, row.subject)
	if err != nil {
		return nil, err
	}
	state := model.AlertHeld
	if subject.routable {
		state = model.AlertOpen
	}
	for _, a := range g.touched {
		if a.Subject == row.subject && a.Category == row.category && a.State == state && a.near(row.observed) {
			return a, nil
		}
	}
	found, err := scanAlert(g.hot.queryRow(ctx, findAlert, g.school, row.subject, row.category, state,
		micros(row.observed.Add(-Window)), micros(row.observed.Add(Window))))
	switch {
	case err == nil:
		a := &gathered{Alert: found, told: found.Severity}
		g.touched = append(g.touched, a)
		return a, nil
	case !errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("finding alert: %w", err)
	}
	return g.raise(ctx, row, state)
}

func (a *gathered) near(observed time.Time) bool {
	return !observed.Before(a.First.Add(-Window)) && !observed.After(a.Last.Add(Window))
}

// refTries is how often a random reference is drawn again. With 40 random bits
// and a million alerts one draw in a million collides.
const refTries = 8

func (g *gathering) raise(ctx context.Context, row pendingRow, state model.AlertState) (*gathered, error) {
	a := &gathered{Alert: model.Alert{
		School: g.school, Subject: row.subject, Category: row.category, Severity: row.severity, State: state,
		Raised: g.now, First: row.observed, Last: row.observed, Device: row.device, Late: row.late,
	}}
	for range refTries {
		a.Ref = randomRef()
		added, err := affected(g.hot.exec(ctx, raiseAlert, g.school, a.Ref, a.Subject, a.Category, int64(a.Severity), a.State,
			micros(a.Raised), micros(a.First), a.Device, flag(a.Late)))
		if err != nil {
			return nil, fmt.Errorf("raising alert: %w", err)
		}
		if added {
			g.touched = append(g.touched, a)
			return a, nil
		}
	}
	return nil, fmt.Errorf("raising alert: %d random references in a row were taken", refTries)
}

func (g *gathering) subject(ctx context.Context, id string) (gatheredSubject, error) {
	if subject, ok := g.subjects[id]; ok {
		return subject, nil
	}
	var known int64
	var role model.Role
	var subject gatheredSubject
	err := g.hot.queryRow(ctx, decideSubject, g.school, id).Scan(&known, &role, &subject.bare)
	if err != nil {
		return gatheredSubject{}, fmt.Errorf("reading subject: %w", err)
	}
	subject.routable = routable(known != 0, role)
	if g.subjects == nil {
		g.subjects = make(map[string]gatheredSubject)
	}
	g.subjects[id] = subject
	return subject, nil
}

// finish writes the alerts that changed and tells whom there is to tell.
func (g *gathering) finish(ctx context.Context) error {
	for _, a := range g.touched {
		_, err := g.hot.exec(ctx, writeAlert, g.school, a.Ref, int64(a.Severity), a.State, a.Events,
			micros(a.First), micros(a.Last), a.Device, flag(a.Late))
		if err != nil {
			return fmt.Errorf("writing alert: %w", err)
		}
		if a.State == model.AlertOpen && a.Severity > a.told {
			if err := g.tell(ctx, a); err != nil {
				return fmt.Errorf("telling of alert: %w", err)
			}
		}
	}
	if len(g.touched) == 0 {
		return nil
	}
	for severity, ids := range g.tellings {
		if len(ids) == 0 {
			continue
		}
		if err := g.insertJobs(ctx, g.tx, g.school, event.Severity(severity), ids); err != nil {
			return fmt.Errorf("telling of alerts: %w", err)
		}
	}
	return bump(ctx, g.tx, g.school, TopicAlerts)
}
