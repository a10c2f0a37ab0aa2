package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// Keyring is every subject's key, and who was erased. With it, any copy of the
// database opens for whoever is in it and for nobody else. It is never in a
// backup: a backup is opened with the newest one there is.
type Keyring struct {
	Format  int                               `json:"format"`
	Taken   time.Time                         `json:"taken"`
	Schools map[model.SchoolID]*SchoolKeyring `json:"schools"`
}

// SchoolKeyring is a school's part.
type SchoolKeyring struct {
	Epoch  int64             `json:"epoch"`
	Keys   map[string][]byte `json:"keys"` // by subject
	Erased []ErasedSubject   `json:"erased,omitempty"`
}

// ErasedSubject says that a subject was erased.
type ErasedSubject struct {
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Hidden  bool      `json:"hidden,omitempty"` // see eraseRow
}

const keyringFormat = 1

// ParseKeyring reads a keyring that Marshal wrote.
func ParseKeyring(data []byte) (*Keyring, error) {
	var k Keyring
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, errors.New("reading a keyring: it is none, or damaged: use another copy")
	}
	if k.Format != keyringFormat {
		return nil, fmt.Errorf("reading a keyring: its format is %d and this program reads %d: use the version that wrote it", k.Format, keyringFormat)
	}
	for _, s := range k.Schools {
		if s == nil {
			return nil, errors.New("reading a keyring: it is damaged: use another copy")
		}
		for _, key := range s.Keys {
			if len(key) != len(seal.Key{}) {
				return nil, errors.New("reading a keyring: a key in it is damaged: use another copy")
			}
		}
	}
	return &k, nil
}

// Marshal is the keyring's bytes. They open everything: encrypt them.
func (k *Keyring) Marshal() ([]byte, error) { return json.Marshal(k) }

// Epoch grows with every erasure in any of the schools.
func (k *Keyring) Epoch() (sum int64) {
	for _, s := range k.Schools {
		sum += s.Epoch
	}
	return sum
}

// after is an epoch later than any that the keyring, where there is one, or a
// database knows.
func (k *Keyring) after(school model.SchoolID, known int64) int64 {
	if k != nil && k.Schools[school] != nil {
		known = max(known, k.Schools[school].Epoch)
	}
	return known + 1
}

// Keyring reads the present keyring of every school.
func (s *Store) Keyring(ctx context.Context) (*Keyring, error) {
	schools, err := s.Schools(ctx)
	if err != nil {
		return nil, err
	}
	k := &Keyring{Format: keyringFormat, Taken: s.now().UTC(), Schools: map[model.SchoolID]*SchoolKeyring{}}
	for _, school := range schools {
		if k.Schools[school.ID], err = s.schoolKeyring(ctx, school.ID); err != nil {
			return nil, fmt.Errorf("reading the keyring: %w", err)
		}
	}
	return k, nil
}

func (s *Store) schoolKeyring(ctx context.Context, school model.SchoolID) (*SchoolKeyring, error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return nil, err
	}
	if err := s.catchUp(ctx, school, keys); err != nil {
		return nil, err
	}
	// Every row there is: one that does not open here is an error, not left out.
	rows, err := collect(ctx, s.reader, scanKeyRow, keyRowsSQL, school, int64(math.MaxInt64), int64(math.MaxInt32))
	if err != nil {
		return nil, err
	}
	k := &SchoolKeyring{Epoch: keys.Newest(), Keys: make(map[string][]byte, len(rows))}
	for _, row := range rows {
		key, err := keys.Unwrap(row.id, row.epoch, row.wrapped)
		if err != nil {
			return nil, fmt.Errorf("the keyring would lack a subject: %w: if another collector has just erased somebody try again, else copy sealing.key from it", err)
		}
		k.Keys[row.id] = key[:]
	}
	scan := func(row scanner) (e ErasedSubject, err error) {
		var at, known int64
		err = row.Scan(&e.Subject, &at, &e.Reason, &known)
		e.At, e.Hidden = moment(at), known == 0
		return e, err
	}
	k.Erased, err = collect(ctx, s.reader, scan, `SELECT x.subject_id, x.at, x.reason, COALESCE(s.known, 0) FROM erasures x
		LEFT JOIN subjects s ON s.school_id = x.school_id AND s.id = x.subject_id WHERE x.school_id = $1 ORDER BY x.at, x.subject_id`, school)
	for _, e := range k.Erased {
		delete(k.Keys, e.Subject) // an erasure under way
	}
	return k, err
}

// catchUp takes over epochs that another collector began a moment ago.
func (s *Store) catchUp(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	if !s.Shared() {
		return nil
	}
	rows, err := sealEpochs(ctx, s.reader, school)
	if err != nil {
		return err
	}
	return takeEpochs(keys, rows)
}

