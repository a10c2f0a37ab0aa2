package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// sealEpoch is a row of seal_epochs.
type sealEpoch struct {
	number        int64
	check, handed []byte
}

func sealEpochs(ctx context.Context, q querier, school model.SchoolID) ([]sealEpoch, error) {
	scan := func(row scanner) (e sealEpoch, err error) { return e, row.Scan(&e.number, &e.check, &e.handed) }
	all, err := collect(ctx, q, scan, `SELECT epoch, check_value, handed FROM seal_epochs WHERE school_id = $1 ORDER BY epoch`, school)
	if err != nil {
		return nil, fmt.Errorf("reading epochs: %w", err)
	}
	return all, nil
}

// changingEpochs runs f while nobody else, here or in another collector, changes a
// school's epochs, once sealing.key and the database stand at the same one. While
// another collector's change is waited for this one follows it, for which the
// other waits: following is locked last. One here waits at a time, since each that
// does holds a connection.
func (s *Store) changingEpochs(ctx context.Context, school model.SchoolID, f func(keys *seal.School) error) error {
	s.sealing.changing.Lock()
	defer s.sealing.changing.Unlock()
	return s.dialect.alone(ctx, s.writer, "sealing "+string(school), func() error {
		s.sealing.following.Lock()
		defer s.sealing.following.Unlock()
		keys := s.sealing.file.School(string(school))
		if err := s.followEpochs(ctx, school, keys); err != nil {
			return err
		}
		return f(keys)
	})
}

// followEpochs brings sealing.key and the database to the same epoch: the first
// is begun, one that another collector began is taken over, one whose row was
// not written (a crash, an older database) is written. It is changingEpochs' own.
func (s *Store) followEpochs(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	rows, err := sealEpochs(ctx, s.writer, school)
	if err != nil {
		return err
	}
	var last int64
	if len(rows) > 0 {
		last = rows[len(rows)-1].number
	}
	if keys.Newest() == 0 {
		if last > 0 && s.sealing.keyring == nil {
			return errors.New("the database is sealed and there is no sealing.key for it: copy the file from the collector that made it, or restore a backup with its keyring")
		}
		if err := keys.Begin(s.sealing.keyring.after(school, last)); err != nil {
			return err
		}
	}
	if s.sealing.keyring == nil { // of a restore: what was handed over is of secrets that are gone
		if err := takeEpochs(keys, rows); err != nil {
			return err
		}
	}
	if last == keys.Newest() {
		return keys.Matches(last, rows[len(rows)-1].check)
	}
	if err := s.adoptOlder(ctx, school, keys); err != nil {
		return err
	}
	check, err := keys.Check(keys.Newest())
	if err != nil {
		return err
	}
	return s.writeEpoch(ctx, school, seal.Drawn{Number: keys.Newest(), Check: check, Handed: keys.Hand()})
}

// takeEpochs takes over what other collectors began.
func takeEpochs(keys *seal.School, rows []sealEpoch) error {
	for _, row := range rows {
		if err := keys.Take(row.number, row.handed); err != nil {
			return err
		}
	}
	return nil
}

// nextEpoch begins one. It is written down before anything is wrapped with it, so
// that nobody else can have begun one of the same number.
func (s *Store) nextEpoch(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	drawn, err := keys.Draw()
	if err != nil {
		return err
	}
	if err := s.writeEpoch(ctx, school, drawn); err != nil {
		return err
	}
	return keys.Take(drawn.Number, drawn.Handed)
}

