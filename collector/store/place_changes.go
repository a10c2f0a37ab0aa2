package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"safelight/collector/model"
)

// PlaceChange reads what somebody asked for and nobody has agreed to; false: nothing.
func (s *Store) PlaceChange(ctx context.Context, school model.SchoolID, what string) (c model.PlaceChange, found bool, err error) {
	var at int64
	var sum []byte
	err = s.reader.QueryRowContext(ctx, `SELECT school_id, what, sum, asked_by, reason, at FROM place_changes WHERE school_id = $1 AND what = $2`, school, what).
		Scan(&c.School, &c.What, &sum, &c.By, &c.Reason, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("reading what waits for a second person: %w", err)
	}
	copy(c.Sum[:], sum)
	c.At = moment(at)
	return c, true, nil
}

// AskPlaceChange keeps what somebody asks for, in place of what was asked before.
func (s *Store) AskPlaceChange(ctx context.Context, c model.PlaceChange) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO place_changes (school_id, what, sum, asked_by, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (school_id, what) DO UPDATE SET sum = excluded.sum, asked_by = excluded.asked_by, reason = excluded.reason, at = excluded.at`,
			c.School, c.What, c.Sum[:], c.By, c.Reason, micros(c.At))
		if err != nil {
			return err
		}
		return note(ctx, tx, c.School, model.AuditRecord{At: c.At, Actor: model.UserActor(c.By), What: "place.ask", Ref: "place:" + c.What, Reason: c.Reason})
	})
	if err != nil {
		return fmt.Errorf("keeping a change for a second person: %w", err)
	}
	return nil
}

// TakePlaceChange takes away what was asked for, since c.By agrees to it: whoever
// changes it then has to ask anew. ErrNotFound: it is not what was asked for.
func (s *Store) TakePlaceChange(ctx context.Context, c model.PlaceChange) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := changedOne(tx.ExecContext(ctx, `DELETE FROM place_changes WHERE school_id = $1 AND what = $2 AND sum = $3`, c.School, c.What, c.Sum[:]))
		if err != nil {
			return err
		}
		return note(ctx, tx, c.School, model.AuditRecord{At: c.At, Actor: model.UserActor(c.By), What: "place.agree", Ref: "place:" + c.What, Reason: c.Reason})
	})
	if err != nil {
		return fmt.Errorf("agreeing to a change: %w", err)
	}
	return nil
}
