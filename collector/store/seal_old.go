package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// sealOldChunk is how many rows of the time before sealing one transaction
// seals: some milliseconds.
const sealOldChunk = 200

// sealingOld is the sealing of events stored before there was any, beside
// everything else.
type sealingOld struct {
	stop context.CancelFunc
	done sync.WaitGroup
	err  error // of the first school that failed; for after done
}

// sealOld seals what a database of the time before sealing holds: subjects now,
// since nobody could be found without, and events little by little after. Both
// go on where a killed process left off.
func (s *Store) sealOld(ctx context.Context) error {
	schools, err := s.Schools(ctx)
	if err != nil {
		return err
	}
	for _, school := range schools {
		if _, err := s.keysOf(ctx, school.ID); err != nil {
			return err
		}
		if err := s.changingEpochs(ctx, school.ID, func(keys *seal.School) error { return s.goOn(ctx, school.ID, keys) }); err != nil {
			return err
		}
	}
	ctx, s.old.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.old.done.Go(func() {
		for _, school := range schools {
			if err := s.sealEvents(ctx, school.ID); err != nil && s.old.err == nil && ctx.Err() == nil {
				s.old.err = err
			}
		}
	})
	return nil
}

// goOn does what a start has to, before anything else: one collector at a time,
// since two would give a subject two keys, or begin two epochs.
func (s *Store) goOn(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	if err := s.sealSubjects(ctx, school, keys); err != nil {
		return fmt.Errorf("sealing subjects: %w", err)
	}
	if err := s.settle(ctx, school, keys); err != nil {
		return err
	}
	if err := s.finishErasures(ctx, school, keys); err != nil {
		return fmt.Errorf("finishing an erasure that was cut short: %w", err)
	}
	return nil
}

// settle ends a change of epoch that was cut short, here or in a collector that is
// not there any more. Others may not have been told of it yet.
func (s *Store) settle(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	if err := s.dropEpochs(ctx, school, keys); err != nil || len(keys.Numbers()) < 2 {
		return err
	}
	return s.bringOver(ctx, school, keys)
}

func (s *Store) stopSealingOld() {
	s.old.stop()
	s.old.done.Wait()
}

// SealingOld waits for what was stored before sealing to be sealed, and says why
// it is not.
func (s *Store) SealingOld() error {
	s.old.done.Wait()
	return s.old.err
}

// oldSubject is a row with a readable account.
type oldSubject struct {
	id, account, device, name string
}