func (s *Store) writeEpoch(ctx context.Context, school model.SchoolID, e seal.Drawn) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO seal_epochs (school_id, epoch, check_value, handed, begun) VALUES ($1, $2, $3, $4, $5)`,
			school, e.Number, e.Check, blob(e.Handed), micros(s.now()))
		if err != nil {
			return fmt.Errorf("writing an epoch: %w", err)
		}
		return nil
	})
}

// rewrapChunk is how many subjects one transaction moves to the newest epoch:
// each is two statements.
const rewrapChunk = 100

// keyRow is a row of subject_keys with what is found by its subject.
type keyRow struct {
	id      string
	epoch   int64
	wrapped []byte
	sealed  []byte
	device  string
	there   bool // the subject has a row
}

func scanKeyRow(row scanner) (k keyRow, err error) {
	var there int64
	err = row.Scan(&k.id, &k.epoch, &k.wrapped, &k.sealed, &k.device, &there)
	k.there = there != 0
	return k, err
}

const keyRowsSQL = `SELECT k.subject_id, k.epoch, k.wrapped, s.name, COALESCE(s.device, ''), CASE WHEN s.id IS NULL THEN 0 ELSE 1 END
	FROM subject_keys k LEFT JOIN subjects s ON s.school_id = k.school_id AND s.id = k.subject_id
	WHERE k.school_id = $1 AND k.epoch < $2 LIMIT $3`

// rewrap moves every subject to the newest epoch, in short transactions. It may
// be broken off; the next call goes on.
func (s *Store) rewrap(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	for {
		n := 0
		err := s.write(ctx, func(tx *sql.Tx) error {
			rows, err := collect(ctx, tx, scanKeyRow, keyRowsSQL, school, keys.Newest(), rewrapChunk)
			if n = len(rows); err != nil {
				return err
			}
			for _, row := range rows {
				if err := rewrapOne(ctx, tx, school, keys, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("wrapping subjects' keys anew: %w", err)
		}
		if n < rewrapChunk {
			return nil
		}
	}
}

// rewrapOne moves one subject, unless it is erased or moved meanwhile.
func rewrapOne(ctx context.Context, tx *sql.Tx, school model.SchoolID, keys *seal.School, row keyRow) error {
	key, err := keys.Unwrap(row.id, row.epoch, row.wrapped)
	if err != nil {
		return err
	}
	now, err := keys.Present()
	if err != nil {
		return err
	}
	epoch, wrapped := now.Wrap(row.id, key)
	moved, err := affected(tx.ExecContext(ctx, `UPDATE subject_keys SET epoch = $4, wrapped = $5 WHERE school_id = $1 AND subject_id = $2 AND epoch = $3`,
		school, row.id, row.epoch, epoch, wrapped))
	if err != nil || !moved {
		return err
	}
	return findAnew(ctx, tx, school, now, row, key)
}

// addKey writes a subject's key in an epoch, and what it is found by.
func addKey(ctx context.Context, tx *sql.Tx, school model.SchoolID, now seal.Present, row keyRow, key seal.Key) error {
	epoch, wrapped := now.Wrap(row.id, key)
	_, err := tx.ExecContext(ctx, `INSERT INTO subject_keys (school_id, subject_id, epoch, wrapped) VALUES ($1, $2, $3, $4)
		ON CONFLICT (school_id, subject_id) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped`, school, row.id, epoch, wrapped)
	if err != nil {
		return err
	}
	return findAnew(ctx, tx, school, now, row, key)
}

// findAnew writes what a subject is found by. An erased one is found by nothing
// any more; one whose account became another subject's too, at a collector that
// had not followed yet, keeps its alerts.
func findAnew(ctx context.Context, tx *sql.Tx, school model.SchoolID, now seal.Present, row keyRow, key seal.Key) error {
	if !row.there || row.device != "" || len(row.sealed) == 0 {
		return nil
	}
	d, err := openDetails(seal.NewBox(key), school, row.id, row.sealed)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE subjects SET bare = $4, account = CASE WHEN account LIKE 'former:%' THEN account
			WHEN EXISTS (SELECT 1 FROM subjects o WHERE o.school_id = $1 AND o.account = $3 AND o.device = '' AND o.id <> $2) THEN 'former:' || id
			ELSE $3 END
		WHERE school_id = $1 AND id = $2 AND account NOT LIKE 'erased:%'`, school, row.id,
		now.Lookup(byAccount, d.Account), now.Lookup(byBare, model.BareAccount(d.Account)))
	return err
}

// dropEpochs destroys the secrets of epochs in which nothing is wrapped any more.
func (s *Store) dropEpochs(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	var oldest int64
	err := s.writer.QueryRowContext(ctx, `SELECT COALESCE(MIN(epoch), 0) FROM subject_keys WHERE school_id = $1`, school).Scan(&oldest)
	if err != nil {
		return fmt.Errorf("finding epochs to destroy: %w", err)
	}
	if oldest == 0 {
		oldest = keys.Newest()
	}
	if numbers := keys.Numbers(); !slices.Contains(numbers, oldest) || numbers[0] == oldest {
		return nil
	}
	return keys.Destroy(oldest)
}
