package store

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

const tokenColumns = `school_id, id, hash, site, uses, used, expires, created`

func scanToken(row scanner) (model.Token, error) {
	var t model.Token
	var expires, created int64
	err := row.Scan(&t.School, &t.ID, &t.Hash, &t.Site, &t.Uses, &t.Used, &expires, &created)
	t.Expires, t.Created = moment(expires), moment(created)
	return t, err
}

// AddToken keeps an enrolment token's hash and terms.
func (s *Store) AddToken(ctx context.Context, t model.Token) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tokens (school_id, id, hash, site, uses, used, expires, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			t.School, t.ID, t.Hash, t.Site, t.Uses, t.Used, micros(t.Expires), micros(t.Created))
		if err != nil {
			return taken(err)
		}
		return note(ctx, tx, t.School, model.AuditRecord{At: t.Created, What: "token.create", Ref: tokenRef(t.ID)})
	})
	if err != nil {
		return fmt.Errorf("adding token: %w", err)
	}
	return nil
}

// CheckToken says whether an enrolment token would admit a device now. It reads
// only, so that whoever has none holds up no writer; Enrol decides. A token that
// was never given out is ErrNotFound too.
func (s *Store) CheckToken(ctx context.Context, school model.SchoolID, hash []byte, now time.Time) error {
	token, err := scanToken(s.reader.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE school_id = $1 AND hash = $2`, school, hash))
	switch {
	// The hash is of a long random secret: what the database's search for it takes
	// tells nothing of one. It is compared in constant time all the same.
	case errors.Is(err, sql.ErrNoRows), err == nil && subtle.ConstantTimeCompare(token.Hash, hash) != 1:
		err = fmt.Errorf("%w (%w)", ErrTokenUnknown, model.ErrNotFound)
	case err == nil && !now.Before(token.Expires):
		err = ErrTokenExpired
	case err == nil && token.Used >= token.Uses:
		err = ErrTokenUsed
	}
	if err != nil {
		return fmt.Errorf("checking token: %w", err)
	}
	return nil
}

// tokenRef names an enrolment token in the record.
func tokenRef(id string) string { return "token:" + id }

// Tokens lists the enrolment tokens, oldest first.
func (s *Store) Tokens(ctx context.Context, school model.SchoolID) ([]model.Token, error) {
	tokens, err := collect(ctx, s.reader, scanToken,
		`SELECT `+tokenColumns+` FROM tokens WHERE school_id = $1 ORDER BY created, id`, school)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	return tokens, nil
}
