package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/internal/event"
)

// Window is how far apart, by the devices' corrected clocks, two events of one
// subject and category may be and still be one thing to look at: a lesson is
// half an hour to an hour, and what follows within half an hour belongs to it.
const Window = 30 * time.Minute

const findAlertSQL = `SELECT ` + alertColumns + ` FROM alerts a
	WHERE a.school_id = $1 AND a.subject_id = $2 AND a.category = $3 AND a.state = $4 AND a.last_at >= $5 AND a.first_at <= $6
	ORDER BY a.last_at DESC LIMIT 1`

// findAlertsSQL finds at once what findAlertSQL finds for one event each.
const findAlertsSQL = `SELECT ` + alertColumns + ` FROM alerts a
	WHERE a.school_id = $1 AND a.last_at >= $2 AND a.first_at <= $3 AND a.state IN ('open', 'held')
	AND a.subject_id IN (SELECT r.c0 FROM {rows t})`

// aheadRows is from how many rows on it is worth reading alerts ahead.
const aheadRows = 8

const raiseAlertSQL = `INSERT INTO alerts (school_id, ref, subject_id, category, severity, state, events,
	raised, first_at, last_at, device, late, first_read, read_by, acknowledged, acknowledged_by)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', 0, '') ON CONFLICT (school_id, ref) DO NOTHING`

const writeAlertsSQL = `UPDATE alerts SET severity = r.c1, state = r.c2, events = r.c3, first_at = r.c4, last_at = r.c5,
	device = r.c6, late = r.c7 FROM {rows titiiiti} WHERE alerts.school_id = $1 AND alerts.ref = r.c0 AND alerts.state <> 'acknowledged'`

const decideSubjectSQL = `SELECT id, known, role, bare FROM subjects WHERE school_id = $1 AND id = $2`

const decideSubjectsSQL = `SELECT id, known, role, bare FROM subjects WHERE school_id = $1 AND id IN (SELECT r.c0 FROM {rows t})`

const linkEventsSQL = `INSERT INTO alert_events (school_id, ref, device, event_id) SELECT $1, r.c0, r.c1, r.c2 FROM {rows ttb}`

// tellingsATurn bounds how many recipients one transaction tells: their jobs
// cost more than all else in it, some tenths of a millisecond each.
const tellingsATurn = 40

// overtakenTries is how often a gathering is tried again at once.
const overtakenTries = 3

// TopicNoRecipient is the health topic of an alert that nobody could be told.
const TopicNoRecipient = "no-recipient"

// InsertJobs puts the jobs that tell a set of notifications into the queue, in
// the transaction that made them.
type InsertJobs = func(ctx context.Context, tx *sql.Tx, school model.SchoolID, severity event.Severity, notificationIDs []string) error

// GatherOnce gathers up to limit pending events into alerts, fewer where that
// would hold the write connection for long, in one transaction: alerts, whom to tell, the jobs that tell them, and the pending
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
	n, err := s.gatherOnce(ctx, school, now, limit, insertJobs, false)
	for try := 0; errors.Is(err, errOvertaken) && try < overtakenTries; try++ {
		n, err = s.gatherOnce(ctx, school, now, limit, insertJobs, true)
	}
	if err != nil {
		return 0, wrapGather(err)
	}
	return n, nil
}

