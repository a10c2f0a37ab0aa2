package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// SetOutcome keeps what an alert came to, decided by somebody who may see it, and
// counts it for each rule that its events were flagged by. Deciding again replaces
// what was decided, and the counts with it. What is counted is not kept in the
// alert's row, since what came to nothing is removed first and would be missing
// from every rate (G13).
func (s *Store) SetOutcome(ctx context.Context, school model.SchoolID, ref, userID string, outcome model.AlertOutcome, why string, now time.Time) error {
	if !slices.Contains(model.AlertOutcomes, outcome) {
		return fmt.Errorf("deciding an alert: outcome %q: want one of %v", outcome, model.AlertOutcomes)
	}
	events, err := s.EventsOf(ctx, school, ref)
	if err != nil {
		return fmt.Errorf("deciding an alert: %w", err)
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.seenBy(ctx, tx, school, ref, userID); err != nil {
			return err
		}
		a, err := scanAlert(tx.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM alerts a WHERE a.school_id = $1 AND a.ref = $2`, school, ref))
		if err != nil {
			return err
		}
		box, err := s.boxIn(ctx, tx, school, a.Subject)
		if err != nil && !errors.Is(err, errNoKey) {
			return err
		}
		d := decision{school: school, ref: ref, outcome: outcome, at: now}
		if box != nil {
			d.rules = rulesOf(events)
		}
		if err := d.replace(ctx, tx, box); err != nil {
			return err
		}
		err = note(ctx, tx, school, model.AuditRecord{
			At: now, Actor: model.UserActor(userID), What: "alert.outcome", Ref: model.AlertRef(ref), Reason: why, Outcome: string(outcome),
		})
		if err != nil {
			return err
		}
		return bump(ctx, tx, school, TopicAlerts)
	})
	if err != nil {
		return fmt.Errorf("deciding an alert: %w", err)
	}
	return nil
}

// rulesOf lists the rules of an alert's events, each once.
func rulesOf(events []model.Event) []string {
	var all []string
	for _, e := range events {
		if e.Rule != "" {
			all = append(all, e.Rule)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// decision is one row of alert_outcomes. Its rules are sealed: a rule may be
// called by the very name that was seen.
type decision struct {
	school  model.SchoolID
	ref     string
	outcome model.AlertOutcome
	at      time.Time
	rules   []string
}

func outcomePlace(school model.SchoolID, ref string) []byte {
	return seal.Place("alert_outcomes", string(school), ref)
}

// replace takes back what was counted for the alert before and counts it anew.
// box is nil where the subject was erased: what was counted stays then.
func (d decision) replace(ctx context.Context, tx *sql.Tx, box *seal.Box) error {
	was := decision{school: d.school, ref: d.ref}
	var at int64
	var sealed []byte
	err := tx.QueryRowContext(ctx, `SELECT outcome, at, rules FROM alert_outcomes WHERE school_id = $1 AND ref = $2`,
		d.school, d.ref).Scan(&was.outcome, &at, &sealed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	was.at = moment(at)
	if box != nil && len(sealed) > 0 {
		plain, err := box.Open(sealed, outcomePlace(d.school, d.ref))
		if err == nil {
			err = json.Unmarshal(plain, &was.rules)
		}
		if err != nil {
			return fmt.Errorf("reading what was decided before: %w", err)
		}
	}
	if err := was.count(ctx, tx, -1); err != nil {
		return err
	}
	var kept []byte
	if box != nil {
		plain, err := json.Marshal(d.rules)
		if err != nil {
			return err
		}
		kept = box.Seal(plain, outcomePlace(d.school, d.ref))
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alert_outcomes (school_id, ref, outcome, at, rules) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (school_id, ref) DO UPDATE SET outcome = excluded.outcome, at = excluded.at, rules = excluded.rules`,
		d.school, d.ref, d.outcome, micros(d.at), blob(kept))
	if err != nil {
		return err
	}
	return d.count(ctx, tx, 1)
}

// count adds by to the month's count of each rule.
func (d decision) count(ctx context.Context, tx *sql.Tx, by int64) error {
	for _, rule := range d.rules {
		_, err := tx.ExecContext(ctx, `INSERT INTO rule_outcomes (school_id, rule, month, outcome, alerts) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (school_id, rule, month, outcome) DO UPDATE SET alerts = rule_outcomes.alerts + excluded.alerts`,
			d.school, rule, monthOf(d.at), d.outcome, by)
		if err != nil {
			return err
		}
	}
	return nil
}

// monthOf is 202611 in November 2026: no finer, so that no count of one is a
// moment.
func monthOf(t time.Time) int64 {
	t = t.UTC()
	return int64(t.Year())*100 + int64(t.Month())
}

// RuleOutcomes lists, by rule, what alerts came to that were decided in or after
// the month of since.
func (s *Store) RuleOutcomes(ctx context.Context, school model.SchoolID, since time.Time) ([]model.RuleOutcomes, error) {
	var all []model.RuleOutcomes
	scan := func(row scanner) (struct{}, error) {
		var rule string
		var outcome model.AlertOutcome
		var n int64
		if err := row.Scan(&rule, &outcome, &n); err != nil {
			return struct{}{}, err
		}
		if len(all) == 0 || all[len(all)-1].Rule != rule {
			all = append(all, model.RuleOutcomes{Rule: rule})
		}
		r := &all[len(all)-1]
		switch outcome {
		case model.OutcomeUnfounded:
			r.Unfounded += n
		case model.OutcomeNoConcern:
			r.NoConcern += n
		case model.OutcomeUpheld:
			r.Upheld += n
		}
		return struct{}{}, nil
	}
	_, err := collect(ctx, s.reader, scan, `SELECT rule, outcome, SUM(alerts) FROM rule_outcomes
		WHERE school_id = $1 AND month >= $2 GROUP BY rule, outcome ORDER BY rule, outcome`, school, monthOf(since))
	if err != nil {
		return nil, fmt.Errorf("counting outcomes: %w", err)
	}
	return slices.DeleteFunc(all, func(r model.RuleOutcomes) bool { return r.Unfounded+r.NoConcern+r.Upheld == 0 }), nil
}

// Outcomes are what alerts came to, by reference: of those that this person may
// see (G3).
func (s *Store) Outcomes(ctx context.Context, school model.SchoolID, user model.User) (map[string]model.AlertOutcome, error) {
	all := map[string]model.AlertOutcome{}
	if !mayRead(school, user) {
		return all, nil
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return nil, fmt.Errorf("listing outcomes: %w", err)
	}
	now, before := ownLookups(keys, user)
	scan := func(row scanner) (struct{}, error) {
		var ref string
		var outcome model.AlertOutcome
		err := row.Scan(&ref, &outcome)
		all[ref] = outcome
		return struct{}{}, err
	}
	_, err = collect(ctx, s.reader, scan, `SELECT o.ref, o.outcome FROM alert_outcomes o
		JOIN alerts a ON a.school_id = o.school_id AND a.ref = o.ref
		JOIN subjects s ON s.school_id = a.school_id AND s.id = a.subject_id
		WHERE o.school_id = $1 AND a.state <> 'held' AND `+subjectVisible("$2", "$3"), school, now, before)
	if err != nil {
		return nil, fmt.Errorf("listing outcomes: %w", err)
	}
	return all, nil
}

// EachUnfounded hands over the events of alerts that were *not what they looked
// like*, of those that this person may see (G3), in the order of the alerts.
func (s *Store) EachUnfounded(ctx context.Context, school model.SchoolID, user model.User, each func(ref string, e model.Event) error) error {
	if !mayRead(school, user) {
		return nil
	}
	o, err := s.opening(ctx, school)
	if err != nil {
		return fmt.Errorf("reading unfounded alerts: %w", err)
	}
	now, before := ownLookups(o.keys, user)
	rows, err := s.reader.QueryContext(ctx, `SELECT `+eventColumns+`, l.ref FROM alert_outcomes x
		JOIN alerts a ON a.school_id = x.school_id AND a.ref = x.ref
		JOIN alert_events l ON l.school_id = x.school_id AND l.ref = x.ref
		JOIN events e ON e.school_id = l.school_id AND e.device = l.device AND e.event_id = l.event_id`+openableEvents+`
		WHERE x.school_id = $1 AND x.outcome = 'unfounded' AND a.state <> 'held' AND `+subjectVisible("$2", "$3")+`
		ORDER BY x.ref, e.received, e.device, e.spool_epoch, e.severity, e.seq`, school, now, before)
	if err != nil {
		return fmt.Errorf("reading unfounded alerts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var ref string
		e, err := o.scan(alsoScan{rows, []any{&ref}})
		if err != nil {
			return fmt.Errorf("reading unfounded alerts: %w", err)
		}
		if err := each(ref, e); err != nil {
			return err
		}
	}
	return rows.Err()
}

// alsoScan reads columns behind those that a scan function knows.
type alsoScan struct {
	scanner
	more []any
}

func (a alsoScan) Scan(dest ...any) error {
	return a.scanner.Scan(append(slices.Clip(dest), a.more...)...)
}
