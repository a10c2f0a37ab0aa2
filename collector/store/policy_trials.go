package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

// TrialEvents reads, from a cursor on, up to limit of the events that a trial may
// judge again: those received from since until before until, about known pupils
// and never about the person who asks (G3, G9). Each call is a short reading of
// its own, so that what is written meanwhile waits for nobody. Fewer than limit
// means that there are no more.
func (s *Store) TrialEvents(ctx context.Context, school model.SchoolID, user model.User, since, until time.Time, from model.TrialCursor, limit int) ([]model.TrialEvent, model.TrialCursor, error) {
	o, err := s.opening(ctx, school)
	if err != nil {
		return nil, from, fmt.Errorf("reading a trial's events: %w", err)
	}
	now, before := ownLookups(o.keys, user)
	start := max(micros(since), micros(from.Received))
	scan := func(row scanner) (t model.TrialEvent, err error) {
		t.Event, err = o.scan(alsoScan{row, []any{&t.Role, &t.Year, &t.Site}})
		return t, err
	}
	events, err := collect(ctx, s.reader, scan, `SELECT `+eventColumns+`, s.role, s.year, COALESCE(d.site, '') FROM events e`+openableEvents+`
		LEFT JOIN devices d ON d.school_id = e.school_id AND d.id = e.device
		WHERE e.school_id = $1 AND e.received >= $2 AND e.received < $3 AND `+subjectVisible("$4", "$5")+`
		AND (e.received, e.device, e.spool_epoch, e.severity, e.seq) > ($6, $7, $8, $9, $10)`+eventOrder+` LIMIT $11`,
		school, start, micros(until), now, before,
		micros(from.Received), from.Device, blob(from.SpoolEpoch), from.Severity, int64(from.Seq), limit)
	if err != nil {
		return nil, from, fmt.Errorf("reading a trial's events: %w", err)
	}
	if n := len(events); n > 0 {
		e := events[n-1]
		from = model.TrialCursor{Received: e.Received, Device: e.Device, SpoolEpoch: e.Place.SpoolEpoch, Severity: int64(e.Severity), Seq: e.Place.Seq}
	}
	return events, from, nil
}

