package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// keptTables is of how many versions the compiled files are kept: a device may
// still be fetching the one before. Sources are kept of all.
const keptTables = 3

func addPolicyFiles(ctx context.Context, tx *sql.Tx, v model.PolicyVersion) error {
	for _, f := range v.Files {
		_, err := tx.ExecContext(ctx, `INSERT INTO policy_files (school_id, epoch, serial, compiled, name, sha256) VALUES ($1, $2, $3, $4, $5, $6)`,
			v.School, int64(v.Epoch), int64(v.Serial), flag(f.Compiled), f.Name, f.SHA256[:])
		if err != nil {
			return err
		}
	}
	for list, version := range v.Lists {
		_, err := tx.ExecContext(ctx, `INSERT INTO policy_lists (school_id, epoch, serial, list, version) VALUES ($1, $2, $3, $4, $5)`,
			v.School, int64(v.Epoch), int64(v.Serial), list, version)
		if err != nil {
			return err
		}
	}
	return nil
}

// dropOldTables removes compiled files that no version of the last few has. They
// can be made again of the sources, and a table of names is 30 MB.
func (s *Store) dropOldTables(ctx context.Context, school model.SchoolID) error {
	var epoch, serial int64
	err := s.reader.QueryRowContext(ctx, `SELECT epoch, serial FROM policy_versions WHERE school_id = $1
		ORDER BY epoch DESC, serial DESC LIMIT 1 OFFSET $2`, school, keptTables-1).Scan(&epoch, &serial)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	// A file is gone with its row; pieces that are left behind are found the next
	// time, and are the right ones where the same file comes again.
	if err := s.dropPieces(ctx, "blobs", "0", school, epoch, serial); err != nil {
		return err
	}
	return s.dropPieces(ctx, "blob_parts", "part", school, epoch, serial)
}

// dropPieces removes old tables' rows from a table, one a transaction: each is up to
// a megabyte.
func (s *Store) dropPieces(ctx context.Context, table, part string, school model.SchoolID, epoch, serial int64) error {
	type piece struct {
		sum  []byte
		part int64
	}
	scan := func(row scanner) (p piece, err error) { return p, row.Scan(&p.sum, &p.part) }
	for {
		old, err := collect(ctx, s.reader, scan, `SELECT sha256, `+part+` FROM `+table+` WHERE school_id = $1 AND `+oldTables+` LIMIT 64`, school, epoch, serial)
		if err != nil || len(old) == 0 {
			return err
		}
		for _, p := range old {
			err := s.write(ctx, func(tx *sql.Tx) error {
				// Another collector may have published it again meanwhile.
				_, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE school_id = $1 AND sha256 = $4 AND `+part+` = $5 AND `+oldTables, school, epoch, serial, p.sum, p.part)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
}

// oldTables are the compiled files that no version from one on has.
const oldTables = `sha256 IN (SELECT sha256 FROM policy_files WHERE school_id = $1 AND compiled = 1 AND (epoch, serial) < ($2, $3))
	AND sha256 NOT IN (SELECT sha256 FROM policy_files WHERE school_id = $1 AND (compiled = 0 OR (epoch, serial) >= ($2, $3)))
	AND sha256 NOT IN (SELECT sha256 FROM proposal_files WHERE school_id = $1)`

// PolicyFiles lists the files of a version by name, sources first; none of one
// that an engine before 3 published, whose manifest names its sources.
func (s *Store) PolicyFiles(ctx context.Context, school model.SchoolID, epoch, serial uint64) ([]model.PolicyFile, error) {
	files, err := collect(ctx, s.reader, func(row scanner) (model.PolicyFile, error) {
		var f model.PolicyFile
		var compiled int64
		var sum []byte
		if err := row.Scan(&compiled, &f.Name, &sum); err != nil {
			return f, err
		}
		if len(sum) != len(f.SHA256) {
			return f, fmt.Errorf("the hash of %s is %d bytes long: restore the store from a backup", f.Name, len(sum))
		}
		f.Compiled, f.SHA256 = compiled != 0, [32]byte(sum)
		return f, nil
	}, `SELECT compiled, name, sha256 FROM policy_files WHERE school_id = $1 AND epoch = $2 AND serial = $3 ORDER BY compiled, name`,
		school, int64(epoch), int64(serial))
	if err != nil {
		return nil, fmt.Errorf("listing files of policy %d.%d: %w", epoch, serial, err)
	}
	return files, nil
}

// PolicyFileEditions gives the different contents of a source file, by hash, in the
// versions that were in force at a time or since, the newest first.
func (s *Store) PolicyFileEditions(ctx context.Context, school model.SchoolID, file string, since time.Time) ([][32]byte, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (sha [32]byte, err error) {
		var sum []byte
		if err := row.Scan(&sum); err != nil {
			return sha, err
		}
		if len(sum) != len(sha) {
			return sha, fmt.Errorf("the hash of %s is %d bytes long: restore the store from a backup", file, len(sum))
		}
		return [32]byte(sum), nil
	}, `SELECT f.sha256 FROM policy_files f
		JOIN policy_versions v ON v.school_id = f.school_id AND v.epoch = f.epoch AND v.serial = f.serial
		WHERE f.school_id = $1 AND f.name = $2 AND f.compiled = 0 AND v.issued >=
			(SELECT COALESCE(MAX(issued), 0) FROM policy_versions WHERE school_id = $1 AND issued <= $3)
		GROUP BY f.sha256 ORDER BY MAX(v.issued) DESC`, school, file, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing editions of %s: %w", file, err)
	}
	return all, nil
}

// PolicyLists gives the version of each list whose names a version has.
func (s *Store) PolicyLists(ctx context.Context, school model.SchoolID, epoch, serial uint64) (map[string]int64, error) {
	lists := map[string]int64{}
	_, err := collect(ctx, s.reader, func(row scanner) (struct{}, error) {
		var list string
		var version int64
		err := row.Scan(&list, &version)
		lists[list] = version
		return struct{}{}, err
	}, `SELECT list, version FROM policy_lists WHERE school_id = $1 AND epoch = $2 AND serial = $3`, school, int64(epoch), int64(serial))
	if err != nil {
		return nil, fmt.Errorf("listing lists of policy %d.%d: %w", epoch, serial, err)
	}
	return lists, nil
}

// PolicyFileSince is when a version with a file was first published.
func (s *Store) PolicyFileSince(ctx context.Context, school model.SchoolID, sha [32]byte) (time.Time, error) {
	var at int64
	err := s.reader.QueryRowContext(ctx, `SELECT COALESCE(MIN(v.issued), 0) FROM policy_files f
		JOIN policy_versions v ON v.school_id = f.school_id AND v.epoch = f.epoch AND v.serial = f.serial
		WHERE f.school_id = $1 AND f.sha256 = $2`, school, sha[:]).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("asking since when a file is published: %w", err)
	}
	return moment(at), nil
}