// writeOwnKeyring keeps the keyring for an older copy of the database that is put
// beside a newer sealing.key.
func (s *Store) writeOwnKeyring(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	k, err := s.schoolKeyring(ctx, school)
	if err != nil {
		return err
	}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return keys.Keep(data)
}

// adoptOlder has a database open whose keys are wrapped by epochs that are gone:
// one that was restored, or an older copy. Whoever was erased since it was written
// is erased in it first, were it of the time before sealing.
func (s *Store) adoptOlder(ctx context.Context, school model.SchoolID, keys *seal.School) error {
	epochs, err := collect(ctx, s.writer, func(row scanner) (n int64, err error) { return n, row.Scan(&n) },
		`SELECT DISTINCT epoch FROM subject_keys WHERE school_id = $1`, school)
	if err != nil {
		return fmt.Errorf("reading epochs: %w", err)
	}
	k, err := s.keyringFor(school, keys)
	if err != nil {
		return err
	}
	if k != nil {
		if err := s.eraseAgain(ctx, school, keys, k.Erased); err != nil {
			return fmt.Errorf("erasing again who was erased: %w", err)
		}
	}
	held := keys.Numbers()
	if !slices.ContainsFunc(epochs, func(n int64) bool { return !slices.Contains(held, n) }) {
		return nil
	}
	if k == nil {
		return errors.New("the database was sealed with secrets that sealing.key does not hold any more: restore a backup with its keyring")
	}
	return s.adopt(ctx, school, keys, k)
}

// keyringFor is the keyring that a restore was given, which may be empty, or the
// one beside sealing.key; nil: there is none.
func (s *Store) keyringFor(school model.SchoolID, keys *seal.School) (*SchoolKeyring, error) {
	if s.sealing.keyring != nil {
		if k := s.sealing.keyring.Schools[school]; k != nil {
			return k, nil
		}
		return &SchoolKeyring{}, nil
	}
	data, err := keys.Kept()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k SchoolKeyring
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("reading the keyring: %w", err)
	}
	return &k, nil
}

// eraseAgain erases in an older copy whoever was erased after it was written, and
// keeps who that was, for the keyrings to come.
func (s *Store) eraseAgain(ctx context.Context, school model.SchoolID, keys *seal.School, erased []ErasedSubject) error {
	for chunk := range slices.Chunk(erased, rewrapChunk) {
		err := s.overwriting(ctx, func(tx *sql.Tx) error {
			for _, e := range chunk {
				if err := eraseRow(ctx, tx, school, e, keys.Newest()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lostKey is why a subject cannot be read that no keyring tells of.
const lostKey = "its key was not in the keyring that the database was restored with"

// adopt wraps a keyring's keys in the newest epoch, and erases whoever is not in
// it, in short transactions.
func (s *Store) adopt(ctx context.Context, school model.SchoolID, keys *seal.School, k *SchoolKeyring) error {
	now, err := keys.Present()
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(k.Keys)), rewrapChunk) {
		err := s.write(ctx, func(tx *sql.Tx) error {
			for _, id := range chunk {
				if err := adoptOne(ctx, tx, school, now, id, seal.Key(k.Keys[id])); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("taking a keyring over: %w", err)
		}
	}
	for {
		n := 0
		err := s.overwriting(ctx, func(tx *sql.Tx) error {
			rows, err := collect(ctx, tx, scanKeyRow, keyRowsSQL, school, keys.Newest(), rewrapChunk)
			if err != nil {
				return err
			}
			n = len(rows)
			return s.lose(ctx, tx, school, rows, keys.Newest())
		})
		if err != nil || n < rewrapChunk {
			return err
		}
	}
}

// lose erases subjects whose keys nobody has any more. Whether one of them is a
// user's own account cannot be told either: where users have accounts, what is
// about them is shown to nobody (G3).
func (s *Store) lose(ctx context.Context, tx *sql.Tx, school model.SchoolID, rows []keyRow, epoch int64) error {
	users, err := listUsers(ctx, tx, school)
	if err != nil {
		return err
	}
	hidden := slices.ContainsFunc(users, func(u model.User) bool { return model.BareAccount(u.Account) != "" })
	for _, row := range rows {
		e := ErasedSubject{Subject: row.id, At: s.now(), Reason: lostKey, Hidden: hidden}
		if err := eraseRow(ctx, tx, school, e, epoch); err != nil {
			return err
		}
	}
	return nil
}

func adoptOne(ctx context.Context, tx *sql.Tx, school model.SchoolID, now seal.Present, id string, key seal.Key) error {
	row := keyRow{id: id}
	var account string
	err := tx.QueryRowContext(ctx, `SELECT account, name, device FROM subjects WHERE school_id = $1 AND id = $2`, school, id).Scan(&account, &row.sealed, &row.device)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if strings.HasPrefix(account, erasedAccount) { // after this keyring was written
		return nil
	}
	row.there = err == nil
	return addKey(ctx, tx, school, now, row, key)
}
