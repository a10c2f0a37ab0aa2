package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// ErrErased says that a subject was erased already.
var ErrErased = errors.New("this subject was erased already")

// ErrAgain says that something cannot be done at this moment.
var ErrAgain = errors.New("sealing keys are being changed here: try again in some seconds")

// sharedGrace is how long other collectors on one database have, who look for
// changes four times a second, to forget a subject or to follow an epoch.
const sharedGrace = 5 * time.Second

// EraseSubject makes a subject's account, name and words unreadable for good:
// here, and in every copy of the database that was ever made, since the key is
// wrapped anew for everybody but them and the epoch's secret destroyed. Alerts
// stay, without words. The account, seen again, is somebody new.
//
// It goes in short transactions. Once the first is done the erasure stands, and
// what is cut short after it goes on at the next start. Copies of the keyring
// made before still hold the key: replace them.
func (s *Store) EraseSubject(ctx context.Context, school model.SchoolID, id, reason string, now time.Time) error {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return fmt.Errorf("erasing a subject: %w", err)
	}
	err = s.overwriting(ctx, func(tx *sql.Tx) error {
		if err := s.markErased(ctx, tx, school, keys, ErasedSubject{Subject: id, At: now, Reason: reason}); err != nil {
			return err
		}
		// Before anybody else writes: nobody may be given it again.
		s.forgetSubjects()
		return nil
	})
	if err == nil { // whoever asked may leave: it is decided
		ctx = context.WithoutCancel(ctx)
		err = s.changingEpochs(ctx, school, func(keys *seal.School) error { return s.finishErasures(ctx, school, keys) })
	}
	if err != nil {
		return fmt.Errorf("erasing a subject: %w", err)
	}
	return nil
}

// markErased takes a subject out of sight, in one transaction. Its key goes too,
// unless other collectors may still be writing with it.
func (s *Store) markErased(ctx context.Context, tx *sql.Tx, school model.SchoolID, keys *seal.School, e ErasedSubject) error {
	var bare string
	var erased int64
	err := tx.QueryRowContext(ctx, `SELECT s.bare, COALESCE(x.at, 0) FROM subjects s
		LEFT JOIN erasures x ON x.school_id = s.school_id AND x.subject_id = s.id
		WHERE s.school_id = $1 AND s.id = $2`, school, e.Subject).Scan(&bare, &erased)
	if err != nil {
		return missing(err)
	}
	if erased != 0 {
		return ErrErased
	}
	if e.Hidden, err = ofAUser(ctx, tx, school, keys, bare); err != nil {
		return err
	}
	if err := eraseRow(ctx, tx, school, e, 0); err != nil {
		return err
	}
	err = note(ctx, tx, school, model.AuditRecord{At: e.At, What: "subject.erase", Ref: "subject:" + e.Subject, Reason: e.Reason})
	if err != nil {
		return err
	}
	return bump(ctx, tx, school, TopicPeople)
}

// ofAUser says whether somebody who signs in is the subject.
func ofAUser(ctx context.Context, tx *sql.Tx, school model.SchoolID, keys *seal.School, bare string) (bool, error) {
	users, err := listUsers(ctx, tx, school)
	for _, u := range users {
		if now, before := ownLookups(keys, u); now != "" && (bare == now || bare == before) {
			return true, nil
		}
	}
	return false, err
}

// erasedAccount begins what an erased subject is found by: nothing.
const erasedAccount = "erased:"

// eraseRow takes away what of a subject could be read or found. Hidden ones were
// a user's own account: since that cannot be told any more, what is about them
// is shown to nobody (G3).
func eraseRow(ctx context.Context, tx *sql.Tx, school model.SchoolID, e ErasedSubject, epoch int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE subjects SET account = $3, bare = '', name = '', year = '',
		known = CASE WHEN $4 = 1 THEN 0 ELSE known END WHERE school_id = $1 AND id = $2`, school, e.Subject, erasedAccount+e.Subject, flag(e.Hidden))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO erasures (school_id, subject_id, at, reason, epoch) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (school_id, subject_id) DO NOTHING`, school, e.Subject, micros(e.At), e.Reason, epoch)
	if err != nil || epoch == 0 {
		return err
	}
	return dropKey(ctx, tx, school, e.Subject)
}

