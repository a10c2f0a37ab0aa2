package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// ErrEnded says that an exemption has ended already.
var ErrEnded = errors.New("it has ended already")

const exemptionColumns = `school_id, id, given_by, duty, class, category, reason, since, until, bell, ended, ended_by`

func scanExemption(row scanner) (e model.Exemption, err error) {
	var since, until, ended int64
	err = row.Scan(&e.School, &e.ID, &e.By, &e.Duty, &e.Group, &e.Category, &e.Reason, &since, &until, &e.Bell, &ended, &e.EndedBy)
	e.From, e.Until, e.Ended = moment(since), moment(until), moment(ended)
	return e, err
}

// GrantExemption gives a class leave, and has devices told. Who may, for what and
// for how long is the caller's to know.
func (s *Store) GrantExemption(ctx context.Context, e model.Exemption, sign model.MakeOverlay) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO exemptions (school_id, id, given_by, duty, class, category, reason, since, until, bell, ended, ended_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '')`,
			e.School, e.ID, e.By, e.Duty, e.Group, e.Category, e.Reason, micros(e.From), micros(e.Until), e.Bell)
		if err != nil {
			return taken(err)
		}
		err = note(ctx, tx, e.School, model.AuditRecord{
			At: e.From, Actor: model.UserActor(e.By), What: "exemption.grant", Ref: "exemption:" + e.ID, Reason: e.Reason,
			Outcome: e.Category + " for " + e.Group + " until " + e.Until.UTC().Format(time.RFC3339),
		})
		if err != nil {
			return err
		}
		return s.exemptionsOverlay(ctx, tx, e.School, e.From, sign)
	})
	if err != nil {
		return fmt.Errorf("granting exemption: %w", err)
	}
	return nil
}

// EndExemption ends an exemption before its time.
func (s *Store) EndExemption(ctx context.Context, school model.SchoolID, id, by string, now time.Time, sign model.MakeOverlay) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		e, err := scanExemption(tx.QueryRowContext(ctx, `SELECT `+exemptionColumns+` FROM exemptions WHERE school_id = $1 AND id = $2`, school, id))
		if err != nil {
			return missing(err)
		}
		if !e.Live(now) {
			return ErrEnded
		}
		_, err = tx.ExecContext(ctx, `UPDATE exemptions SET ended = $3, ended_by = $4 WHERE school_id = $1 AND id = $2`, school, id, micros(now), by)
		if err != nil {
			return err
		}
		err = note(ctx, tx, school, model.AuditRecord{At: now, Actor: model.UserActor(by), What: "exemption.end", Ref: "exemption:" + id})
		if err != nil {
			return err
		}
		return s.exemptionsOverlay(ctx, tx, school, now, sign)
	})
	if err != nil {
		return fmt.Errorf("ending exemption: %w", err)
	}
	return nil
}

func (s *Store) exemptionsOverlay(ctx context.Context, tx *sql.Tx, school model.SchoolID, now time.Time, sign model.MakeOverlay) error {
	return s.remakeOverlay(ctx, tx, school, model.OverlayExemptions, now, sign, func(in *model.OverlayInput) (err error) {
		in.Exemptions, err = liveExemptions(ctx, tx, school, now)
		return err
	})
}

func liveExemptions(ctx context.Context, q querier, school model.SchoolID, now time.Time) ([]model.Exemption, error) {
	return collect(ctx, q, scanExemption, `SELECT `+exemptionColumns+` FROM exemptions
		WHERE school_id = $1 AND until > $2 AND ended = 0 ORDER BY since, id`, school, micros(now))
}

// Exemptions lists those that were in force at any time since from, newest first.
func (s *Store) Exemptions(ctx context.Context, school model.SchoolID, from time.Time) ([]model.Exemption, error) {
	all, err := collect(ctx, s.reader, scanExemption, `SELECT `+exemptionColumns+` FROM exemptions
		WHERE school_id = $1 AND until > $2 AND (ended = 0 OR ended > $2) ORDER BY since DESC, id`, school, micros(from))
	if err != nil {
		return nil, fmt.Errorf("listing exemptions: %w", err)
	}
	return all, nil
}

// ExemptionCounts counts those given from one time until another, by category and
// by the duty of whoever gave them: for the week's page.
func (s *Store) ExemptionCounts(ctx context.Context, school model.SchoolID, from, to time.Time) ([]model.ExemptionCount, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (c model.ExemptionCount, err error) {
		return c, row.Scan(&c.Category, &c.Duty, &c.Count, &c.Ended)
	}, `SELECT category, duty, COUNT(*), SUM(CASE WHEN ended > 0 THEN 1 ELSE 0 END) FROM exemptions
		WHERE school_id = $1 AND since >= $2 AND since < $3 GROUP BY category, duty ORDER BY category, duty`, school, micros(from), micros(to))
	if err != nil {
		return nil, fmt.Errorf("counting exemptions: %w", err)
	}
	return all, nil
}

// Exemption reads one.
func (s *Store) Exemption(ctx context.Context, school model.SchoolID, id string) (model.Exemption, error) {
	e, err := scanExemption(s.reader.QueryRowContext(ctx, `SELECT `+exemptionColumns+` FROM exemptions WHERE school_id = $1 AND id = $2`, school, id))
	if errors.Is(err, sql.ErrNoRows) {
		return e, ErrNotFound
	}
	return e, err
}
