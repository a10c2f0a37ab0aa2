package store

import (
	"context"
	"database/sql"
	"fmt"

	"safelight/collector/model"
)

const schoolColumns = `school_id, name, trial, created`

func scanSchool(row scanner) (model.School, error) {
	var school model.School
	var trial, created int64
	err := row.Scan(&school.ID, &school.Name, &trial, &created)
	school.Trial, school.Created = trial != 0, moment(created)
	return school, err
}

// EnsureSchool adds a school, or does nothing where it is there already: what a
// school has decided is never undone by starting again. It makes the school's
// sealing keys, so that a folder copied to a second collector has them.
func (s *Store) EnsureSchool(ctx context.Context, school model.School) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		added, err := affected(tx.ExecContext(ctx,
			`INSERT INTO schools (school_id, name, trial, created) VALUES ($1, $2, $3, $4) ON CONFLICT (school_id) DO NOTHING`,
			school.ID, school.Name, flag(school.Trial), micros(school.Created)))
		if err != nil || !added {
			return err
		}
		return note(ctx, tx, school.ID, model.AuditRecord{At: school.Created, What: "school.create", Ref: "school:" + string(school.ID)})
	})
	if err != nil {
		return fmt.Errorf("adding school: %w", err)
	}
	_, err = s.keysOf(ctx, school.ID) // makes its first sealing keys
	return err
}

// School reads one school.
func (s *Store) School(ctx context.Context, id model.SchoolID) (model.School, error) {
	return readSchool(ctx, s.reader, id)
}

func readSchool(ctx context.Context, q querier, id model.SchoolID) (model.School, error) {
	school, err := scanSchool(q.QueryRowContext(ctx, `SELECT `+schoolColumns+` FROM schools WHERE school_id = $1`, id))
	if err != nil {
		return model.School{}, fmt.Errorf("reading school: %w", missing(err))
	}
	return school, nil
}

// Schools lists every school of this store; on SQLite there is one.
func (s *Store) Schools(ctx context.Context) ([]model.School, error) {
	schools, err := collect(ctx, s.reader, scanSchool, `SELECT `+schoolColumns+` FROM schools ORDER BY school_id`)
	if err != nil {
		return nil, fmt.Errorf("listing schools: %w", err)
	}
	return schools, nil
}