func (s *Store) gatherOnce(ctx context.Context, school model.SchoolID, now time.Time, limit int, insertJobs InsertJobs, oneByOne bool) (n int, err error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return 0, err
	}
	limit = min(limit, s.bite.size())
	var began time.Time
	// Not waited for: what is lost with the power is pending again, and nobody was
	// told, since the queue that tells commits before it does.
	err = s.writeLazily(ctx, func(tx *sql.Tx) error {
		if err := s.dialect.aloneInTx(ctx, tx, gatherLock(school)); err != nil {
			return fmt.Errorf("waiting for others who gather: %w", err)
		}
		began = s.now()
		g := newGathering(&bound{hot: s.hot, tx: tx}, keys, school, now, insertJobs)
		released, err := g.release(ctx, limit)
		if err != nil {
			return err
		}
		haul, err := s.take(ctx, g.hot, school, limit-released)
		if err != nil {
			return err
		}
		gathered, err := g.gather(ctx, haul.rows)
		if err != nil {
			return err
		}
		n = released + len(gathered)
		if err := g.write(ctx); err != nil {
			return err
		}
		if err := g.link(ctx, gathered); err != nil {
			return err
		}
		if oneByOne || len(gathered) < len(haul.rows) {
			return g.clearEach(ctx, gathered)
		}
		return g.clear(ctx, haul)
	})
	if err == nil {
		s.bite.took(n, s.now().Sub(began))
	}
	return n, err
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
	keys       *seal.School
	school     model.SchoolID
	now        time.Time
	insertJobs InsertJobs

	subjects map[string]gatheredSubject
	users    []model.User // nil until needed
	touched  []*gathered
	byKey    map[alertKey][]*gathered // touched ones and those read ahead
	ahead    ahead
	toTell   int                        // touched ones that are news
	tellings [event.Urgent + 1][]string // ids of notifications, by severity
}

// alertKey is what an event must share with an alert to extend it.
type alertKey struct {
	subject, category string
	state             model.AlertState
}

func newGathering(hot *bound, keys *seal.School, school model.SchoolID, now time.Time, insertJobs InsertJobs) *gathering {
	return &gathering{
		tx: hot.tx, hot: hot, keys: keys, school: school, now: now, insertJobs: insertJobs,
		subjects: make(map[string]gatheredSubject), byKey: make(map[alertKey][]*gathered),
	}
}

// gatheredSubject is what decides who is told.
type gatheredSubject struct {
	routable bool
	bare     string // as in its row, of one epoch or another
}

// gathered is an alert that this transaction makes or changes, or may.
type gathered struct {
	model.Alert
	told    event.Severity // what its recipients already know; 0: nothing
	fresh   bool           // not yet in the store
	touched bool           // by this transaction
}

func (a *gathered) key() alertKey { return alertKey{a.Subject, a.Category, a.State} }

// gather puts rows into alerts, the most severe first and else in the order in
// which the events happened, and returns those it did with their alerts. It stops
// early where there is much to tell; the rest stays pending.
func (g *gathering) gather(ctx context.Context, rows []pendingRow) ([]pendingRow, error) {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b pendingRow) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), a.observed.Compare(b.observed))
	})
	if err := g.readSubjects(ctx, rows); err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(row pendingRow) bool { // never: a subject with pending events is not removed
		_, known := g.subjects[row.subject]
		return !known
	})
	if err := g.lookAhead(ctx, rows); err != nil {
		return nil, err
	}
	for i := range rows {
		if full, err := g.full(ctx); err != nil || full {
			return rows[:i], err
		}
		alert, err := g.alertOf(ctx, &rows[i])
		if err != nil {
			return nil, err
		}
		g.touch(alert, func() { alert.take(&rows[i]) })
		rows[i].alert = alert
	}
	return rows, nil
}

// touch changes an alert and keeps count of what there is to tell.
func (g *gathering) touch(a *gathered, change func()) {
	before := a.touched && a.news()
	if !a.touched {
		a.touched = true
		g.touched = append(g.touched, a)
	}
	change()
	if !before && a.news() {
		g.toTell++
	}
}

// full says whether this transaction has enough to tell.
func (g *gathering) full(ctx context.Context) (bool, error) {
	if g.toTell == 0 {
		return false, nil
	}
	readers, err := g.readers(ctx)
	return g.toTell*len(readers) >= tellingsATurn, err
}

// news says whether an alert's recipients are to be told something now.
func (a *gathered) news() bool {
	return a.State == model.AlertOpen && a.Severity > a.told && a.Severity >= toldAtOnce
}

