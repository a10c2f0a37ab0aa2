// Package policy keeps the last good signed policy on the device: it verifies a
// manifest, fetches what it lacks, compiles it, makes it durable, and only then
// judges by it. A policy that fails anywhere on that way changes nothing. Used
// by agent/daemon and agent/watch.
package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// Limits on what a manifest may ask a device to fetch.
const (
	maxBlobs     = 1024
	maxBlobBytes = 64 << 20
)

// Fetch reads a blob by its SHA-256, from offset on, to w's end.
type Fetch func(ctx context.Context, sha256 []byte, offset int64) ([]byte, error)

// Active is the policy that is judged by.
type Active struct {
	Rules  *rules.Ruleset
	Epoch  uint64
	Serial uint64
	KeyID  string
	Issued time.Time
}

// ErrStale means that a manifest is not newer than the one in force.
var ErrStale = errors.New("not newer than the policy in force")

// Store is the policy folder. Apply is called by one goroutine at a time;
// Active by any.
type Store struct {
	dir    string
	school string
	keys   func() []*safelightv1.PolicyKey
	log    *slog.Logger

	recovery func() []byte // the public key that begins epochs; see epoch.go

	mu     sync.Mutex // held over Apply; guards raw
	raw    []byte     // the signed manifest in force, as stored
	active atomic.Pointer[Active]
}

// Open reads the policy folder under dir, making it where it is missing, and
// brings the last good policy into force: the newest that still verifies.
func Open(dir, school string, keys func() []*safelightv1.PolicyKey, log *slog.Logger) (*Store, error) {
	s := &Store{dir: dir, school: school, keys: keys, log: log, recovery: func() []byte { return nil }}
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		return nil, fmt.Errorf("making policy folder: %w", err)
	}
	for _, name := range []string{"current", "previous"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = s.load(raw)
		}
		if err == nil {
			break
		}
		log.Error("a stored policy cannot be used", "which", name, "error", err.Error())
	}
	return s, nil
}

func (s *Store) load(raw []byte) error {
	signed := &safelightv1.SignedManifest{}
	if err := proto.Unmarshal(raw, signed); err != nil {
		return fmt.Errorf("reading manifest: %w", err)
	}
	m, err := s.verify(signed)
	if err != nil {
		return err
	}
	active, err := s.compile(m)
	if err != nil {
		return err
	}
	s.raw = raw
	s.active.Store(active)
	return nil
}

// Active returns what is judged by, or nil before the first policy.
func (s *Store) Active() *Active { return s.active.Load() }

// Apply brings a signed manifest into force, or returns why not and changes
// nothing.
func (s *Store) Apply(ctx context.Context, signed *safelightv1.SignedManifest, fetch Fetch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.verify(signed)
	if err != nil {
		return err
	}
	if now := s.Active(); now != nil && !newer(m, now) {
		return fmt.Errorf("applying policy %d.%d: %w (%d.%d)", m.GetEpoch(), m.GetSerial(), ErrStale, now.Epoch, now.Serial)
	}
	if err := s.mayFollow(signed, m); err != nil {
		return fmt.Errorf("applying policy %d.%d: %w", m.GetEpoch(), m.GetSerial(), err)
	}
	for _, b := range m.GetBlobs() {
		if err := s.ensure(ctx, b, fetch); err != nil {
			return fmt.Errorf("applying policy %d.%d: %w", m.GetEpoch(), m.GetSerial(), err)
		}
	}
	active, err := s.compile(m)
	if err != nil {
		return fmt.Errorf("applying policy %d.%d: %w", m.GetEpoch(), m.GetSerial(), err)
	}
	if err := s.keep(signed); err != nil {
		return fmt.Errorf("applying policy %d.%d: %w", m.GetEpoch(), m.GetSerial(), err)
	}
	s.active.Store(active)
	s.sweep()
	return nil
}

func newer(m *safelightv1.Manifest, now *Active) bool {
	if m.GetEpoch() != now.Epoch {
		return m.GetEpoch() > now.Epoch
	}
	return m.GetSerial() > now.Serial
}

// verify checks the signature over the stored bytes, then what they say.
func (s *Store) verify(signed *safelightv1.SignedManifest) (*safelightv1.Manifest, error) {
	if !s.signedByUs(signed) {
		return nil, fmt.Errorf("verifying policy: signature by key %q does not hold; only the school's own collector signs policy", signed.GetKeyId())
	}
	m := &safelightv1.Manifest{}
	if err := proto.Unmarshal(signed.GetManifest(), m); err != nil {
		return nil, fmt.Errorf("verifying policy: %w", err)
	}
	switch {
	case m.GetSchool() != s.school:
		return nil, fmt.Errorf("verifying policy: it is for school %q, this device belongs to %q", m.GetSchool(), s.school)
	case m.GetKeyId() != signed.GetKeyId():
		return nil, fmt.Errorf("verifying policy: it names key %q and is signed by %q", m.GetKeyId(), signed.GetKeyId())
	case m.GetMinEngine() > rules.Engine:
		return nil, fmt.Errorf("verifying policy: it needs rule engine %d, this agent has %d; update the agent", m.GetMinEngine(), rules.Engine)
	case len(m.GetBlobs()) > maxBlobs:
		return nil, fmt.Errorf("verifying policy: %d files, at most %d", len(m.GetBlobs()), maxBlobs)
	}
	return m, checkNames(m.GetBlobs())
}

