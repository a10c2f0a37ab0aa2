package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// TopicLists counts changes of what lists hold.
const TopicLists = "lists"

// TopicListSource is the health topic of a list's source that fails, or does
// again what it should.
const TopicListSource = "list-source"

// ErrLeaseLost says that a list was being worked on for longer than its lease,
// so that somebody else may be at it.
var ErrLeaseLost = errors.New("another collector has taken the list over")

const listColumns = `school_id, id, current_version, previous_version, offered_version, published_version,
	url, etag, modified, checked, tried, due, failing, failures, problem`

func scanList(row scanner) (model.List, error) {
	var l model.List
	var checked, tried, due, failing int64
	err := row.Scan(&l.School, &l.ID, &l.Current, &l.Previous, &l.Offered, &l.Published,
		&l.URL, &l.ETag, &l.Modified, &checked, &tried, &due, &failing, &l.Failures, &l.Problem)
	l.Checked, l.Tried, l.Due, l.Failing = moment(checked), moment(tried), moment(due), moment(failing)
	return l, err
}

// Lists lists every list that was ever subscribed to and asked for, by id.
func (s *Store) Lists(ctx context.Context, school model.SchoolID) ([]model.List, error) {
	all, err := collect(ctx, s.reader, scanList, `SELECT `+listColumns+` FROM lists WHERE school_id = $1 ORDER BY id`, school)
	if err != nil {
		return nil, fmt.Errorf("reading lists: %w", err)
	}
	return all, nil
}

// List reads one list; ErrNotFound where it was never asked for.
func (s *Store) List(ctx context.Context, school model.SchoolID, id string) (model.List, error) {
	l, err := readList(ctx, s.reader, school, id)
	if err != nil {
		return l, fmt.Errorf("reading list %s: %w", id, err)
	}
	return l, nil
}

func readList(ctx context.Context, q querier, school model.SchoolID, id string) (model.List, error) {
	l, err := scanList(q.QueryRowContext(ctx, `SELECT `+listColumns+` FROM lists WHERE school_id = $1 AND id = $2`, school, id))
	return l, missing(err)
}

// ClaimList takes a lease on a list, or renews it; false: another collector holds
// it. A lease ends by itself when now has reached its end.
func (s *Store) ClaimList(ctx context.Context, l model.ListLease, now time.Time) (claimed bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		claimed, err = affected(tx.ExecContext(ctx, `INSERT INTO lists (school_id, id, current_version, previous_version, offered_version,
			published_version, url, etag, modified, checked, tried, due, failing, failures, problem, lease_owner, lease_until)
			VALUES ($1, $2, 0, 0, 0, 0, '', '', '', 0, 0, 0, 0, 0, '', $3, $4)
			ON CONFLICT (school_id, id) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
			WHERE lists.lease_owner = excluded.lease_owner OR lists.lease_until <= $5`,
			l.School, l.List, l.Owner, micros(l.Until), micros(now)))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("claiming list %s: %w", l.List, err)
	}
	return claimed, nil
}

// ReleaseList ends a lease early.
func (s *Store) ReleaseList(ctx context.Context, l model.ListLease) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE lists SET lease_owner = '', lease_until = 0 WHERE school_id = $1 AND id = $2 AND lease_owner = $3`,
		l.School, l.List, l.Owner)
	if err != nil {
		return fmt.Errorf("giving list %s back: %w", l.List, err)
	}
	return nil
}

// leased says whether a lease still is its owner's, and reads the list.
func leased(ctx context.Context, tx *sql.Tx, l model.ListLease) (model.List, error) {
	var owner string
	err := tx.QueryRowContext(ctx, `SELECT lease_owner FROM lists WHERE school_id = $1 AND id = $2`, l.School, l.List).Scan(&owner)
	if err != nil {
		return model.List{}, missing(err)
	}
	if owner != l.Owner {
		return model.List{}, ErrLeaseLost
	}
	return readList(ctx, tx, l.School, l.List)
}

// ListsRestored has every list's source asked as soon as the collector serves, and
// frees each from whoever worked on it in the database's earlier life: devices may
// hold a newer edition than one that was put back.
func (s *Store) ListsRestored(ctx context.Context, school model.SchoolID) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE lists SET due = 0, lease_owner = '', lease_until = 0 WHERE school_id = $1`, school)
		return err
	})
	if err != nil {
		return fmt.Errorf("having lists refreshed after a restore: %w", err)
	}
	return nil
}

// NoteList puts down what came of asking a list's source. That it begins to
// fail, and that it no longer does, are health events each.
func (s *Store) NoteList(ctx context.Context, l model.ListLease, try model.ListTry) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		was, err := leased(ctx, tx, l)
		if err != nil {
			return err
		}
		return noteList(ctx, tx, was, try)
	})
	if err != nil {
		return fmt.Errorf("noting what came of list %s: %w", l.List, err)
	}
	return nil
}

func noteList(ctx context.Context, tx *sql.Tx, l model.List, try model.ListTry) error {
	was := l.Failing
	l.Tried, l.Due = try.At, try.Due
	if try.Problem != "" {
		l.Problem = try.Problem
		if l.Failures++; l.Failing.IsZero() {
			l.Failing = try.At
		}
	} else {
		l.Checked, l.Failing, l.Failures = try.At, time.Time{}, 0
		l.URL, l.ETag, l.Modified = try.URL, try.ETag, try.Modified
		if l.Offered == 0 {
			l.Problem = ""
		}
	}
	if err := writeList(ctx, tx, l); err != nil {
		return err
	}
	switch {
	case was.IsZero() && !l.Failing.IsZero():
		return noteHealth(ctx, tx, l.School, TopicListSource, "list "+l.ID+" fails: "+l.Problem, try.At)
	case !was.IsZero() && l.Failing.IsZero():
		return noteHealth(ctx, tx, l.School, TopicListSource, "list "+l.ID+" works again", try.At)
	}
	return nil
}

// writeList writes a list down, but for its lease.
func writeList(ctx context.Context, tx *sql.Tx, l model.List) error {
	_, err := tx.ExecContext(ctx, `UPDATE lists SET current_version = $3, previous_version = $4, offered_version = $5, published_version = $6,
		url = $7, etag = $8, modified = $9, checked = $10, tried = $11, due = $12, failing = $13, failures = $14, problem = $15
		WHERE school_id = $1 AND id = $2`, l.School, l.ID, l.Current, l.Previous, l.Offered, l.Published,
		l.URL, l.ETag, l.Modified, micros(l.Checked), micros(l.Tried), micros(l.Due), micros(l.Failing), l.Failures, l.Problem)
	return err
}

// ListsPublished notes with which versions of lists, by id, the rules in force
// were made.
func (s *Store) ListsPublished(ctx context.Context, school model.SchoolID, versions map[string]int64) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		for id, version := range versions {
			_, err := tx.ExecContext(ctx, `UPDATE lists SET published_version = $3 WHERE school_id = $1 AND id = $2`, school, id, version)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("noting which lists are published: %w", err)
	}
	return nil
}
