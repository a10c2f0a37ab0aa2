package policy

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"maps"
	"sync"

	"safelight/internal/pki"
)

// Ring is the key that signs policy and those that devices accept beside it: one
// that follows, one that went before. Several publishers may share it.
type Ring struct {
	mu   sync.Mutex // guards everything declared below
	key  crypto.Signer
	id   string
	also map[string]ed25519.PublicKey
}

// NewRing makes a ring; see Set.
func NewRing(key crypto.Signer, also ...crypto.PublicKey) (*Ring, error) {
	r := &Ring{}
	return r, r.Set(key, also...)
}

// Set replaces the signing key and the keys that are accepted beside it.
func (r *Ring) Set(key crypto.Signer, also ...crypto.PublicKey) error {
	accepted := map[string]ed25519.PublicKey{}
	id, err := accept(accepted, key.Public())
	if err != nil {
		return err
	}
	for _, pub := range also {
		if _, err := accept(accepted, pub); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.key, r.id, r.also = key, id, accepted
	return nil
}

func accept(into map[string]ed25519.PublicKey, pub crypto.PublicKey) (string, error) {
	key, ok := pub.(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("opening the policy key: it is a %T, want Ed25519; restore policy.key from a backup", pub)
	}
	id, err := pki.KeyID(key)
	if err == nil {
		into[id] = key
	}
	return id, err
}

// Present is the key that signs, and its id.
func (r *Ring) Present() (crypto.Signer, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.key, r.id
}

// Public are all keys that devices are told to accept, by id.
func (r *Ring) Public() map[string]ed25519.PublicKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.also)
}

// SignedElsewhere names the key of the rules in force where it is not the one
// that signs here: devices would refuse what is published next.
func (p *Publisher) SignedElsewhere() (keyID string, is bool) {
	_, id := p.ring.Present()
	signed := p.Signed()
	return signed.GetKeyId(), signed != nil && signed.GetKeyId() != id
}
