package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// Key is a random secret of 256 bits.
type Key [32]byte

// NewKey draws one.
func NewKey() (k Key) {
	rand.Read(k[:])
	return k
}

// ErrOpen says that sealed bytes were changed, cut, moved to another row, or
// sealed with another key: AES-GCM cannot tell these apart.
var ErrOpen = errors.New("it was changed, belongs to another row, or was sealed with another key")

// version begins all sealed bytes. It differs from the first byte of the JSON
// that stores held before anything was sealed.
const version = 1

// Overhead is how many bytes sealing adds: version, nonce and tag.
const Overhead = 1 + 12 + 16

// Sealed says whether bytes from the database are sealed, rather than of the
// time before.
func Sealed(data []byte) bool { return len(data) >= Overhead && data[0] == version }

// Box seals with one key: AES-256-GCM (NIST SP 800-38D) with random nonces, of
// which a key must use fewer than 2^32. It may be used concurrently.
type Box struct{ aead cipher.AEAD }

// NewBox makes the box of a key. Keep it where the key is used often: making one
// costs as much as sealing twice.
func NewBox(key Key) *Box {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 32 bytes are always a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES is always fit for it
	}
	return &Box{aead}
}

// Seal seals plain for one place: it opens only with the same place again.
func (b *Box) Seal(plain, place []byte) []byte {
	out := make([]byte, 1, len(plain)+Overhead)
	out[0] = version
	return b.aead.Seal(out, nil, plain, place) //nolint:gosec // no nonce is handed in: this kind draws its own
}

// Open opens what Seal sealed for this place.
func (b *Box) Open(sealed, place []byte) ([]byte, error) {
	if !Sealed(sealed) {
		return nil, fmt.Errorf("opening sealed bytes: %w", ErrOpen)
	}
	plain, err := b.aead.Open(nil, nil, sealed[1:], place)
	if err != nil {
		return nil, fmt.Errorf("opening sealed bytes: %w", ErrOpen)
	}
	return plain, nil
}

// Place names the row that something is sealed for. Parts are told apart by
// their lengths, so that no two rows share a place.
func Place(parts ...string) []byte {
	n := 0
	for _, p := range parts {
		n += 2 + len(p)
	}
	return AppendPlace(make([]byte, 0, n), parts...)
}

// AppendPlace is Place, added to what is there.
func AppendPlace(to []byte, parts ...string) []byte {
	for _, p := range parts {
		to = append(to, byte(len(p)>>8), byte(len(p)))
		to = append(to, p...)
	}
	return to
}
