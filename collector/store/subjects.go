package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"safelight/collector/model"
)

const subjectColumns = `school_id, id, account, name, role, year, known`

func scanSubject(row scanner) (model.Subject, error) {
	var s model.Subject
	var name []byte
	var known int64
	err := row.Scan(&s.School, &s.ID, &s.Account, &name, &s.Role, &s.Year, &known)
	s.Name, s.Known = string(name), known != 0
	return s, err
}

// SubjectByAccount reads whom an account belongs to, where it has been seen or
// a roster names it.
func (s *Store) SubjectByAccount(ctx context.Context, school model.SchoolID, account string) (model.Subject, bool, error) {
	account = model.FoldAccount(account)
	if account == "" {
		return model.Subject{}, false, nil
	}
	subject, err := scanSubject(s.reader.QueryRowContext(ctx, `SELECT `+subjectColumns+` FROM subjects
		WHERE school_id = $1 AND account = $2 AND device = ''`, school, account))
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
	subject, err := scanSubject(s.reader.QueryRowContext(ctx, `SELECT `+subjectColumns+` FROM subjects
		WHERE school_id = $1 AND id = $2`, school, id))
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

// subjectsKept bounds the cache: a school has some thousands of accounts, and a
// device that makes up more shall not fill the memory.
const subjectsKept = 100_000

// subjectFinder finds or makes subjects within a transaction. What it found
// goes to the store's cache only once the transaction is committed.
type subjectFinder struct {
	store *Store
	tx    *sql.Tx
	fresh map[subjectKey]string
	swept int // the store's, as the transaction began
}

func (f *subjectFinder) find(ctx context.Context, e *model.Event) (string, error) {
	key := subjectKey{school: e.School, account: model.FoldAccount(e.Account)}
	if key.account == "" {
		key.device = e.Device
	}
	if id, ok := f.fresh[key]; ok {
		return id, nil
	}
	if id, ok := f.store.cachedSubject(key); ok {
		return id, nil
	}
	id, err := ensureSubject(ctx, f.tx, key)
	if err != nil {
		return "", fmt.Errorf("finding subject: %w", err)
	}
	if f.fresh == nil {
		f.fresh = make(map[subjectKey]string)
	}
	f.fresh[key] = id
	return id, nil
}

// ensureSubject makes a subject with a random pseudonym, or finds the one that
// is there.
func ensureSubject(ctx context.Context, tx *sql.Tx, key subjectKey) (string, error) {
	_, err := tx.ExecContext(ctx, `INSERT INTO subjects (school_id, id, account, device, bare, name, role, year, known)
		VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0) ON CONFLICT (school_id, account, device) DO NOTHING`,
		key.school, randomID(), key.account, key.device, model.BareAccount(key.account), []byte{}, model.RoleUnknown)
	if err != nil {
		return "", err
	}
	var id string
	err = tx.QueryRowContext(ctx, `SELECT id FROM subjects WHERE school_id = $1 AND account = $2 AND device = $3`,
		key.school, key.account, key.device).Scan(&id)
	return id, err
}

func (s *Store) cachedSubject(key subjectKey) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.subjects[key]
	return id, ok
}

// cacheSubjects takes over what a transaction found, unless subjects were
// removed since it began: they may be among these.
func (s *Store) cacheSubjects(fresh map[subjectKey]string, swept int) {
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
	for key, id := range fresh {
		s.subjects[key] = id
	}
}
