package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"safelight/collector/model"
)

// sweepChunk is how many people's old rows one transaction removes.
const sweepChunk = 300

// sweepRosters removes what earlier imports laid down, in chunks. Connections of
// people who left stay: G3 holds for them too. So do all where the roster kept
// names none (named is false): most likely it was exported without that column,
// and a parent would from then on be told of their own child.
func (s *Store) sweepRosters(ctx context.Context, school model.SchoolID, keep string, named bool) error {
	tables := []struct{ find, remove string }{
		{
			`SELECT DISTINCT subject_id FROM roster_groups WHERE school_id = $1 AND import <> $2 ORDER BY subject_id LIMIT $3`,
			`DELETE FROM roster_groups WHERE school_id = $1 AND import <> $2 AND subject_id = $3`,
		},
		{
			`SELECT DISTINCT subject_id FROM roster_people WHERE school_id = $1 AND import <> $2 ORDER BY subject_id LIMIT $3`,
			`DELETE FROM roster_people WHERE school_id = $1 AND import <> $2 AND subject_id = $3`,
		},
		{
			`SELECT DISTINCT c.subject_id FROM connections c
				JOIN roster_people p ON p.school_id = c.school_id AND p.subject_id = c.subject_id AND p.import = $2
				WHERE c.school_id = $1 AND c.import <> $2 ORDER BY c.subject_id LIMIT $3`,
			`DELETE FROM connections WHERE school_id = $1 AND import <> $2 AND subject_id = $3`,
		},
	}
	if !named {
		tables = tables[:2]
	}
	for _, table := range tables {
		if err := s.sweepTable(ctx, school, keep, table.find, table.remove); err != nil {
			return fmt.Errorf("sweeping earlier rosters: %w", err)
		}
	}
	return nil
}

func (s *Store) sweepTable(ctx context.Context, school model.SchoolID, keep, find, remove string) error {
	for {
		var left int
		err := s.write(ctx, func(tx *sql.Tx) error {
			ids, err := collect(ctx, tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) }, find, school, keep, sweepChunk)
			if err != nil {
				return err
			}
			left = len(ids)
			for _, id := range ids {
				if _, err := tx.ExecContext(ctx, remove, school, keep, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || left == 0 {
			return err
		}
	}
}

// dropRoster removes what an import laid down that came to nothing.
func (s *Store) dropRoster(ctx context.Context, school model.SchoolID, id string) error {
	ctx = context.WithoutCancel(ctx)
	var all error
	for _, query := range []string{
		`DELETE FROM roster_rows WHERE school_id = $1 AND import = $2`,
		`DELETE FROM roster_people WHERE school_id = $1 AND import = $2`,
		`DELETE FROM roster_groups WHERE school_id = $1 AND import = $2`,
		`DELETE FROM connections WHERE school_id = $1 AND import = $2`,
	} {
		_, err := s.writer.ExecContext(ctx, query, school, id)
		all = errors.Join(all, err)
	}
	return all
}
