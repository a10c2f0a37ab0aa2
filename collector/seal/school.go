package seal

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"safelight/internal/pki"
)

// ErrEpoch says that this collector does not hold the secret of an epoch: it
// was destroyed, or is another collector's.
var ErrEpoch = errors.New("the epoch's secret is not in sealing.key")

// School is the epoch secrets of one school. It may be used concurrently.
type School struct {
	id     string
	file   *File    // whose lock guards epochs
	epochs []*epoch // by number; none: the school has never sealed
}

// Newest is the number of the epoch that wraps what is new; 0: there is none.
func (s *School) Newest() int64 {
	if e := s.newest(); e != nil {
		return e.number
	}
	return 0
}

func (s *School) newest() *epoch {
	s.file.mu.RLock()
	defer s.file.mu.RUnlock()
	if len(s.epochs) == 0 {
		return nil
	}
	return s.epochs[len(s.epochs)-1]
}

func (s *School) epoch(number int64) (*epoch, error) {
	s.file.mu.RLock()
	defer s.file.mu.RUnlock()
	for _, e := range s.epochs {
		if e.number == number {
			return e, nil
		}
	}
	return nil, fmt.Errorf("school %s, epoch %d: %w", s.id, number, ErrEpoch)
}

// Numbers lists the epochs whose secrets are held, the newest last.
func (s *School) Numbers() []int64 {
	s.file.mu.RLock()
	defer s.file.mu.RUnlock()
	all := make([]int64, len(s.epochs))
	for i, e := range s.epochs {
		all[i] = e.number
	}
	return all
}

// Present is the newest epoch at one moment, for a row that is to be wrapped and
// found by the same one, though a later epoch begins meanwhile.
type Present struct {
	school string
	epoch  *epoch
}

// Present is the newest epoch; a school that never sealed has none.
func (s *School) Present() (Present, error) {
	e := s.newest()
	if e == nil {
		return Present{}, fmt.Errorf("school %s: %w", s.id, ErrEpoch)
	}
	return Present{s.id, e}, nil
}

// Wrap wraps a subject's key for keeping in the database.
func (p Present) Wrap(subject string, key Key) (number int64, wrapped []byte) {
	return p.epoch.number, p.epoch.wrap.Seal(key[:], wrapPlace(p.school, subject))
}

// Lookup is what a row about text, an account, is found by; nothing for no text.
// The same text gives another one under another kind.
func (p Present) Lookup(kind, text string) string { return p.epoch.lookup(kind, text) }

// Unwrap is the opposite of Present.Wrap.
func (s *School) Unwrap(subject string, number int64, wrapped []byte) (Key, error) {
	e, err := s.epoch(number)
	if err != nil {
		return Key{}, err
	}
	key, err := e.wrap.Open(wrapped, wrapPlace(s.id, subject))
	if err != nil {
		return Key{}, fmt.Errorf("a subject's key: %w", err)
	}
	if len(key) != len(Key{}) {
		return Key{}, fmt.Errorf("a subject's key: %w", ErrOpen)
	}
	return Key(key), nil
}

// Lookups is Present.Lookup in the newest epoch and in the one before, where rows
// may still be on their way from that one; else the newest twice.
func (s *School) Lookups(kind, text string) (now, before string) {
	s.file.mu.RLock()
	epochs := s.epochs
	s.file.mu.RUnlock()
	if len(epochs) == 0 {
		return "", ""
	}
	now = epochs[len(epochs)-1].lookup(kind, text)
	if len(epochs) == 1 {
		return now, now
	}
	return now, epochs[len(epochs)-2].lookup(kind, text)
}

// Check is a value by which two collectors see whether they hold the same
// secret, and from which nothing of it follows.
func (s *School) Check(number int64) ([]byte, error) {
	e, err := s.epoch(number)
	if err != nil {
		return nil, err
	}
	return slices.Clone(e.check), nil
}

// Matches compares a check value.
func (s *School) Matches(number int64, check []byte) error {
	e, err := s.epoch(number)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(e.check, check) != 1 {
		return fmt.Errorf("epoch %d of school %s: sealing.key holds another secret than the one the database was sealed with: copy the file from the collector that did, or restore a backup with its keyring", number, s.id)
	}
	return nil
}

