package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// sealing is what a store seals with. What is sealed, and by what, is said at the
// tables in schema.sql; docs/adr/0012 says why.
type sealing struct {
	file      *seal.File
	keyring   *Keyring // of a restore; nil else
	grace     time.Duration
	changing  sync.Mutex // see changingEpochs
	following sync.Mutex // held while epochs are changed or followed

	mu    sync.RWMutex // guards what is declared below
	ready map[model.SchoolID]*seal.School
	boxes map[boxKey]*seal.Box // of committed subjects
}

type boxKey struct {
	school  model.SchoolID
	subject string
}

// boxesKept bounds the memory of boxes: each is most of a kilobyte.
const boxesKept = 20_000

func newSealing(file *seal.File, grace time.Duration) *sealing {
	return &sealing{file: file, grace: grace, ready: map[model.SchoolID]*seal.School{}, boxes: map[boxKey]*seal.Box{}}
}

// errNoKey says that a subject's key is not there any more.
var errNoKey = errors.New("the subject's key was erased")

func (s *sealing) cached(key boxKey) *seal.Box {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.boxes[key]
}

func (s *sealing) cache(key boxKey, box *seal.Box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.boxes) >= boxesKept {
		clear(s.boxes)
	}
	s.boxes[key] = box
}

func (s *sealing) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.boxes)
}

// keysOf are the epoch secrets of a school, made or taken over where that is
// needed.
func (s *Store) keysOf(ctx context.Context, school model.SchoolID) (*seal.School, error) {
	s.sealing.mu.RLock()
	keys := s.sealing.ready[school]
	s.sealing.mu.RUnlock()
	if keys != nil {
		return keys, nil
	}
	if err := s.changingEpochs(ctx, school, func(*seal.School) error { return nil }); err != nil {
		return nil, fmt.Errorf("opening the school's sealing keys: %w", err)
	}
	keys = s.sealing.file.School(string(school))
	s.sealing.mu.Lock()
	s.sealing.ready[school] = keys
	s.sealing.mu.Unlock()
	return keys, nil
}

// box opens a subject's key, as its row holds it. wrapped is empty where the row
// is gone.
func (s *sealing) box(keys *seal.School, school model.SchoolID, subject string, epoch int64, wrapped []byte) (*seal.Box, error) {
	if len(wrapped) == 0 {
		return nil, errNoKey
	}
	key := boxKey{school, subject}
	if box := s.cached(key); box != nil {
		return box, nil
	}
	secret, err := keys.Unwrap(subject, epoch, wrapped)
	if err != nil {
		return nil, err
	}
	box := seal.NewBox(secret)
	s.cache(key, box)
	return box, nil
}

// boxIn reads a subject's key.
func (s *Store) boxIn(ctx context.Context, q querier, school model.SchoolID, subject string) (*seal.Box, error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return nil, err
	}
	var epoch int64
	var wrapped []byte
	err = q.QueryRowContext(ctx, `SELECT epoch, wrapped FROM subject_keys WHERE school_id = $1 AND subject_id = $2`, school, subject).Scan(&epoch, &wrapped)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading a subject's key: %w", err)
	}
	return s.sealing.box(keys, school, subject, epoch, wrapped)
}

// details is what of a subject is sealed.
type details struct {
	Account   string `json:"account"`
	Name      string `json:"name,omitempty"`
	Reference string `json:"reference,omitempty"`
}

func subjectPlace(school model.SchoolID, id string) []byte {
	return seal.Place("subjects", string(school), id)
}

func sealDetails(box *seal.Box, school model.SchoolID, id string, d details) ([]byte, error) {
	plain, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return box.Seal(plain, subjectPlace(school, id)), nil
}

func openDetails(box *seal.Box, school model.SchoolID, id string, sealed []byte) (d details, err error) {
	plain, err := box.Open(sealed, subjectPlace(school, id))
	if err == nil && json.Unmarshal(plain, &d) != nil {
		err = errDamaged // what it says may be a name
	}
	if err != nil {
		return details{}, fmt.Errorf("reading a subject: %w", err)
	}
	return d, nil
}

// The kinds of what a subject is found by.
const (
	byAccount = "account"
	byBare    = "bare"
)

func eventPlace(school model.SchoolID, device string, id []byte) []byte {
	return appendEventPlace(nil, school, device, id)
}

func appendEventPlace(to []byte, school model.SchoolID, device string, id []byte) []byte {
	return seal.AppendPlace(to, "events", string(school), device, string(id))
}

// sealer seals events, one after another, in the same room. The zero value is good.
type sealer struct{ plain, place []byte }

// event is the body of an event as it is stored: the record's digest and what was
// seen, sealed for the event's row.
func (s *sealer) event(box *seal.Box, e *model.Event) []byte {
	s.plain = append(s.plain[:0], byte(len(e.Digest)))
	s.plain = append(s.plain, e.Digest...)
	s.plain = appendBody(s.plain, e)
	s.place = appendEventPlace(s.place[:0], e.School, e.Device, e.ID[:])
	return box.Seal(s.plain, s.place)
}

func withDigest(digest, body []byte) []byte {
	plain := make([]byte, 0, 1+len(digest)+len(body))
	plain = append(plain, byte(len(digest)))
	plain = append(plain, digest...)
	return append(plain, body...)
}

// openEvent is the opposite of sealer.event.
func openEvent(box *seal.Box, school model.SchoolID, device string, id, sealed []byte) (digest, body []byte, err error) {
	plain, err := box.Open(sealed, eventPlace(school, device, id))
	if err != nil {
		return nil, nil, fmt.Errorf("reading an event's words: %w", err)
	}
	if len(plain) < 1 || len(plain) < 1+int(plain[0]) {
		return nil, nil, fmt.Errorf("reading an event's words: %w: they are cut short", errDamaged)
	}
	n := 1 + int(plain[0])
	return plain[1:n], plain[n:], nil
}

// sameDigest compares a record that came again with the row under its key. Of an
// erased subject nothing can be compared: it is taken for the same.
func (s *Store) sameDigest(ctx context.Context, q querier, school model.SchoolID, row storedEvent, digest []byte) (bool, error) {
	if !seal.Sealed(row.body) {
		return len(row.body) == 0 || bytes.Equal(row.digest, digest), nil
	}
	box, err := s.boxIn(ctx, q, school, row.subject)
	if errors.Is(err, errNoKey) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	kept, _, err := openEvent(box, school, row.device, row.id, row.body)
	return bytes.Equal(kept, digest), err
}

// storedEvent is what of a stored event tells it from another one.
type storedEvent struct {
	device, subject  string
	id, digest, body []byte
}