func (a *gathered) take(row *pendingRow) {
	a.Events++
	a.Severity = max(a.Severity, row.severity)
	if row.observed.After(a.Last) {
		a.Last = row.observed
	}
	if row.observed.Before(a.First) {
		a.First, a.Device, a.Late = row.observed, row.device, row.late
	}
}

// alertOf finds the alert that an event belongs to, or makes one.
func (g *gathering) alertOf(ctx context.Context, row *pendingRow) (*gathered, error) {
	key := alertKey{row.subject, row.category, model.AlertHeld}
	if g.subjects[row.subject].routable {
		key.state = model.AlertOpen
	}
	if a := g.known(key, row.observed); a != nil {
		return a, nil
	}
	if !g.ahead.covers(row) {
		a, err := g.find(ctx, key, row.observed)
		if err != nil || a != nil {
			return a, err
		}
	}
	a := &gathered{fresh: true, Alert: model.Alert{
		School: g.school, Subject: row.subject, Category: row.category, Severity: row.severity, State: key.state,
		Raised: g.now, First: row.observed, Last: row.observed, Device: row.device, Late: row.late,
	}}
	g.byKey[key] = append(g.byKey[key], a)
	return a, nil
}

// known finds an alert that this transaction has at hand: one it has touched,
// or else the latest.
func (g *gathering) known(key alertKey, observed time.Time) (found *gathered) {
	for _, a := range g.byKey[key] {
		if !a.near(observed) {
			continue
		}
		if a.touched {
			return a
		}
		if found == nil || a.Last.After(found.Last) {
			found = a
		}
	}
	return found
}

// find looks for an alert in the store.
func (g *gathering) find(ctx context.Context, key alertKey, observed time.Time) (*gathered, error) {
	found, err := scanAlert(g.hot.queryRow(ctx, findAlert, string(g.school), key.subject, key.category, string(key.state),
		micros(observed.Add(-Window)), micros(observed.Add(Window))))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("finding alert: %w", err)
	}
	return g.hold(found), nil
}

// hold keeps an alert from the store at hand, once.
func (g *gathering) hold(found model.Alert) *gathered {
	a := &gathered{Alert: found, told: found.Severity}
	for _, other := range g.byKey[a.key()] {
		if other.Ref == a.Ref {
			return other
		}
	}
	g.byKey[a.key()] = append(g.byKey[a.key()], a)
	return a
}

func (a *gathered) near(observed time.Time) bool {
	return !observed.Before(a.First.Add(-Window)) && !observed.After(a.Last.Add(Window))
}

// subject is what decides who is told of a subject.
func (g *gathering) subject(ctx context.Context, id string) (gatheredSubject, error) {
	if subject, ok := g.subjects[id]; ok {
		return subject, nil
	}
	_, subject, err := scanGathered(g.hot.queryRow(ctx, decideSubject, string(g.school), id))
	if err != nil {
		return gatheredSubject{}, fmt.Errorf("reading subject: %w", err)
	}
	g.subjects[id] = subject
	return subject, nil
}

func scanGathered(row scanner) (id string, subject gatheredSubject, err error) {
	var known int64
	var role model.Role
	err = row.Scan(&id, &known, &role, &subject.bare)
	subject.routable = routable(known != 0, role)
	return id, subject, err
}

// readSubjects reads what decides who is told of each row's subject.
func (g *gathering) readSubjects(ctx context.Context, rows []pendingRow) error {
	wanted := make(map[string]bool)
	for i := range rows {
		wanted[rows[i].subject] = true
	}
	_, err := handedRows(ctx, g.hot, decideSubjects, func(row scanner) (string, error) {
		id, subject, err := scanGathered(row)
		g.subjects[id] = subject
		return id, err
	}, []any{string(g.school)}, slices.Collect(maps.Keys(wanted)))
	if err != nil {
		return fmt.Errorf("reading subjects: %w", err)
	}
	return nil
}
