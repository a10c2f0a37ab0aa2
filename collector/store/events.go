package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// eventColumns end with the account, which stands only in subjects.
const eventColumns = `e.school_id, e.device, e.event_id, e.spool_epoch, e.lane, e.seq, e.digest, e.observed, e.received, e.skew, e.late,
	e.subject_id, e.severity, e.category, e.rule, e.pack, e.kind, e.name, e.via, e.also, e.times, e.outcome, e.third_party, e.noise, e.help,
	e.words, e.why, e.not_seen, e.process, e.exe, e.pid, e.unknown, e.client, e.server, e.ip, s.account`

// eventOrder is the only order there is: never by a device's clock or ids.
const eventOrder = ` ORDER BY e.received, e.device, e.spool_epoch, e.lane, e.seq`

func scanEvent(row scanner) (model.Event, error) {
	var e model.Event
	var id, name, words, why []byte
	var lane, seq, observed, received, skew, late, severity, thirdParty, noise, help int64
	var also, notSeen string
	err := row.Scan(&e.School, &e.Device, &id, &e.Place.SpoolEpoch, &lane, &seq, &e.Digest, &observed, &received, &skew, &late,
		&e.Subject, &severity, &e.Category, &e.Rule, &e.Pack, &e.Kind, &name, &e.Via, &also, &e.Count, &e.Outcome, &thirdParty, &noise, &help,
		&words, &why, &notSeen, &e.Process, &e.Exe, &e.PID, &e.Unknown, &e.Client, &e.Server, &e.IP, &e.Account)
	if err != nil {
		return model.Event{}, err
	}
	copy(e.ID[:], id)
	e.Place.Lane, e.Place.Seq, e.Severity = event.Severity(lane), uint64(seq), event.Severity(severity)
	e.Observed, e.Received, e.Skew = moment(observed), moment(received), time.Duration(skew)*time.Microsecond
	e.Late, e.ThirdParty, e.Noise, e.Help = late != 0, thirdParty != 0, noise != 0, help != 0
	e.Name, e.Match, e.Why = string(name), string(words), string(why)
	if also != "" {
		for word := range strings.SplitSeq(also, ",") {
			e.Also = append(e.Also, event.Via(word))
		}
	}
	if notSeen != "" {
		e.NotSeen = strings.Split(notSeen, "\n")
	}
	return e, nil
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
