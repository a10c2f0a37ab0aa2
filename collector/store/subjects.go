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

const subjectColumns = `s.school_id, s.id, s.device, s.name, s.role, s.year, s.known, ` + hasLeft + `, COALESCE(k.epoch, 0), k.wrapped,
	COALESCE(x.at, 0), COALESCE(x.reason, '')`

// inRoster is true of a subject, s, that the roster in force names; hasLeft is 1
// of one that it does not name, and nought where there is no roster yet.
const inRoster = `EXISTS (SELECT 1 FROM roster_people p JOIN rosters r ON r.school_id = p.school_id AND r.import = p.import
	WHERE p.school_id = s.school_id AND p.subject_id = s.id)`

const hasLeft = `CASE WHEN s.known = 0 OR NOT EXISTS (SELECT 1 FROM rosters r WHERE r.school_id = s.school_id) OR ` + inRoster + ` THEN 0 ELSE 1 END`

const openableSubjects = ` FROM subjects s
	LEFT JOIN subject_keys k ON k.school_id = s.school_id AND k.subject_id = s.id
	LEFT JOIN erasures x ON x.school_id = s.school_id AND x.subject_id = s.id`

// readSubject reads one subject and opens what is sealed of it. An erased one has
// neither account nor name, nor has one whose own row is damaged: it says so, for it
// must not keep all others from whoever has to see them.
func (s *Store) readSubject(keys *seal.School, row scanner) (model.Subject, error) {
	var subject model.Subject
	var sealed, wrapped []byte
	var device string
	var known, left, epoch, erased int64
	err := row.Scan(&subject.School, &subject.ID, &device, &sealed, &subject.Role, &subject.Year, &known, &left, &epoch, &wrapped, &erased, &subject.ErasedWhy)
	subject.Known, subject.Left, subject.Erased = known != 0, left != 0, moment(erased)
	if err != nil {
		return subject, err
	}
	if len(wrapped) == 0 { // erased, of the time before sealing, or the key was lost
		subject.Unreadable = device == "" && subject.Erased.IsZero() && seal.Sealed(sealed)
		return subject, nil
	}
	d, err := s.detailsOf(keys, &subject, device, sealed, epoch, wrapped)
	if unreadable(err) {
		subject.Unreadable = true
		return subject, nil
	}
	subject.Account, subject.Name, subject.Reference = d.Account, d.Name, d.Reference
	return subject, err
}

func (s *Store) detailsOf(keys *seal.School, of *model.Subject, device string, sealed []byte, epoch int64, wrapped []byte) (details, error) {
	if device != "" {
		return details{}, nil // it has none
	}
	box, err := s.sealing.box(keys, of.School, of.ID, epoch, wrapped)
	if err != nil {
		return details{}, err
	}
	return openDetails(box, of.School, of.ID, sealed)
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
// Devices write one person's account in several ways: where the roster does not
// know it letter for letter, the one is meant whom it knows by it without the
// domain, if there is only one.
func ensureSubject(ctx context.Context, tx *sql.Tx, keys *seal.School, key subjectKey) (foundSubject, error) {
	found, known, err := findExactly(ctx, tx, keys, key)
	if err != nil || known {
		return found, err
	}
	if key.account != "" {
		if other, ok, err := findBare(ctx, tx, keys, key.school, key.account, amongPresent); err != nil || ok {
			return other, err
		}
	}
	if found.id != "" {
		return found, nil
	}
	return ensureExactly(ctx, tx, keys, key)
}

// ensureExactly makes a subject of an account, unless another collector was
// quicker.
func ensureExactly(ctx context.Context, tx *sql.Tx, keys *seal.School, key subjectKey) (foundSubject, error) {
	made, added, err := makeSubject(ctx, tx, keys, key)
	if err != nil || added {
		return made, err
	}
	found, _, err := findExactly(ctx, tx, keys, key)
	return found, err
}

const findColumns = `s.id, s.known, k.epoch, k.wrapped FROM subjects s
	JOIN subject_keys k ON k.school_id = s.school_id AND k.subject_id = s.id`

func scanFound(keys *seal.School, row scanner) (found foundSubject, known bool, err error) {
	var flag, epoch int64
	var wrapped []byte
	if err := row.Scan(&found.id, &flag, &epoch, &wrapped); err != nil {
		return foundSubject{}, false, err
	}
	secret, err := keys.Unwrap(found.id, epoch, wrapped)
	found.box = seal.NewBox(secret)
	return found, flag != 0, err
}

// findExactly finds the subject of an account as it is written; its id is empty
// where there is none. known: a roster names it, or once did.
func findExactly(ctx context.Context, tx *sql.Tx, keys *seal.School, key subjectKey) (found foundSubject, known bool, err error) {
	now, before := keys.Lookups(byAccount, key.account)
	found, known, err = scanFound(keys, tx.QueryRowContext(ctx, `SELECT `+findColumns+`
		WHERE s.school_id = $1 AND s.account IN ($2, $3) AND s.device = $4`, key.school, now, before, key.device))
	if errors.Is(err, sql.ErrNoRows) {
		return foundSubject{}, false, nil
	}
	return found, known, err
}

// Among whom findBare looks.
const (
	amongPresent = `s.known = 1 AND ` + hasLeft + ` = 0`
	amongKnown   = `s.known = 1`
	amongUnknown = `s.known = 0 AND s.account NOT LIKE 'erased:%'`
)

// findBare finds the one subject that has an account but for the domain; two are
// nobody.
func findBare(ctx context.Context, tx *sql.Tx, keys *seal.School, school model.SchoolID, account, among string) (foundSubject, bool, error) {
	now, before := keys.Lookups(byBare, model.BareAccount(account))
	all, err := collect(ctx, tx, func(row scanner) (foundSubject, error) {
		found, _, err := scanFound(keys, row)
		return found, err
	}, `SELECT `+findColumns+` WHERE s.school_id = $1 AND s.bare IN ($2, $3) AND s.device = '' AND `+among+` ORDER BY s.id LIMIT 2`, school, now, before)
	if err != nil || len(all) != 1 {
		return foundSubject{}, false, err
	}
	return all[0], true, nil
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