// Begin makes the secret of a later epoch, durably. It is for one that nobody
// could be handed: the first, or that of a restore. Else Draw and Take.
func (s *School) Begin(number int64) error {
	if now := s.Newest(); number <= now {
		return fmt.Errorf("beginning epoch %d: there is %d already", number, now)
	}
	return s.add(newEpoch(number, NewKey()))
}

// Drawn is an epoch that nobody uses yet. Handed is its secret, sealed by the
// epoch before, for Take, here and by other collectors.
type Drawn struct {
	Number        int64
	Check, Handed []byte
}

// Draw draws the epoch after the newest and keeps nothing of it. Once it is
// written down for everybody, Take makes it the newest; if somebody was quicker, it
// was nothing.
func (s *School) Draw() (Drawn, error) {
	now := s.newest()
	if now == nil {
		return Drawn{}, fmt.Errorf("drawing an epoch: school %s: %w", s.id, ErrEpoch)
	}
	next := newEpoch(now.number+1, NewKey())
	return Drawn{next.number, next.check, s.hand(now, next)}, nil
}

// Take takes over an epoch that this or another collector has drawn, durably.
func (s *School) Take(number int64, handed []byte) error {
	before := s.newest()
	if before == nil {
		return fmt.Errorf("taking epoch %d: school %s: %w", number, s.id, ErrEpoch)
	}
	if number <= before.number {
		return nil
	}
	secret, err := before.wrap.Open(handed, handPlace(s.id, number))
	if err != nil || len(secret) != len(Key{}) {
		return fmt.Errorf("taking epoch %d of school %s: what another collector handed over does not open: copy sealing.key from it", number, s.id)
	}
	return s.add(newEpoch(number, Key(secret)))
}

// add adds an epoch, unless somebody here did meanwhile.
func (s *School) add(e *epoch) error {
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	was := s.epochs
	if len(was) > 0 && was[len(was)-1].number >= e.number {
		return nil
	}
	s.epochs = append(slices.Clip(was), e)
	if err := s.file.replace(); err != nil {
		s.epochs = was
		return err
	}
	return nil
}

// Destroy takes every secret before an epoch away for good, in memory and in the
// file, whose former bytes are overwritten.
func (s *School) Destroy(before int64) error {
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	was := s.epochs
	kept := slices.DeleteFunc(slices.Clone(was), func(e *epoch) bool { return e.number < before })
	if len(kept) == len(was) {
		return nil
	}
	s.epochs = kept
	if err := s.file.replace(); err != nil {
		s.epochs = was
		return err
	}
	return nil
}

// Hand seals the newest secret for collectors that hold the one before; nil
// where there is none before.
func (s *School) Hand() []byte {
	s.file.mu.RLock()
	defer s.file.mu.RUnlock()
	n := len(s.epochs)
	if n < 2 {
		return nil
	}
	return s.hand(s.epochs[n-2], s.epochs[n-1])
}

func (s *School) hand(before, next *epoch) []byte {
	return before.wrap.Seal(next.secret[:], handPlace(s.id, next.number))
}

// kept is the file beside sealing.key that Keep writes.
func (s *School) kept() string {
	return filepath.Join(filepath.Dir(s.file.path), "sealing-"+s.id+".keyring")
}

// Keep keeps bytes beside sealing.key, sealed with the newest epoch.
func (s *School) Keep(plain []byte) error {
	return pki.WriteSecret(s.kept(), s.newest().wrap.Seal(plain, Place("file", s.id)))
}

// Kept reads what Keep has kept in an epoch whose secret is held;
// fs.ErrNotExist: nothing.
func (s *School) Kept() ([]byte, error) {
	sealed, err := os.ReadFile(s.kept())
	if err != nil {
		return nil, fmt.Errorf("reading what was kept beside sealing.key: %w", err)
	}
	s.file.mu.RLock()
	epochs := s.epochs
	s.file.mu.RUnlock()
	err = ErrEpoch
	for _, e := range epochs { // two while they change, and cut short in between
		var plain []byte
		if plain, err = e.wrap.Open(sealed, Place("file", s.id)); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("reading %s: %w", s.kept(), err)
}