// KnownPupils counts the pupils whom the roster in force names.
func (s *Store) KnownPupils(ctx context.Context, school model.SchoolID) (n int, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM subjects s
		WHERE s.school_id = $1 AND `+amongPresent+` AND s.role = 'pupil' AND s.device = ''`, school).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting pupils: %w", err)
	}
	return n, nil
}

// GroupsOf lists the groups that the roster in force has a subject in.
func (s *Store) GroupsOf(ctx context.Context, school model.SchoolID, subject string) ([]string, error) {
	return s.groupsOf(ctx, school, subject)
}

const trialColumns = `school_id, id, at, run_by, rules, since, until, result`

func scanTrial(row scanner) (model.Trial, error) {
	var t model.Trial
	var at, since, until int64
	err := row.Scan(&t.School, &t.ID, &at, &t.By, &t.Rules, &since, &until, &t.Result)
	t.At, t.Since, t.Until = moment(at), moment(since), moment(until)
	return t, err
}

// NewTrialID names a trial.
func (s *Store) NewTrialID() string { return "T-" + randomRef() }

// AddTrial keeps a trial's result, and removes those that are too old (G13).
func (s *Store) AddTrial(ctx context.Context, t model.Trial) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO trials (school_id, id, at, run_by, rules, since, until, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			t.School, t.ID, micros(t.At), t.By, t.Rules, micros(t.Since), micros(t.Until), blob(t.Result))
		if err != nil {
			return taken(err)
		}
		if len(t.Answers) > 0 {
			_, err := tx.ExecContext(ctx, `INSERT INTO trial_answers (school_id, id, at, answers) VALUES ($1, $2, $3, $4)`, t.School, t.ID, micros(t.At), blob(t.Answers))
			if err != nil {
				return taken(err)
			}
		}
		if err := removeTrials(ctx, tx, t.School, t.At); err != nil {
			return err
		}
		r := model.AuditRecord{At: t.At, What: "rules.try", Ref: model.TrialRef(t.ID)}
		if t.By != "" {
			r.Actor = model.UserActor(t.By)
		}
		return note(ctx, tx, t.School, r)
	})
	if err != nil {
		return fmt.Errorf("keeping a trial: %w", err)
	}
	return nil
}

// RemoveTrials removes the results of trials that are too old (G13).
func (s *Store) RemoveTrials(ctx context.Context, school model.SchoolID, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error { return removeTrials(ctx, tx, school, now) })
	if err != nil {
		return fmt.Errorf("removing old trials: %w", err)
	}
	return nil
}

func removeTrials(ctx context.Context, tx *sql.Tx, school model.SchoolID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM trials WHERE school_id = $1 AND at < $2`, school, micros(now.Add(-model.TrialsKept)))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM trial_answers WHERE school_id = $1 AND at < $2`, school, micros(now.Add(-model.TrialAnswersKept)))
	return err
}

// TrialAnswers are what the trials since a time were told, oldest first.
func (s *Store) TrialAnswers(ctx context.Context, school model.SchoolID, since time.Time) ([][]byte, error) {
	scan := func(row scanner) (answers []byte, err error) { return answers, row.Scan(&answers) }
	all, err := collect(ctx, s.reader, scan, `SELECT answers FROM trial_answers WHERE school_id = $1 AND at >= $2 ORDER BY at, id`, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("reading what trials were told: %w", err)
	}
	return all, nil
}

// Trial reads one trial.
func (s *Store) Trial(ctx context.Context, school model.SchoolID, id string) (model.Trial, error) {
	t, err := scanTrial(s.reader.QueryRowContext(ctx, `SELECT `+trialColumns+` FROM trials WHERE school_id = $1 AND id = $2`, school, id))
	if err != nil {
		return model.Trial{}, fmt.Errorf("reading a trial: %w", missing(err))
	}
	return t, nil
}

// Trials lists every trial that is kept, newest first.
func (s *Store) Trials(ctx context.Context, school model.SchoolID) ([]model.Trial, error) {
	all, err := collect(ctx, s.reader, scanTrial, `SELECT `+trialColumns+` FROM trials WHERE school_id = $1 ORDER BY at DESC, id`, school)
	if err != nil {
		return nil, fmt.Errorf("listing trials: %w", err)
	}
	return all, nil
}

// MayRead says whether a person's duty lets them see pupils' alerts at all; which
// of them is for each reading to say (G3).
func (s *Store) MayRead(school model.SchoolID, user model.User) bool { return mayRead(school, user) }

// UpheldEvents are the events received since a time of alerts that were a concern,
// about whomever a trial may judge.
func (s *Store) UpheldEvents(ctx context.Context, school model.SchoolID, user model.User, since time.Time) (map[model.EventKey]bool, error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return nil, fmt.Errorf("reading upheld alerts: %w", err)
	}
	now, before := ownLookups(keys, user)
	all := map[model.EventKey]bool{}
	scan := func(row scanner) (struct{}, error) {
		var key model.EventKey
		var id []byte
		err := row.Scan(&key.Device, &id)
		copy(key.ID[:], id)
		all[key] = true
		return struct{}{}, err
	}
	_, err = collect(ctx, s.reader, scan, `SELECT l.device, l.event_id FROM alert_outcomes o
		JOIN alerts a ON a.school_id = o.school_id AND a.ref = o.ref
		JOIN subjects s ON s.school_id = a.school_id AND s.id = a.subject_id
		JOIN alert_events l ON l.school_id = o.school_id AND l.ref = o.ref
		WHERE o.school_id = $1 AND o.outcome = 'upheld' AND a.last_at >= $2 AND `+subjectVisible("$3", "$4"), school, micros(since), now, before)
	if err != nil {
		return nil, fmt.Errorf("reading upheld alerts: %w", err)
	}
	return all, nil
}
