// Package policy keeps the last good signed policy on the device: it verifies a
// manifest, fetches what it lacks, makes it durable, opens it, and only then
// judges by it. A policy that fails anywhere on that way changes nothing.
//
// Its large files are mapped, not read: the system keeps their pages and takes
// them back as it likes. Whoever judges therefore does so within Use, which holds
// the files open and outlives a disk that no longer answers.
//
// agent/daemon builds it; agent/watch hands it manifests.
package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"safelight/internal/logging"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// ErrStale means that a manifest is not newer than the one in force.
var ErrStale = errors.New("not newer than the policy in force")

// The manifests that are kept, as files: the one in force and the one before.
const (
	current  = "current"
	previous = "previous"
)

// Store is the policy folder. Apply is called by one goroutine at a time; Use and
// Active by any.
type Store struct {
	dir    string
	school string
	keys   func() []*safelightv1.PolicyKey
	log    *slog.Logger
	files  *blobs
	mapper mapper

	recovery func() []byte // the public key that begins epochs; see epoch.go

	mu  sync.Mutex // held over Apply
	now atomic.Pointer[inForce]
}

// Open reads the policy folder under dir, making it where it is missing, and
// brings the last good policy into force: the newest that still verifies.
func Open(dir, school string, keys func() []*safelightv1.PolicyKey, log *slog.Logger) (*Store, error) {
	s := &Store{
		dir: dir, school: school, keys: keys, log: log, mapper: orRead(mapFile), recovery: func() []byte { return nil },
		files: &blobs{dir: filepath.Join(dir, "blobs"), free: freeSpace},
	}
	return s, s.start()
}

func (s *Store) start() error {
	if err := os.MkdirAll(s.files.dir, 0o700); err != nil {
		return fmt.Errorf("making policy folder: %w", err)
	}
	s.now.Store(s.newest(atStart, current, previous))
	return nil
}

// newest opens the first of the stored policies that can be used; nil: none can.
func (s *Store) newest(how care, which ...string) *inForce {
	for _, name := range which {
		raw, err := os.ReadFile(filepath.Join(s.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var p *inForce
		if err == nil {
			p, err = s.openStored(raw, how)
		}
		if err == nil {
			return p
		}
		s.log.Error("a stored policy cannot be used", "which", name, "error", logging.Say(err))
	}
	return nil
}

// Close lets go of the files. Whoever judges still may end; nobody else begins.
func (s *Store) Close() error {
	if p := s.now.Swap(nil); p != nil {
		p.release()
	}
	return nil
}

// Active returns what is judged by, or nil before the first policy.
func (s *Store) Active() *Active {
	p := s.now.Load()
	if p == nil {
		return nil
	}
	active := p.Active
	return &active
}

// Use calls judge with the rules in force and their version; the rules are nil
// where there are none. They must not be used once judge has returned. Should a
// file of theirs not be readable meanwhile, judge is left where it stands and
// called again with the rules that are then in force.
func (s *Store) Use(judge func(set *rules.Ruleset, epoch, serial uint64)) {
	for {
		p := s.now.Load()
		if p == nil {
			judge(nil, 0, 0)
			return
		}
		if !p.hold() {
			continue // it has just been replaced
		}
		err := p.use(judge)
		if err != nil {
			s.fallBack(p, err)
		}
		p.release()
		if err == nil {
			return
		}
	}
}

// Apply brings a signed manifest into force, or returns why not and changes
// nothing.
func (s *Store) Apply(ctx context.Context, signed *safelightv1.SignedManifest, fetch Fetch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.verify(signed)
	if err != nil {
		return err
	}
	if err := s.apply(ctx, signed, m, fetch); err != nil {
		return fmt.Errorf("applying policy %d.%d: %w", m.GetEpoch(), m.GetSerial(), err)
	}
	return nil
}

func (s *Store) apply(ctx context.Context, signed *safelightv1.SignedManifest, m *safelightv1.Manifest, fetch Fetch) error {
	if now := s.Active(); now != nil && !newer(m, now) {
		return fmt.Errorf("%w (%d.%d)", ErrStale, now.Epoch, now.Serial)
	}
	if err := s.mayFollow(signed, m); err != nil {
		return err
	}
	if err := s.bring(ctx, m, fetch); err != nil {
		return err
	}
	raw, err := proto.Marshal(signed)
	if err != nil {
		return fmt.Errorf("encoding manifest: %w", err)
	}
	p, err := s.open(m, raw, atStart)
	if err != nil {
		return err
	}
	if err := s.keep(raw); err != nil {
		p.release()
		return err
	}
	if old := s.now.Swap(p); old != nil {
		old.release()
	}
	s.sweep(nil)
	return nil
}

// bring has every file of a manifest on disk, whole and checked.
func (s *Store) bring(ctx context.Context, m *safelightv1.Manifest, fetch Fetch) error {
	s.sweep(m.GetBlobs()) // pieces of a policy that never came to be
	lacking, err := s.files.missing(ctx, m.GetBlobs())
	if err != nil {
		return err
	}
	if err := s.files.room(lacking); err != nil {
		return err
	}
	for _, b := range lacking {
		if err := s.files.ensure(ctx, b, fetch); err != nil {
			return err
		}
	}
	return nil
}

func newer(m *safelightv1.Manifest, now *Active) bool {
	if m.GetEpoch() != now.Epoch {
		return m.GetEpoch() > now.Epoch
	}
	return m.GetSerial() > now.Serial
}

// keep makes the manifest the current one and the one in force the previous: not
// what the current file holds, which may be the very one that could not be used.
func (s *Store) keep(raw []byte) error {
	if now := s.now.Load(); now != nil {
		if err := pki.WriteSecret(filepath.Join(s.dir, previous), now.raw); err != nil {
			return err
		}
	}
	return pki.WriteSecret(filepath.Join(s.dir, current), raw)
}

// sweep removes files that neither the kept manifests name nor the one to come.
func (s *Store) sweep(coming []*safelightv1.Blob) {
	keep := map[string]bool{}
	names(keep, coming)
	for _, name := range []string{current, previous} {
		raw, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			continue
		}
		signed, m := &safelightv1.SignedManifest{}, &safelightv1.Manifest{}
		if proto.Unmarshal(raw, signed) != nil || proto.Unmarshal(signed.GetManifest(), m) != nil {
			return
		}
		names(keep, m.GetBlobs())
	}
	s.files.sweep(keep)
}
