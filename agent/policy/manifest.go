package policy

import (
	"crypto/sha256"
	"fmt"
	"io/fs"

	"google.golang.org/protobuf/proto"

	"safelight/internal/bundle"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

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
	total := uint64(0)
	for _, b := range blobs {
		if len(b.GetSha256()) != sha256.Size || b.GetSize() > maxBlobBytes || !fs.ValidPath(b.GetName()) {
			return fmt.Errorf("verifying policy: file %q: bad name, hash or size", b.GetName())
		}
		if b.GetName() == bundle.PolicyFile && b.GetSize() > bundle.MaxPolicy {
			return fmt.Errorf("verifying policy: %s of %d MB, at most %d", bundle.PolicyFile, b.GetSize()>>20, bundle.MaxPolicy>>20)
		}
		if seen[b.GetName()] {
			return fmt.Errorf("verifying policy: file %q stands in it twice", b.GetName())
		}
		seen[b.GetName()] = true
		if total += b.GetSize(); total > maxBytes {
			return fmt.Errorf("verifying policy: its files are over %d MB together", maxBytes>>20)
		}
	}
	return nil
}

// compiled says whether a policy's files are compiled rules; else they are YAML.
func compiled(m *safelightv1.Manifest) bool {
	for _, b := range m.GetBlobs() {
		if b.GetName() == bundle.PolicyFile {
			return true
		}
	}
	return false
}

func (s *Store) signedByUs(signed *safelightv1.SignedManifest) bool {
	for _, k := range s.keys() {
		if k.GetKeyId() == signed.GetKeyId() && pki.Verify(k.GetEd25519Public(), pki.PolicyContext, signed.GetManifest(), signed.GetSignature()) {
			return true
		}
	}
	return false
}