func dropKey(ctx context.Context, tx *sql.Tx, school model.SchoolID, id string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM subject_keys WHERE school_id = $1 AND subject_id = $2`, school, id)
	return err
}

// finishErasures does what is left of erasures, whoever began them: keys and words
// away, a new epoch. It runs within changingEpochs.
func (s *Store) finishErasures(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	ids, err := collect(ctx, s.writer, func(row scanner) (id string, err error) { return id, row.Scan(&id) },
		`SELECT subject_id FROM erasures WHERE school_id = $1 AND epoch = 0`, school)
	if err != nil {
		return err
	}
	if len(ids) == 0 { // another collector did it all
		return s.dropEpochs(ctx, school, keys)
	}
	if err := s.grace(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		err := s.overwriting(ctx, func(tx *sql.Tx) error { return dropKey(ctx, tx, school, id) })
		if err != nil {
			return err
		}
		if err := s.eraseWords(ctx, school, id); err != nil {
			return err
		}
	}
	if err := s.changeEpoch(ctx, school, keys); err != nil {
		return err
	}
	for _, id := range ids {
		err := s.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE erasures SET epoch = $3 WHERE school_id = $1 AND subject_id = $2`, school, id, keys.Newest())
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.forgetOldPages(ctx)
}

// grace lets other collectors see a change.
func (s *Store) grace(ctx context.Context) error {
	if !s.Shared() {
		return nil
	}
	timer := time.NewTimer(s.sealing.grace)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// eraseWords overwrites what was seen of a subject, chunk by chunk. Nobody could
// read it any more; what is not there cannot be kept for later either.
func (s *Store) eraseWords(ctx context.Context, school model.SchoolID, id string) error {
	scan := func(row scanner) (rowKey, error) {
		var event []byte
		var device string
		err := row.Scan(&event, &device)
		return rowKey{event, device}, err
	}
	for {
		keys, err := collect(ctx, s.reader, scan, `SELECT e.event_id, e.device FROM alerts a
			JOIN alert_events l ON l.school_id = a.school_id AND l.ref = a.ref
			JOIN events e ON e.school_id = l.school_id AND e.event_id = l.event_id AND e.device = l.device
			WHERE a.school_id = $1 AND a.subject_id = $2 AND e.body <> '' LIMIT $3`, school, id, sealOldChunk)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = s.overwriting(ctx, func(tx *sql.Tx) error {
			for _, key := range keys {
				_, err := tx.ExecContext(ctx, `UPDATE events SET body = '', digest = '' WHERE school_id = $1 AND event_id = $2 AND device = $3`, school, key[0], key[1])
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// newEpoch makes every copy of the database of before lose whoever is not in it
// any more.
func (s *Store) newEpoch(ctx context.Context, school model.SchoolID) error {
	if _, err := s.keysOf(ctx, school); err != nil {
		return err
	}
	return s.changingEpochs(ctx, school, func(keys *seal.School) error { return s.changeEpoch(ctx, school, keys) })
}

// changeEpoch begins an epoch, brings every subject into it, and destroys the
// secrets of those before. Other collectors on the database are told in between. It
// runs within changingEpochs.
func (s *Store) changeEpoch(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	// A subject is looked up in two epochs at most: none may lag two behind.
	if err := s.rewrap(ctx, school, keys); err != nil {
		return err
	}
	if err := s.nextEpoch(ctx, school, keys); err != nil {
		return err
	}
	return s.bringOver(ctx, school, keys)
}

// bringOver is changeEpoch once the epoch is begun.
func (s *Store) bringOver(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	if err := s.tellOfEpoch(ctx, school); err != nil {
		return err
	}
	if err := s.grace(ctx); err != nil {
		return err
	}
	if err := s.rewrap(ctx, school, keys); err != nil {
		return err
	}
	if err := s.writeOwnKeyring(ctx, school, keys); err != nil {
		return err
	}
	if err := s.tellOfEpoch(ctx, school); err != nil {
		return err
	}
	return s.dropEpochs(ctx, school, keys)
}

func (s *Store) tellOfEpoch(ctx context.Context, school model.SchoolID) error {
	return s.write(ctx, func(tx *sql.Tx) error { return bump(ctx, tx, school, TopicPeople) })
}

// FollowPeople is called where another collector may have erased somebody: what
// is remembered of subjects is forgotten, its epochs are taken over, and secrets
// that nothing is wrapped with any more are destroyed here too. It waits for
// nobody: ErrAgain says that this collector is itself changing epochs, and that it
// is to be called once more.
func (s *Store) FollowPeople(ctx context.Context, school model.SchoolID) error {
	if !s.Shared() {
		return nil
	}
	s.forgetSubjects()
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return err
	}
	if !s.sealing.following.TryLock() {
		return ErrAgain
	}
	defer s.sealing.following.Unlock()
	rows, err := sealEpochs(ctx, s.writer, school)
	if err == nil {
		err = takeEpochs(keys, rows)
	}
	if err == nil {
		err = s.dropEpochs(ctx, school, keys)
	}
	if err != nil {
		return fmt.Errorf("following an epoch: %w", err)
	}
	return nil
}
