package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

const listVersionColumns = `school_id, list, version, state, sha256, fetched, url, format, licence, maker, imported_by,
	bytes, names, added, removed, summary`

func scanListVersion(row scanner) (model.ListVersion, error) {
	var v model.ListVersion
	var fetched int64
	err := row.Scan(&v.School, &v.List, &v.Version, &v.State, &v.SHA256, &fetched, &v.URL, &v.Format, &v.Licence, &v.From, &v.By,
		&v.Bytes, &v.Names, &v.Added, &v.Removed, &v.Summary)
	v.Fetched = moment(fetched)
	return v, err
}

// ListVersions lists what is known of a list's versions, newest first: their
// provenance, and whether their names are still there.
func (s *Store) ListVersions(ctx context.Context, school model.SchoolID, list string) ([]model.ListVersion, error) {
	all, err := collect(ctx, s.reader, scanListVersion,
		`SELECT `+listVersionColumns+` FROM list_versions WHERE school_id = $1 AND list = $2 ORDER BY version DESC`, school, list)
	if err != nil {
		return nil, fmt.Errorf("reading the versions of list %s: %w", list, err)
	}
	return all, nil
}

// StageList begins a version: nobody reads it until TakeList or OfferList.
func (s *Store) StageList(ctx context.Context, l model.ListLease) (version int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := leased(ctx, tx, l); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) + 1 FROM list_versions WHERE school_id = $1 AND list = $2`,
			l.School, l.List).Scan(&version)
		if err != nil {
			return err
		}
		return insertListVersion(ctx, tx, model.ListVersion{School: l.School, List: l.List, Version: version, State: model.ListStaged})
	})
	if err != nil {
		return 0, fmt.Errorf("beginning a version of list %s: %w", l.List, err)
	}
	return version, nil
}

func insertListVersion(ctx context.Context, tx *sql.Tx, v model.ListVersion) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO list_versions (`+listVersionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (school_id, list, version) DO UPDATE SET state = excluded.state, sha256 = excluded.sha256, fetched = excluded.fetched,
		url = excluded.url, format = excluded.format, licence = excluded.licence, maker = excluded.maker, imported_by = excluded.imported_by,
		bytes = excluded.bytes, names = excluded.names, added = excluded.added, removed = excluded.removed, summary = excluded.summary`,
		v.School, v.List, v.Version, v.State, blob(v.SHA256), micros(v.Fetched), v.URL, v.Format, v.Licence, v.From, v.By,
		v.Bytes, v.Names, v.Added, v.Removed, blob(v.Summary))
	return err
}

// TakeList puts a staged or offered version in force, in one short transaction,
// and notes what came of asking the source where it was asked. The version
// before is kept. It is on record as what, with the reason of whoever acts.
func (s *Store) TakeList(ctx context.Context, l model.ListLease, v model.ListVersion, try *model.ListTry, what string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		list, err := leased(ctx, tx, l)
		if err != nil {
			return err
		}
		v.State = model.ListKept
		if err := insertListVersion(ctx, tx, v); err != nil {
			return err
		}
		if list.Failing.IsZero() || list.Offered != 0 { // else its source still fails, for the same reason
			list.Problem = ""
		}
		list.Previous, list.Current, list.Offered = list.Current, v.Version, 0
		if try == nil {
			err = writeList(ctx, tx, list)
		} else {
			err = noteList(ctx, tx, list, *try)
		}
		if err != nil {
			return err
		}
		err = note(ctx, tx, l.School, model.AuditRecord{
			At: now, What: what, Ref: model.ListRef(l.List),
			Outcome: fmt.Sprintf("version %d: %d names, %d new, %d gone", v.Version, v.Names, v.Added, v.Removed),
		})
		if err != nil {
			return err
		}
		return bump(ctx, tx, l.School, TopicLists)
	})
	if err != nil {
		return fmt.Errorf("putting version %d of list %s in force: %w", v.Version, l.List, err)
	}
	return nil
}

// OfferList keeps a staged version for a person to look at, in the place of one
// that was offered before. why is the standing warning.
func (s *Store) OfferList(ctx context.Context, l model.ListLease, v model.ListVersion, try *model.ListTry, why string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		list, err := leased(ctx, tx, l)
		if err != nil {
			return err
		}
		v.State = model.ListOffered
		if err := insertListVersion(ctx, tx, v); err != nil {
			return err
		}
		list.Offered, list.Problem = v.Version, why
		if try == nil {
			err = writeList(ctx, tx, list)
		} else {
			err = noteList(ctx, tx, list, *try)
		}
		if err != nil {
			return err
		}
		err = note(ctx, tx, l.School, model.AuditRecord{At: now, What: "list.refuse", Ref: model.ListRef(l.List), Outcome: why})
		if err != nil {
			return err
		}
		if err := noteHealth(ctx, tx, l.School, TopicListSource, "list "+l.List+" was refused: "+why, now); err != nil {
			return err
		}
		return bump(ctx, tx, l.School, TopicLists)
	})
	if err != nil {
		return fmt.Errorf("keeping version %d of list %s back: %w", v.Version, l.List, err)
	}
	return nil
}

// SweepList removes what of a list is needed no longer: versions that were
// begun and never finished, offered ones that another has replaced, the names of
// all but the last two, and what versions put in force before a time lost. It
// works in steps of some milliseconds.
func (s *Store) SweepList(ctx context.Context, l model.ListLease, before time.Time) error {
	list, err := s.List(ctx, l.School, l.List)
	if err != nil {
		return err
	}
	versions, err := s.ListVersions(ctx, l.School, l.List)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.Version == list.Current || v.Version == list.Previous || v.Version == list.Offered {
			continue
		}
		if err := s.sweepVersion(ctx, l, v, v.State == model.ListStaged || v.State == model.ListOffered || v.Fetched.Before(before)); err != nil {
			return fmt.Errorf("removing version %d of list %s: %w", v.Version, l.List, err)
		}
	}
	return nil
}

// sweepVersion removes a version's names, or the whole of it.
func (s *Store) sweepVersion(ctx context.Context, l model.ListLease, v model.ListVersion, whole bool) error {
	if !whole && v.State == model.ListGone {
		return nil
	}
	parts := []model.ListPart{model.ListNames}
	if whole {
		parts = append(parts, model.ListRemoved)
	}
	for _, part := range parts {
		if err := s.dropListChunks(ctx, l, v.Version, part); err != nil {
			return err
		}
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := leased(ctx, tx, l); err != nil {
			return err
		}
		if whole {
			_, err := tx.ExecContext(ctx, `DELETE FROM list_versions WHERE school_id = $1 AND list = $2 AND version = $3`, l.School, l.List, v.Version)
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE list_versions SET state = $4 WHERE school_id = $1 AND list = $2 AND version = $3`,
			l.School, l.List, v.Version, model.ListGone)
		return err
	})
}
