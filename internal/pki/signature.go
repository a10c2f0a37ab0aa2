package pki

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"strings"
)

// PolicyContext keeps a policy signature from being taken for another kind.
const PolicyContext = "safelight policy manifest v1\n"

// EpochContext is for the recovery key's leave to begin a policy epoch.
const EpochContext = "safelight policy epoch v1\n"

// OverlayContext is for what a collector adds to its policy for a while.
const OverlayContext = "safelight policy overlay v1\n"

// RestoreContext is for the recovery key's word that a restore of the record is
// accepted.
const RestoreContext = "safelight audit restore v1\n"

// Sign signs data under a context with an Ed25519 key (RFC 8032).
func Sign(key crypto.Signer, context string, data []byte) ([]byte, error) {
	if _, ok := key.Public().(ed25519.PublicKey); !ok {
		return nil, fmt.Errorf("signing: want an Ed25519 key, have %T", key.Public())
	}
	if !isContext(context) {
		return nil, fmt.Errorf("signing: context %q: want one line with its line break", context)
	}
	sig, err := key.Sign(rand.Reader, append([]byte(context), data...), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return sig, nil
}

// Verify checks a signature that Sign made.
func Verify(pub ed25519.PublicKey, context string, data, sig []byte) bool {
	return len(pub) == ed25519.PublicKeySize && isContext(context) && ed25519.Verify(pub, append([]byte(context), data...), sig)
}

// isContext wants exactly one line, so that no context and data can be read as
// another context and other data.
func isContext(s string) bool { return len(s) > 1 && strings.IndexByte(s, '\n') == len(s)-1 }
