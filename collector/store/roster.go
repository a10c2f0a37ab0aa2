package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// rosterChunk is how many rows one transaction lays down: few enough to hold
// the write connection for some milliseconds.
const rosterChunk = 200

// ImportRoster takes over who is who: people not yet known are added, those
// whose name, role or year differs are changed, nobody is removed. The rows are
// laid down in chunks and switched over in one short transaction, so a roster
// is imported whole or not at all.
//
// A held alert whose subject is now known as a pupil is released: the next
// GatherOnce opens it and tells. An alert whose subject is no longer known as a
// pupil is from then on shown to nobody.
func (s *Store) ImportRoster(ctx context.Context, school model.SchoolID, people []model.Person, now time.Time) (added, changed int, err error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return 0, 0, fmt.Errorf("importing roster: %w", err)
	}
	id := randomID()
	for chunk := range slices.Chunk(people, rosterChunk) {
		err := s.write(ctx, func(tx *sql.Tx) error { return stageRoster(ctx, tx, keys, school, id, chunk) })
		if err != nil {
			return 0, 0, errors.Join(fmt.Errorf("importing roster: %w", err), s.dropRoster(ctx, school, id))
		}
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		var err error
		if added, changed, err = switchRoster(ctx, tx, school, id); err != nil {
			return err
		}
		return note(ctx, tx, school, model.AuditRecord{
			At: now, What: "roster.import", Ref: "roster:" + id, Outcome: fmt.Sprintf("%d people, %d new, %d changed", len(people), added, changed),
		})
	})
	// A staging area that stays behind is swept by the next import.
	if err != nil {
		return 0, 0, errors.Join(fmt.Errorf("importing roster: %w", err), s.dropRoster(ctx, school, id))
	}
	return added, changed, nil
}

// stageRoster lays people down. Whoever has no subject gets one, of an account that
// no roster explains until the switch.
func stageRoster(ctx context.Context, tx *sql.Tx, keys *seal.School, school model.SchoolID, id string, people []model.Person) error {
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO roster_rows (school_id, import, account, bare, id, name, role, year)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	now, err := keys.Present()
	if err != nil {
		return err
	}
	for _, p := range people {
		account := model.FoldAccount(p.Account)
		subject, err := ensureSubject(ctx, tx, keys, subjectKey{school: school, account: account})
		if err != nil {
			return err
		}
		sealed, err := sealedAnew(ctx, tx, school, subject, details{account, p.Name})
		if err != nil {
			return err
		}
		_, err = stmt.ExecContext(ctx, school, id, now.Lookup(byAccount, account), now.Lookup(byBare, model.BareAccount(account)),
			subject.id, sealed, p.Role, p.Year)
		if err != nil {
			return taken(err)
		}
	}
	return nil
}

// sealedAnew seals what of a subject is sealed, or leaves it as it is where it says
// the same: sealing it again would look like a change.
func sealedAnew(ctx context.Context, tx *sql.Tx, school model.SchoolID, subject foundSubject, d details) ([]byte, error) {
	var was []byte
	err := tx.QueryRowContext(ctx, `SELECT name FROM subjects WHERE school_id = $1 AND id = $2`, school, subject.id).Scan(&was)
	if err != nil {
		return nil, err
	}
	if now, err := openDetails(subject.box, school, subject.id, was); err == nil && now == d {
		return was, nil
	}
	return sealDetails(subject.box, school, subject.id, d)
}

func switchRoster(ctx context.Context, tx *sql.Tx, school model.SchoolID, id string) (added, changed int, err error) {
	var total, same int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(s.known), 0),
		COALESCE(SUM(CASE WHEN s.known = 1 AND s.name = r.name AND s.role = r.role AND s.year = r.year THEN 1 ELSE 0 END), 0)
		FROM roster_rows r LEFT JOIN subjects s ON s.school_id = r.school_id AND s.id = r.id
		WHERE r.school_id = $1 AND r.import = $2`, school, id).Scan(&total, &changed, &same)
	if err != nil {
		return 0, 0, err
	}
	added, changed = total-changed, changed-same
	for _, query := range []string{
		`INSERT INTO subjects (school_id, id, account, device, bare, name, role, year, known)
			SELECT school_id, id, account, '', bare, name, role, year, 1 FROM roster_rows WHERE school_id = $1 AND import = $2
			ON CONFLICT (school_id, id) DO UPDATE
			SET name = excluded.name, role = excluded.role, year = excluded.year, known = 1
			WHERE subjects.account NOT LIKE 'erased:%'`, // while the import was under way
		`INSERT INTO releases (school_id, ref)
			SELECT a.school_id, a.ref FROM roster_rows r
			JOIN alerts a ON a.school_id = r.school_id AND a.subject_id = r.id
			WHERE r.school_id = $1 AND r.import = $2 AND r.role = 'pupil' AND a.state = 'held'
			ON CONFLICT (school_id, ref) DO NOTHING`,
		// Everything laid down: this import's, and that of any cut short before.
		`DELETE FROM roster_rows WHERE school_id = $1 AND $2 <> ''`,
	} {
		if _, err := tx.ExecContext(ctx, query, school, id); err != nil {
			return 0, 0, err
		}
	}
	return added, changed, bump(ctx, tx, school, TopicPeople)
}

func (s *Store) dropRoster(ctx context.Context, school model.SchoolID, id string) error {
	ctx = context.WithoutCancel(ctx)
	_, err := s.writer.ExecContext(ctx, `DELETE FROM roster_rows WHERE school_id = $1 AND import = $2`, school, id)
	return err
}
