package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

// AddSession keeps a signed-in browser.
func (s *Store) AddSession(ctx context.Context, session model.Session) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO sessions (school_id, hash, user_id, created, seen, expires)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		session.School, session.Hash, session.User, micros(session.Created), micros(session.Seen), micros(session.Expires))
	if err != nil {
		return fmt.Errorf("adding session: %w", err)
	}
	return nil
}

// SessionByHash reads a session that has not expired, and whose it is. The
// session of a disabled user is not found.
func (s *Store) SessionByHash(ctx context.Context, school model.SchoolID, hash []byte, now time.Time) (model.Session, model.User, error) {
	var session model.Session
	var created, seen, expires int64
	err := s.reader.QueryRowContext(ctx, `SELECT school_id, hash, user_id, created, seen, expires FROM sessions
		WHERE school_id = $1 AND hash = $2 AND expires > $3`, school, hash, micros(now)).
		Scan(&session.School, &session.Hash, &session.User, &created, &seen, &expires)
	if err != nil {
		return model.Session{}, model.User{}, fmt.Errorf("reading session: %w", missing(err))
	}
	session.Created, session.Seen, session.Expires = moment(created), moment(seen), moment(expires)
	user, err := s.UserByID(ctx, school, session.User)
	if err != nil {
		return model.Session{}, model.User{}, fmt.Errorf("reading session: %w", err)
	}
	if user.Disabled {
		return model.Session{}, model.User{}, fmt.Errorf("reading session: %w", ErrNotFound)
	}
	return session, user, nil
}

// TouchSession notes that a session was used, and until when it now lasts.
func (s *Store) TouchSession(ctx context.Context, school model.SchoolID, hash []byte, seen, expires time.Time) error {
	result, err := s.writer.ExecContext(ctx, `UPDATE sessions SET seen = $3, expires = $4 WHERE school_id = $1 AND hash = $2`,
		school, hash, micros(seen), micros(expires))
	if err := changedOne(result, err); err != nil {
		return fmt.Errorf("touching session: %w", err)
	}
	return nil
}

// EndSession signs a browser out. Ending one that is gone is no error.
func (s *Store) EndSession(ctx context.Context, school model.SchoolID, hash []byte) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM sessions WHERE school_id = $1 AND hash = $2`, school, hash); err != nil {
		return fmt.Errorf("ending session: %w", err)
	}
	return nil
}

// RemoveSessions removes the sessions that have expired by now, or were last used
// at idle or before.
func (s *Store) RemoveSessions(ctx context.Context, school model.SchoolID, now, idle time.Time) error {
	_, err := s.writer.ExecContext(ctx, `DELETE FROM sessions WHERE school_id = $1 AND (expires <= $2 OR seen <= $3)`, school, micros(now), micros(idle))
	if err != nil {
		return fmt.Errorf("removing old sessions: %w", err)
	}
	return nil
}

func endSessions(ctx context.Context, tx *sql.Tx, school model.SchoolID, userID string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE school_id = $1 AND user_id = $2`, school, userID)
	return err
}
