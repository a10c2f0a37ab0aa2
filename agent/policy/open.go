package policy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"safelight/internal/bundle"
	"safelight/internal/logging"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// mappedFrom is the size from which a file is mapped, and at a start is not read
// whole: a hash of the tables takes a weak laptop a fifth of a second.
const mappedFrom = 256 << 10

// care is how much is taken on trust of files that were verified when they were
// installed and have lain since in a folder that only the system may write to.
type care bool

const (
	atStart   care = false // large files: their size and header
	onPurpose care = true  // every byte, and nothing is mapped: the disk is in doubt
)

// openStored opens a policy that is kept in the folder.
func (s *Store) openStored(raw []byte, how care) (*inForce, error) {
	signed := &safelightv1.SignedManifest{}
	if err := proto.Unmarshal(raw, signed); err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	m, err := s.verify(signed)
	if err != nil {
		return nil, err
	}
	return s.open(m, raw, how)
}

// open makes a policy ready to judge by, of files that are on disk.
func (s *Store) open(m *safelightv1.Manifest, raw []byte, how care) (*inForce, error) {
	p := newInForce(m, raw)
	files := make(map[string][]byte, len(m.GetBlobs()))
	var err error
	for _, b := range m.GetBlobs() {
		if files[b.GetName()], err = s.content(p, b, how); err != nil {
			p.release()
			return nil, err
		}
	}
	err = p.reading(func() (err error) {
		p.set, err = judging(m, files)
		return err
	})
	if err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// judging makes rules of compiled ones, or of YAML, as collectors signed it up to
// rule engine 2: a device keeps judging by such a policy until it has a newer.
func judging(m *safelightv1.Manifest, files map[string][]byte) (*rules.Ruleset, error) {
	if compiled(m) {
		set, err := bundle.Open(files)
		return set, logging.Quiet(err, "its compiled rules do not open; publish the rules again")
	}
	set, err := rules.Compile(files)
	if err != nil {
		return nil, logging.Quiet(fmt.Errorf("compiling rules: %w", err), placeOf(err))
	}
	return set, nil
}

// placeOf says where rules are wrong, and not what stands there (G11).
func placeOf(err error) string {
	var all rules.Problems
	if !errors.As(err, &all) || len(all) == 0 {
		return "its rules do not compile"
	}
	return fmt.Sprintf("its rules do not compile: %d mistakes, the first at %s:%d", len(all), all[0].File, all[0].Line)
}

// content maps a large file, and reads and verifies a small one.
func (s *Store) content(p *inForce, b *safelightv1.Blob, how care) ([]byte, error) {
	path := s.files.path(b.GetSha256())
	if b.GetSize() < mappedFrom {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", b.GetName(), err)
		}
		return data, sameBytes(b, data)
	}
	bring := s.mapper
	if how == onPurpose {
		bring = func(path string, size int64) (mapping, error) {
			m, err := readWhole(path, size)
			if err == nil {
				err = sameBytes(b, m.data)
			}
			return m, err
		}
	}
	m, err := bring(path, int64(b.GetSize()))
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", b.GetName(), err)
	}
	p.mappings, p.files = append(p.mappings, m), append(p.files, b)
	return m.data, nil
}

func sameBytes(b *safelightv1.Blob, data []byte) error {
	if sum := sha256.Sum256(data); uint64(len(data)) != b.GetSize() || !bytes.Equal(sum[:], b.GetSha256()) {
		return fmt.Errorf("checking %s: its bytes are not those the manifest names", b.GetName())
	}
	return nil
}
