package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const alertColumns = `a.school_id, a.ref, a.subject_id, a.category, a.severity, a.state, a.events, a.raised, a.first_at, a.last_at,
	a.device, a.late, a.first_read, a.read_by, a.acknowledged, a.acknowledged_by`

const alertOrder = ` ORDER BY a.raised, a.ref`

func scanAlert(row scanner) (model.Alert, error) {
	var a model.Alert
	var severity, raised, first, last, late, firstRead, acknowledged int64
	err := row.Scan(&a.School, &a.Ref, &a.Subject, &a.Category, &severity, &a.State, &a.Events, &raised, &first, &last,
		&a.Device, &late, &firstRead, &a.ReadBy, &acknowledged, &a.AcknowledgedBy)
	a.Severity, a.Late = event.Severity(severity), late != 0
	a.Raised, a.First, a.Last = moment(raised), moment(first), moment(last)
	a.FirstRead, a.Acknowledged = moment(firstRead), moment(acknowledged)
	return a, err
}

// Alerts lists every alert raised since a time, held ones too. It is for the
// service itself; what a person sees comes from AlertsFor.
func (s *Store) Alerts(ctx context.Context, school model.SchoolID, since time.Time) ([]model.Alert, error) {
	alerts, err := collect(ctx, s.reader, scanAlert,
		`SELECT `+alertColumns+` FROM alerts a WHERE a.school_id = $1 AND a.raised >= $2`+alertOrder, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing alerts: %w", err)
	}
	return alerts, nil
}

// AlertByRef reads one alert, whoever it is about. It is for the service
// itself; what a person sees comes from AlertFor.
func (s *Store) AlertByRef(ctx context.Context, school model.SchoolID, ref string) (model.Alert, error) {
	a, err := scanAlert(s.reader.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM alerts a WHERE a.school_id = $1 AND a.ref = $2`, school, ref))
	if err != nil {
		return model.Alert{}, fmt.Errorf("reading alert: %w", missing(err))
	}
	return a, nil
}

// AlertsFor lists the alerts raised since a time that this person may see (G3):
// the DSL and deputies see those about known pupils, never a held one, never
// one about their own account; others see none.
func (s *Store) AlertsFor(ctx context.Context, school model.SchoolID, user model.User, since time.Time) ([]model.Alert, error) {
	if !mayRead(school, user) {
		return nil, nil
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return nil, fmt.Errorf("listing alerts: %w", err)
	}
	now, before := ownLookups(keys, user)
	alerts, err := collect(ctx, s.reader, scanAlert, `SELECT `+alertColumns+` FROM alerts a
		JOIN subjects s ON s.school_id = a.school_id AND s.id = a.subject_id
		WHERE a.school_id = $1 AND a.raised >= $2 AND a.state <> 'held' AND `+subjectVisible("$3", "$4")+alertOrder,
		school, micros(since), now, before)
	if err != nil {
		return nil, fmt.Errorf("listing alerts: %w", err)
	}
	return alerts, nil
}

// AlertFor reads an alert that this person may see. One that they may not is
// ErrNotFound, word for word as one that does not exist.
func (s *Store) AlertFor(ctx context.Context, school model.SchoolID, user model.User, ref string) (model.Alert, error) {
	return s.alertFor(ctx, s.reader, school, user, ref)
}

func (s *Store) alertFor(ctx context.Context, q querier, school model.SchoolID, user model.User, ref string) (model.Alert, error) {
	if !mayRead(school, user) {
		return model.Alert{}, fmt.Errorf("reading alert: %w", ErrNotFound)
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return model.Alert{}, fmt.Errorf("reading alert: %w", err)
	}
	now, before := ownLookups(keys, user)
	a, err := scanAlert(q.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM alerts a
		JOIN subjects s ON s.school_id = a.school_id AND s.id = a.subject_id
		WHERE a.school_id = $1 AND a.ref = $2 AND a.state <> 'held' AND `+subjectVisible("$3", "$4"), school, ref, now, before))
	if err != nil {
		return model.Alert{}, fmt.Errorf("reading alert: %w", missing(err))
	}
	return a, nil
}

// HeldCount counts the alerts that nobody is told of or shown: held ones, and
// those whose subject is no longer known as a pupil.
func (s *Store) HeldCount(ctx context.Context, school model.SchoolID) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM alerts a
		JOIN subjects s ON s.school_id = a.school_id AND s.id = a.subject_id
		WHERE a.school_id = $1 AND (a.state = 'held' OR s.known = 0 OR s.role <> 'pupil')`, school).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting held alerts: %w", err)
	}
	return n, nil
}

// AcknowledgeAlert takes an alert on for a user and says whether they were the
// first. A user who may not see it gets ErrNotFound.
func (s *Store) AcknowledgeAlert(ctx context.Context, school model.SchoolID, ref, userID string, now time.Time) (first bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.seenBy(ctx, tx, school, ref, userID); err != nil {
			return err
		}
		first, err = affected(tx.ExecContext(ctx, `UPDATE alerts SET state = 'acknowledged', acknowledged = $3, acknowledged_by = $4
			WHERE school_id = $1 AND ref = $2 AND state = 'open'`, school, ref, micros(now), userID))
		if err != nil || !first {
			return err
		}
		err = note(ctx, tx, school, model.AuditRecord{At: now, Actor: model.UserActor(userID), What: "alert.take", Ref: model.AlertRef(ref)})
		if err != nil {
			return err
		}
		return bump(ctx, tx, school, TopicAlerts)
	})
	if err != nil {
		return false, fmt.Errorf("acknowledging alert: %w", err)
	}
	return first, nil
}

// MarkRead notes who read an alert first, and when. Reading again, or after
// somebody else, changes nothing. A user who may not see it gets ErrNotFound.
func (s *Store) MarkRead(ctx context.Context, school model.SchoolID, ref, userID string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if err := s.seenBy(ctx, tx, school, ref, userID); err != nil {
			return err
		}
		first, err := affected(tx.ExecContext(ctx, `UPDATE alerts SET first_read = $3, read_by = $4
			WHERE school_id = $1 AND ref = $2 AND first_read = 0`, school, ref, micros(now), userID))
		if err != nil || !first {
			return err
		}
		return bump(ctx, tx, school, TopicAlerts)
	})
	if err != nil {
		return fmt.Errorf("marking alert as read: %w", err)
	}
	return nil
}

// seenBy is AlertFor within a transaction.
func (s *Store) seenBy(ctx context.Context, tx *sql.Tx, school model.SchoolID, ref, userID string) error {
	user, err := readUser(ctx, tx, school, userID)
	if err != nil {
		return err
	}
	_, err = s.alertFor(ctx, tx, school, user, ref)
	return err
}