func (s *Store) sealSubjects(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	scan := func(row scanner) (o oldSubject, err error) {
		var name []byte
		err = row.Scan(&o.id, &o.account, &o.device, &name)
		o.name = string(name)
		return o, err
	}
	for {
		n := 0
		err := s.overwriting(ctx, func(tx *sql.Tx) error {
			old, err := collect(ctx, tx, scan, `SELECT s.id, s.account, s.device, s.name FROM subjects s WHERE s.school_id = $1
				AND NOT EXISTS (SELECT 1 FROM subject_keys k WHERE k.school_id = s.school_id AND k.subject_id = s.id)
				AND NOT EXISTS (SELECT 1 FROM erasures x WHERE x.school_id = s.school_id AND x.subject_id = s.id) LIMIT $2`, school, sealOldChunk)
			n = len(old)
			for _, o := range old {
				if err := sealSubject(ctx, tx, school, keys, o); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil || n < sealOldChunk {
			return err
		}
	}
}

func sealSubject(ctx context.Context, tx *sql.Tx, school model.SchoolID, keys *seal.School, o oldSubject) error {
	secret := seal.NewKey()
	now, err := keys.Present()
	if err != nil {
		return err
	}
	if o.device == "" {
		sealed, err := sealDetails(seal.NewBox(secret), school, o.id, details{Account: o.account, Name: o.name})
		if err != nil {
			return err
		}
		found := now.Lookup(byAccount, o.account)
		other, _, err := findExactly(ctx, tx, keys, subjectKey{school: school, account: o.account})
		if err != nil {
			return err
		}
		if other.id != "" { // written by a program of before that still ran: its alerts stay, held
			found = "former:" + o.id
		}
		_, err = tx.ExecContext(ctx, `UPDATE subjects SET account = $3, bare = $4, name = $5 WHERE school_id = $1 AND id = $2`, school, o.id,
			found, now.Lookup(byBare, model.BareAccount(o.account)), sealed)
		if err != nil {
			return err
		}
	}
	return addKey(ctx, tx, school, now, keyRow{id: o.id}, secret)
}

// oldEvent is a row of events on its way.
type oldEvent struct {
	storedEvent
	rule    string
	epoch   int64
	wrapped []byte
}

func (s *Store) sealEvents(ctx context.Context, school model.SchoolID) error {
	for sealed := 0; ; {
		n, err := s.sealSomeEvents(ctx, school)
		if err != nil {
			return fmt.Errorf("sealing events of before: %w", err)
		}
		if sealed += n; n == sealOldChunk {
			continue
		}
		if sealed == 0 {
			return nil
		}
		return s.forgetOldPages(ctx)
	}
}

// sealSomeEvents goes on through events by their key, and says how many it looked
// at: fewer than sealOldChunk are the last.
func (s *Store) sealSomeEvents(ctx context.Context, school model.SchoolID) (n int, err error) {
	var at storedEvent
	var done int64
	err = s.reader.QueryRowContext(ctx, `SELECT event_id, device, done FROM seal_progress WHERE school_id = $1 AND what = 'events'`, school).Scan(&at.id, &at.device, &done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || done != 0 {
		return 0, err
	}
	scan := func(row scanner) (e oldEvent, err error) {
		return e, row.Scan(&e.id, &e.device, &e.subject, &e.digest, &e.body, &e.rule, &e.epoch, &e.wrapped)
	}
	rows, err := collect(ctx, s.reader, scan, `SELECT e.event_id, e.device, e.subject_id, e.digest, e.body, e.rule, COALESCE(k.epoch, 0), k.wrapped FROM events e
		LEFT JOIN subject_keys k ON k.school_id = e.school_id AND k.subject_id = e.subject_id
		WHERE e.school_id = $1 AND (e.event_id, e.device) > ($2, $3) ORDER BY e.event_id, e.device LIMIT $4`, school, blob(at.id), at.device, sealOldChunk)
	if err != nil {
		return 0, err
	}
	if len(rows) > 0 {
		at = rows[len(rows)-1].storedEvent
	}
	return len(rows), s.overwriting(ctx, func(tx *sql.Tx) error {
		for _, row := range rows {
			if err := s.sealOldEvent(ctx, tx, school, row); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO seal_progress (school_id, what, event_id, device, done) VALUES ($1, 'events', $2, $3, $4)
			ON CONFLICT (school_id, what) DO UPDATE SET event_id = excluded.event_id, device = excluded.device, done = excluded.done`,
			school, blob(at.id), at.device, flag(len(rows) < sealOldChunk))
		return err
	})
}

func (s *Store) sealOldEvent(ctx context.Context, tx *sql.Tx, school model.SchoolID, row oldEvent) error {
	if seal.Sealed(row.body) || len(row.body) == 0 {
		return nil
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return err
	}
	box, err := s.sealing.box(keys, school, row.subject, row.epoch, row.wrapped)
	if errors.Is(err, errNoKey) { // erased meanwhile, or of nobody: nobody may read it
		box, err = seal.NewBox(seal.NewKey()), nil
	}
	if err != nil {
		return err
	}
	body, err := withRule(row.body, row.rule)
	if err != nil {
		return err
	}
	sealed := box.Seal(withDigest(row.digest, body), eventPlace(school, row.device, row.id))
	_, err = tx.ExecContext(ctx, `UPDATE events SET digest = '', rule = '', body = $4 WHERE school_id = $1 AND event_id = $2 AND device = $3`,
		school, row.id, row.device, sealed)
	return err
}

// withRule puts an event's rule where it stands since sealing.
func withRule(body []byte, rule string) ([]byte, error) {
	var b eventBody
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("reading an event's body: %w", err)
	}
	b.Rule = rule
	return json.Marshal(b)
}
