package store

import (
	"context"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// eventColumns end with the account, which stands only in subjects.
const eventColumns = `e.school_id, e.event_id, e.device, e.spool_epoch, e.seq, e.digest, e.observed, e.received, e.late,
	e.subject_id, e.severity, e.category, e.rule, e.body, s.account`

// eventOrder is the only order there is: never by a device's clock or ids.
const eventOrder = ` ORDER BY e.received, e.device, e.spool_epoch, e.severity, e.seq`

func scanEvent(row scanner) (model.Event, error) {
	var e model.Event
	var id, body []byte
	var seq, observed, received, late, severity int64
	err := row.Scan(&e.School, &id, &e.Device, &e.Place.SpoolEpoch, &seq, &e.Digest, &observed, &received, &late,
		&e.Subject, &severity, &e.Category, &e.Rule, &body, &e.Account)
	if err != nil {
		return model.Event{}, err
	}
	copy(e.ID[:], id)
	e.Severity = event.Severity(severity)
	e.Place.Lane, e.Place.Seq = e.Severity, uint64(seq)
	e.Observed, e.Received, e.Late = moment(observed), moment(received), late != 0
	return e, readBody(body, &e)
}

// EventsOf lists an alert's events in the order they were received. Whether the
// asking person may see the alert is for AlertFor to say first.
func (s *Store) EventsOf(ctx context.Context, school model.SchoolID, ref string) ([]model.Event, error) {
	events, err := collect(ctx, s.reader, scanEvent, `SELECT `+eventColumns+` FROM alert_events l
		JOIN events e ON e.school_id = l.school_id AND e.device = l.device AND e.event_id = l.event_id
		JOIN subjects s ON s.school_id = e.school_id AND s.id = e.subject_id
		WHERE l.school_id = $1 AND l.ref = $2`+eventOrder, school, ref)
	if err != nil {
		return nil, fmt.Errorf("listing an alert's events: %w", err)
	}
	return events, nil
}

// EventsFor lists the events received since a time that this person may see
// (G3).
func (s *Store) EventsFor(ctx context.Context, school model.SchoolID, user model.User, since time.Time) ([]model.Event, error) {
	var events []model.Event
	err := s.EachEventFor(ctx, school, user, since, func(e model.Event) error {
		events = append(events, e)
		return nil
	})
	return events, err
}

// EachEventFor is EventsFor for lists too long to hold: it hands over one event
// after the other, and stops at the first error.
func (s *Store) EachEventFor(ctx context.Context, school model.SchoolID, user model.User, since time.Time, each func(model.Event) error) error {
	if !mayRead(school, user) {
		return nil
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT `+eventColumns+` FROM events e
		JOIN subjects s ON s.school_id = e.school_id AND s.id = e.subject_id
		WHERE e.school_id = $1 AND e.received >= $2 AND `+subjectVisible("$3")+eventOrder,
		school, micros(since), model.BareAccount(user.Account))
	if err != nil {
		return fmt.Errorf("listing events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return fmt.Errorf("listing events: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return rows.Err()
}
