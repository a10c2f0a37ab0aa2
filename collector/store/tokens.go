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

// selectToken reads a school's tokens with what else is known of them. An earlier version kept
// no more than the token.
const selectToken = `SELECT t.school_id, t.id, t.hash, t.site, t.uses, t.used, t.expires, t.created, COALESCE(m.maker, ''), COALESCE(m.ended, 0)
	FROM tokens t LEFT JOIN token_terms m ON m.school_id = t.school_id AND m.id = t.id WHERE t.school_id = $1`

func scanToken(row scanner) (model.Token, error) {
	var t model.Token
	var expires, created, ended int64
	err := row.Scan(&t.School, &t.ID, &t.Hash, &t.Site, &t.Uses, &t.Used, &expires, &created, &t.Maker, &ended)
	t.Expires, t.Created, t.Ended = moment(expires), moment(created), moment(ended)
	return t, err
}

// AddToken keeps an enrolment token's hash and terms. Who makes it is the context's
// actor.
func (s *Store) AddToken(ctx context.Context, t model.Token) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tokens (school_id, id, hash, site, uses, used, expires, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			t.School, t.ID, t.Hash, t.Site, t.Uses, t.Used, micros(t.Expires), micros(t.Created))
		if err != nil {
			return taken(err)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO token_terms (school_id, id, maker, ended) VALUES ($1, $2, $3, 0)`, t.School, t.ID, model.ActorOf(ctx).Who)
		if err != nil {
			return err
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
	token, err := scanToken(s.reader.QueryRowContext(ctx, selectToken+` AND t.hash = $2`, school, hash))
	switch {
	// The hash is of a long random secret: what the database's search for it takes
	// tells nothing of one. It is compared in constant time all the same.
	case errors.Is(err, sql.ErrNoRows), err == nil && subtle.ConstantTimeCompare(token.Hash, hash) != 1:
		err = fmt.Errorf("%w (%w)", ErrTokenUnknown, model.ErrNotFound)
	case err == nil && !token.Ended.IsZero():
		err = ErrTokenEnded
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
		selectToken+` ORDER BY t.created, t.id`, school)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	return tokens, nil
}

// EndToken ends an enrolment token before its time: once it has returned no device comes
// of it any more, and whoever shows it is told so. The devices that it admitted stay, of
// which one may have been about to enrol when this was called. One that was ended
// before keeps its first end; that it was tried again is on record.
func (s *Store) EndToken(ctx context.Context, school model.SchoolID, id string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error { return s.endToken(ctx, tx, school, id, now) })
	if err != nil {
		return fmt.Errorf("ending token: %w", err)
	}
	return nil
}

func (s *Store) endToken(ctx context.Context, tx *sql.Tx, school model.SchoolID, id string, now time.Time) error {
	if err := s.admitting(ctx, tx, school); err != nil {
		return err
	}
	err := changedOne(tx.ExecContext(ctx, `INSERT INTO token_terms (school_id, id, maker, ended)
		SELECT school_id, id, '', $3 FROM tokens WHERE school_id = $1 AND id = $2
		ON CONFLICT (school_id, id) DO UPDATE SET ended = CASE WHEN token_terms.ended = 0 THEN excluded.ended ELSE token_terms.ended END`,
		school, id, micros(now)))
	if err != nil {
		return err
	}
	return note(ctx, tx, school, model.AuditRecord{At: now, What: "token.end", Ref: tokenRef(id)})
}