// checkNames refuses what could not be kept, or would hide another file.
func checkNames(blobs []*safelightv1.Blob) error {
	seen := map[string]bool{}
	for _, b := range blobs {
		if len(b.GetSha256()) != sha256.Size || b.GetSize() > maxBlobBytes || !fs.ValidPath(b.GetName()) {
			return fmt.Errorf("verifying policy: file %q: bad name, hash or size", b.GetName())
		}
		if seen[b.GetName()] {
			return fmt.Errorf("verifying policy: file %q stands in it twice", b.GetName())
		}
		seen[b.GetName()] = true
	}
	return nil
}

func (s *Store) signedByUs(signed *safelightv1.SignedManifest) bool {
	for _, k := range s.keys() {
		if k.GetKeyId() == signed.GetKeyId() && pki.Verify(k.GetEd25519Public(), pki.PolicyContext, signed.GetManifest(), signed.GetSignature()) {
			return true
		}
	}
	return false
}

func (s *Store) blobFile(sum []byte) string {
	return filepath.Join(s.dir, "blobs", hex.EncodeToString(sum))
}

// ensure has the blob on disk, whole and checked.
func (s *Store) ensure(ctx context.Context, b *safelightv1.Blob, fetch Fetch) error {
	if _, err := s.read(b); err == nil {
		return nil
	}
	data, err := fetch(ctx, b.GetSha256(), 0)
	if err != nil {
		return fmt.Errorf("fetching %s: %w", b.GetName(), err)
	}
	if err := checkBlob(b, data); err != nil {
		return err
	}
	return pki.WriteSecret(s.blobFile(b.GetSha256()), data)
}

func (s *Store) read(b *safelightv1.Blob) ([]byte, error) {
	data, err := os.ReadFile(s.blobFile(b.GetSha256()))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", b.GetName(), err)
	}
	return data, checkBlob(b, data)
}

func checkBlob(b *safelightv1.Blob, data []byte) error {
	if sum := sha256.Sum256(data); uint64(len(data)) != b.GetSize() || !bytes.Equal(sum[:], b.GetSha256()) {
		return fmt.Errorf("checking %s: its bytes are not those the manifest names", b.GetName())
	}
	return nil
}

func (s *Store) compile(m *safelightv1.Manifest) (*Active, error) {
	files := make(map[string][]byte, len(m.GetBlobs()))
	for _, b := range m.GetBlobs() {
		data, err := s.read(b)
		if err != nil {
			return nil, err
		}
		files[b.GetName()] = data
	}
	set, err := rules.Compile(files)
	if err != nil {
		return nil, fmt.Errorf("compiling rules: %w", err)
	}
	return &Active{Rules: set, Epoch: m.GetEpoch(), Serial: m.GetSerial(), KeyID: m.GetKeyId(), Issued: m.GetIssued().AsTime()}, nil
}

// keep makes the manifest the current one and the one in force the previous: not
// what the current file holds, which may be the very one that could not be used.
func (s *Store) keep(signed *safelightv1.SignedManifest) error {
	raw, err := proto.Marshal(signed)
	if err != nil {
		return fmt.Errorf("encoding manifest: %w", err)
	}
	current := filepath.Join(s.dir, "current")
	if s.raw != nil {
		if err := pki.WriteSecret(filepath.Join(s.dir, "previous"), s.raw); err != nil {
			return err
		}
	}
	if err := pki.WriteSecret(current, raw); err != nil {
		return err
	}
	s.raw = raw
	return nil
}

// sweep removes blobs that neither kept manifest names. What it cannot remove
// it leaves for the next time.
func (s *Store) sweep() {
	keep := map[string]bool{}
	for _, name := range []string{"current", "previous"} {
		raw, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			continue
		}
		signed, m := &safelightv1.SignedManifest{}, &safelightv1.Manifest{}
		if proto.Unmarshal(raw, signed) != nil || proto.Unmarshal(signed.GetManifest(), m) != nil {
			return
		}
		for _, b := range m.GetBlobs() {
			keep[hex.EncodeToString(b.GetSha256())] = true
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			_ = os.Remove(filepath.Join(s.dir, "blobs", e.Name()))
		}
	}
}
