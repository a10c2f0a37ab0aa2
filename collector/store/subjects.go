package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strings"

	"safelight/collector/model"
	"safelight/collector/seal"
)

const subjectColumns = `s.school_id, s.id, s.device, s.name, s.role, s.year, s.known, COALESCE(k.epoch, 0), k.wrapped,
	COALESCE(x.at, 0), COALESCE(x.reason, '')`

const openableSubjects = ` FROM subjects s
	LEFT JOIN subject_keys k ON k.school_id = s.school_id AND k.subject_id = s.id
	LEFT JOIN erasures x ON x.school_id = s.school_id AND x.subject_id = s.id`

// readSubject reads one subject and opens what is sealed of it. An erased one has
// neither account nor name.
func (s *Store) readSubject(keys *seal.School, row scanner) (model.Subject, error) {
	var subject model.Subject
	var sealed, wrapped []byte
	var device string
	var known, epoch, erased int64
	err := row.Scan(&subject.School, &subject.ID, &device, &sealed, &subject.Role, &subject.Year, &known, &epoch, &wrapped, &erased, &subject.ErasedWhy)
	subject.Known, subject.Erased = known != 0, moment(erased)
	if err != nil || len(wrapped) == 0 {
		return subject, err
	}
	box, err := s.sealing.box(keys, subject.School, subject.ID, epoch, wrapped)
	if err != nil || device != "" {
		return subject, err
	}
	d, err := openDetails(box, subject.School, subject.ID, sealed)
	subject.Account, subject.Name = d.Account, d.Name
	return subject, err
}

// SubjectByAccount reads whom an account belongs to, where it has been seen or
// a roster names it.
func (s *Store) SubjectByAccount(ctx context.Context, school model.SchoolID, account string) (model.Subject, bool, error) {
	account = model.FoldAccount(account)
	if account == "" {
		return model.Subject{}, false, nil
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return model.Subject{}, false, err
	}
	now, before := keys.Lookups(byAccount, account)
	subject, err := s.readSubject(keys, s.reader.QueryRowContext(ctx, `SELECT `+subjectColumns+openableSubjects+`
		WHERE s.school_id = $1 AND s.account IN ($2, $3) AND s.device = ''`, school, now, before))
	if errors.Is(err, sql.ErrNoRows) {
		return model.Subject{}, false, nil
	}
	if err != nil {
		return model.Subject{}, false, fmt.Errorf("reading subject: %w", err)
	}
	return subject, true, nil
}

// Subject reads one subject by its pseudonym.
func (s *Store) Subject(ctx context.Context, school model.SchoolID, id string) (model.Subject, error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return model.Subject{}, err
	}
	subject, err := s.readSubject(keys, s.reader.QueryRowContext(ctx, `SELECT `+subjectColumns+openableSubjects+` WHERE s.school_id = $1 AND s.id = $2`, school, id))
	if err != nil {
		return model.Subject{}, fmt.Errorf("reading subject: %w", missing(err))
	}
	return subject, nil
}

// subjectKey is what tells subjects apart: the account or, where nobody is
// known, the device.
type subjectKey struct {
	school          model.SchoolID
	account, device string
}

func keyOf(e *model.Event) subjectKey {
	key := subjectKey{school: e.School, account: model.FoldAccount(e.Account)}
	if key.account == "" {
		key.device = e.Device
	}
	return key
}

// foundSubject is a subject as new events need it.
type foundSubject struct {
	id  string
	box *seal.Box
}

// subjectsKept bounds the cache: a school has some thousands of accounts, and a
// device that makes up more shall not fill the memory.
const subjectsKept = boxesKept

// subjectFinder finds or makes subjects within a transaction. What it found
// goes to the store's cache only once the transaction is committed.
type subjectFinder struct {
	store *Store
	keys  *seal.School
	tx    *sql.Tx
	fresh map[subjectKey]foundSubject
	swept int // the store's, as the transaction began
}

func (f *subjectFinder) find(ctx context.Context, e *model.Event) (foundSubject, error) {
	key := keyOf(e)
	if found, ok := f.fresh[key]; ok {
		return found, nil
	}
	if found, ok := f.store.cachedSubject(key); ok {
		return found, nil
	}
	found, err := ensureSubject(ctx, f.tx, f.keys, key)
	if err != nil {
		return foundSubject{}, fmt.Errorf("finding subject: %w", err)
	}
	if f.fresh == nil {
		f.fresh = make(map[subjectKey]foundSubject)
	}
	key.account = strings.Clone(key.account) // which else keeps the whole record that it is part of
	f.fresh[key] = found
	return found, nil
}

// ensureSubject finds a subject, or makes one with a random pseudonym and a key.
func ensureSubject(ctx context.Context, tx *sql.Tx, keys *seal.School, key subjectKey) (foundSubject, error) {
	found, err := findSubject(ctx, tx, keys, key)
	if !errors.Is(err, sql.ErrNoRows) {
		return found, err
	}
	made, added, err := makeSubject(ctx, tx, keys, key)
	if err != nil || added {
		return made, err
	}
	return findSubject(ctx, tx, keys, key) // another collector was quicker
}

func findSubject(ctx context.Context, tx *sql.Tx, keys *seal.School, key subjectKey) (foundSubject, error) {
	now, before := keys.Lookups(byAccount, key.account)
	var found foundSubject
	var epoch int64
	var wrapped []byte
	err := tx.QueryRowContext(ctx, `SELECT s.id, k.epoch, k.wrapped FROM subjects s
		JOIN subject_keys k ON k.school_id = s.school_id AND k.subject_id = s.id
		WHERE s.school_id = $1 AND s.account IN ($2, $3) AND s.device = $4`, key.school, now, before, key.device).Scan(&found.id, &epoch, &wrapped)
	if err != nil {
		return foundSubject{}, err
	}
	secret, err := keys.Unwrap(found.id, epoch, wrapped)
	found.box = seal.NewBox(secret)
	return found, err
}

func makeSubject(ctx context.Context, tx *sql.Tx, keys *seal.School, key subjectKey) (made foundSubject, added bool, err error) {
	// Found and wrapped by one epoch: a row that is found by an older one than its
	// key is wrapped with would never be moved.
	now, err := keys.Present()
	if err != nil {
		return foundSubject{}, false, err
	}
	id, secret := randomID(), seal.NewKey()
	box := seal.NewBox(secret)
	sealed := []byte{}
	if key.account != "" {
		if sealed, err = sealDetails(box, key.school, id, details{Account: key.account}); err != nil {
			return foundSubject{}, false, err
		}
	}
	added, err = affected(tx.ExecContext(ctx, `INSERT INTO subjects (school_id, id, account, device, bare, name, role, year, known)
		VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0) ON CONFLICT (school_id, account, device) DO NOTHING`,
		key.school, id, now.Lookup(byAccount, key.account), key.device, now.Lookup(byBare, model.BareAccount(key.account)), sealed, model.RoleUnknown))
	if err != nil || !added {
		return foundSubject{}, false, err
	}
	err = addKey(ctx, tx, key.school, now, keyRow{id: id}, secret)
	return foundSubject{id, box}, true, err
}

func (s *Store) cachedSubject(key subjectKey) (foundSubject, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.subjects[key]
	return found, ok
}

// cacheSubjects takes over what a transaction found, unless subjects were
// removed since it began: they may be among these.
func (s *Store) cacheSubjects(fresh map[subjectKey]foundSubject, swept int) {
	if len(fresh) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swept != swept {
		return
	}
	if len(s.subjects)+len(fresh) > subjectsKept {
		clear(s.subjects)
	}
	maps.Copy(s.subjects, fresh)
}
