package store

import (
	"context"
	"fmt"

	"safelight/collector/model"
)

// RecordAccess notes a reading by a person, before what is read is shown.
func (s *Store) RecordAccess(ctx context.Context, a model.Access) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO accesses (school_id, id, at, user_id, what, ref, origin)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, a.School, randomID(), micros(a.At), a.User, a.What, a.Ref, a.From)
	if err != nil {
		return fmt.Errorf("recording access: %w", err)
	}
	return nil
}

// AccessesOf lists who read an alert, oldest first.
func (s *Store) AccessesOf(ctx context.Context, school model.SchoolID, ref string) ([]model.Access, error) {
	scan := func(row scanner) (model.Access, error) {
		var a model.Access
		var at int64
		err := row.Scan(&a.School, &at, &a.User, &a.What, &a.Ref, &a.From)
		a.At = moment(at)
		return a, err
	}
	accesses, err := collect(ctx, s.reader, scan, `SELECT school_id, at, user_id, what, ref, origin FROM accesses
		WHERE school_id = $1 AND ref = $2 ORDER BY at, id`, school, ref)
	if err != nil {
		return nil, fmt.Errorf("listing accesses: %w", err)
	}
	return accesses, nil
}
