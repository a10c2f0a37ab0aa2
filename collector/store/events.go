package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/internal/event"
)

// eventColumns end with what of its subject an event is opened with. They want
// openableEvents after the join with events e.
const eventColumns = `e.school_id, e.event_id, e.device, e.spool_epoch, e.seq, e.digest, e.observed, e.received, e.late,
	e.subject_id, e.severity, e.category, e.rule, e.body, s.device, s.name, COALESCE(k.epoch, 0), k.wrapped`

const openableEvents = ` JOIN subjects s ON s.school_id = e.school_id AND s.id = e.subject_id
	LEFT JOIN subject_keys k ON k.school_id = e.school_id AND k.subject_id = e.subject_id`

// eventOrder is the only order there is: never by a device's clock or ids.
const eventOrder = ` ORDER BY e.received, e.device, e.spool_epoch, e.severity, e.seq`

// opening is a reading of many events: whose they are is opened once.
type opening struct {
	store    *Store
	keys     *seal.School
	accounts map[string]string // by subject
}

func (s *Store) opening(ctx context.Context, school model.SchoolID) (*opening, error) {
	keys, err := s.keysOf(ctx, school)
	return &opening{s, keys, map[string]string{}}, err
}

// sealedEvent is what of a row is still to be opened.
type sealedEvent struct {
	body, name, wrapped []byte
	device              string // of a subject that is a device
	epoch               int64
}

// scan reads an event. One whose subject was erased comes without its words.
func (o *opening) scan(row scanner) (model.Event, error) {
	var e model.Event
	var of sealedEvent
	var id []byte
	var seq, observed, received, late, severity int64
	err := row.Scan(&e.School, &id, &e.Device, &e.Place.SpoolEpoch, &seq, &e.Digest, &observed, &received, &late,
		&e.Subject, &severity, &e.Category, &e.Rule, &of.body, &of.device, &of.name, &of.epoch, &of.wrapped)
	if err != nil {
		return model.Event{}, err
	}
	copy(e.ID[:], id)
	e.Severity = event.Severity(severity)
	e.Place.Lane, e.Place.Seq = e.Severity, uint64(seq)
	e.Observed, e.Received, e.Late = moment(observed), moment(received), late != 0
	return e, o.open(&e, of)
}

// open opens what is sealed of an event. One damaged row must not keep all others
// from whoever has to see them: it comes without its words, says so, and is counted.
func (o *opening) open(e *model.Event, of sealedEvent) error {
	whole := *e
	erased, err := o.words(&whole, of)
	switch {
	case erased:
		e.Erased = true
	case unreadable(err):
		o.store.unreadable.Add(1)
		e.Erased, e.Unreadable = true, true
	case err != nil:
		return err
	default:
		*e = whole
	}
	return nil
}

// Unreadable counts how often an event was read that could not be opened.
func (s *Store) Unreadable() uint64 { return s.unreadable.Load() }

// errDamaged is of bytes that opened, and are not what was sealed.
var errDamaged = errors.New("it is damaged")

func unreadable(err error) bool { return errors.Is(err, seal.ErrOpen) || errors.Is(err, errDamaged) }

// words opens an event's account and words; erased: they are gone for good.
func (o *opening) words(e *model.Event, of sealedEvent) (erased bool, err error) {
	box, err := o.store.sealing.box(o.keys, e.School, e.Subject, of.epoch, of.wrapped)
	if errors.Is(err, errNoKey) || err == nil && len(of.body) == 0 {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if e.Account, err = o.account(box, e, of); err != nil {
		return false, err
	}
	if !seal.Sealed(of.body) { // of the time before sealing
		return false, readBody(of.body, e)
	}
	digest, body, err := openEvent(box, e.School, e.Device, e.ID[:], of.body)
	if err != nil {
		return false, err
	}
	e.Digest = digest
	return false, readBody(body, e)
}

func (o *opening) account(box *seal.Box, e *model.Event, of sealedEvent) (string, error) {
	if of.device != "" {
		return "", nil
	}
	if account, ok := o.accounts[e.Subject]; ok {
		return account, nil
	}
	d, err := openDetails(box, e.School, e.Subject, of.name)
	if err == nil {
		o.accounts[e.Subject] = d.Account
	}
	return d.Account, err
}

// EventsOf lists an alert's events in the order they were received. Whether the
// asking person may see the alert is for AlertFor to say first.
func (s *Store) EventsOf(ctx context.Context, school model.SchoolID, ref string) ([]model.Event, error) {
	o, err := s.opening(ctx, school)
	if err != nil {
		return nil, fmt.Errorf("listing an alert's events: %w", err)
	}
	events, err := collect(ctx, s.reader, o.scan, `SELECT `+eventColumns+` FROM alert_events l
		JOIN events e ON e.school_id = l.school_id AND e.device = l.device AND e.event_id = l.event_id`+openableEvents+`
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
	o, err := s.opening(ctx, school)
	if err != nil {
		return fmt.Errorf("listing events: %w", err)
	}
	now, before := ownLookups(o.keys, user)
	rows, err := s.reader.QueryContext(ctx, `SELECT `+eventColumns+` FROM events e`+openableEvents+`
		WHERE e.school_id = $1 AND e.received >= $2 AND `+subjectVisible("$3", "$4")+eventOrder, school, micros(since), now, before)
	if err != nil {
		return fmt.Errorf("listing events: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := o.scan(rows)
		if err != nil {
			return fmt.Errorf("listing events: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return rows.Err()
}
