package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

const userColumns = `school_id, id, name, email, duty, account, trial, disabled, password_hash,
	link_hash, link_expires, token_hash, failures, last_failure, created`

func scanUser(row scanner) (model.User, error) {
	var u model.User
	var trial, disabled, linkExpires, lastFailure, created int64
	err := row.Scan(&u.School, &u.ID, &u.Name, &u.Email, &u.Duty, &u.Account, &trial, &disabled, &u.PasswordHash,
		&u.LinkHash, &linkExpires, &u.TokenHash, &u.Failures, &lastFailure, &created)
	u.Trial, u.Disabled = trial != 0, disabled != 0
	u.LinkExpires, u.LastFailure, u.Created = moment(linkExpires), moment(lastFailure), moment(created)
	return u, err
}

// AddUser adds somebody who may sign in. Their own account is folded, so that
// an alert about it is recognised however a device writes it (G3).
func (s *Store) AddUser(ctx context.Context, u model.User) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO users (school_id, id, name, email, duty, account, trial, disabled,
			password_hash, link_hash, link_expires, token_hash, failures, last_failure, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			u.School, u.ID, u.Name, u.Email, u.Duty, model.FoldAccount(u.Account), flag(u.Trial), flag(u.Disabled),
			u.PasswordHash, u.LinkHash, micros(u.LinkExpires), u.TokenHash, u.Failures, micros(u.LastFailure), micros(u.Created))
		if err != nil {
			return taken(err)
		}
		return note(ctx, tx, u.School, model.AuditRecord{At: u.Created, What: "user.add", Ref: model.UserActor(u.ID), Outcome: string(u.Duty)})
	})
	if err != nil {
		return fmt.Errorf("adding user: %w", err)
	}
	return nil
}

// Users lists everybody who may sign in, in the order in which they were added.
func (s *Store) Users(ctx context.Context, school model.SchoolID) ([]model.User, error) {
	users, err := listUsers(ctx, s.reader, school)
	if err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	return users, nil
}

func listUsers(ctx context.Context, q querier, school model.SchoolID) ([]model.User, error) {
	return collect(ctx, q, scanUser, `SELECT `+userColumns+` FROM users WHERE school_id = $1 ORDER BY created, id`, school)
}

// UserByID reads one user.
func (s *Store) UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error) {
	return readUser(ctx, s.reader, school, id)
}

func readUser(ctx context.Context, q querier, school model.SchoolID, id string) (model.User, error) {
	return oneUser(q.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE school_id = $1 AND id = $2`, school, id))
}

// UserByEmail reads the user who signs in with an address.
func (s *Store) UserByEmail(ctx context.Context, school model.SchoolID, email string) (model.User, error) {
	return oneUser(s.reader.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE school_id = $1 AND email = $2`, school, email))
}

// UserByName reads the user with a name.
func (s *Store) UserByName(ctx context.Context, school model.SchoolID, name string) (model.User, error) {
	return oneUser(s.reader.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE school_id = $1 AND name = $2`, school, name))
}

// UserByLink reads the user whose one-time link has this hash. Whether it has
// expired is in the user; SetPassword refuses an expired or used one.
func (s *Store) UserByLink(ctx context.Context, school model.SchoolID, hash []byte) (model.User, error) {
	return oneUser(s.reader.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE school_id = $1 AND link_hash = $2`, school, hash))
}

// UserByToken reads the user whose command-line token has this hash.
func (s *Store) UserByToken(ctx context.Context, school model.SchoolID, hash []byte) (model.User, error) {
	return oneUser(s.reader.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE school_id = $1 AND token_hash = $2`, school, hash))
}

func oneUser(row *sql.Row) (model.User, error) {
	u, err := scanUser(row)
	if err != nil {
		return model.User{}, fmt.Errorf("reading user: %w", missing(err))
	}
	return u, nil
}

// SetPassword spends the user's one-time link on a password, in one statement:
// of two tries with one link the second finds ErrNotFound, as does one that
// comes too late. Sessions from before end.
func (s *Store) SetPassword(ctx context.Context, school model.SchoolID, userID, hash string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := changedOne(tx.ExecContext(ctx, `UPDATE users SET password_hash = $3, link_hash = NULL, link_expires = 0, failures = 0
			WHERE school_id = $1 AND id = $2 AND disabled = 0 AND link_hash IS NOT NULL AND link_expires > $4`,
			school, userID, hash, micros(now)))
		if err != nil {
			return err
		}
		who := model.UserActor(userID)
		if err := note(ctx, tx, school, model.AuditRecord{At: now, Actor: who, What: "user.password", Ref: who}); err != nil {
			return err
		}
		return endSessions(ctx, tx, school, userID)
	})
	if err != nil {
		return fmt.Errorf("setting password: %w", err)
	}
	return nil
}

// RecordSignIn counts failed sign-ins in a row, for the growing delay.
func (s *Store) RecordSignIn(ctx context.Context, school model.SchoolID, userID string, ok bool, now time.Time) error {
	r := model.AuditRecord{At: now, Actor: model.UserActor(userID), What: "sign-in", Ref: model.UserActor(userID), Outcome: "done"}
	if !ok {
		r.Actor, r.Outcome = "somebody", "refused" // who tried is not known
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := changedOne(tx.ExecContext(ctx, `UPDATE users SET
			failures = CASE WHEN $3 = 1 THEN 0 ELSE failures + 1 END,
			last_failure = CASE WHEN $3 = 1 THEN last_failure ELSE $4 END
			WHERE school_id = $1 AND id = $2`, school, userID, flag(ok), micros(now)))
		if err != nil {
			return err
		}
		return note(ctx, tx, school, r)
	})
	if err != nil {
		return fmt.Errorf("recording sign-in: %w", err)
	}
	return nil
}

// DisableUser shuts a user out and ends their sessions.
func (s *Store) DisableUser(ctx context.Context, school model.SchoolID, userID string) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := changedOne(tx.ExecContext(ctx, `UPDATE users SET disabled = 1, link_hash = NULL, link_expires = 0
			WHERE school_id = $1 AND id = $2`, school, userID))
		if err != nil {
			return err
		}
		if err := note(ctx, tx, school, model.AuditRecord{What: "user.disable", Ref: model.UserActor(userID)}); err != nil {
			return err
		}
		return endSessions(ctx, tx, school, userID)
	})
	if err != nil {
		return fmt.Errorf("disabling user: %w", err)
	}
	return nil
}
