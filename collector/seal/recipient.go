package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"safelight/internal/pki"
)

// What a person's key is written as, so that neither half is taken for the other.
const (
	publicPrefix  = "SLP1"
	privatePrefix = "SLK1"
)

// maxRecipients bounds a sealed message's head: head, stand-in, LADO's contact and
// their deputies are a handful.
const maxRecipients = 64

// ErrNotForYou says that something was not sealed to an identity's recipient.
var ErrNotForYou = errors.New("it is not sealed to this key")

// The suite, RFC 9180: X25519 with HKDF-SHA256, and AES-256-GCM.
var (
	kem  = hpke.DHKEM(ecdh.X25519())
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

// Recipient is the public half of a person's key.
type Recipient struct{ key hpke.PublicKey }

// Identity is the private half. It belongs to the person, not to the server.
type Identity struct{ key hpke.PrivateKey }

// NewIdentity makes a person's key.
func NewIdentity() (*Identity, error) {
	key, err := kem.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("making a person's key: %w", err)
	}
	return &Identity{key}, nil
}

// Recipient is the public half.
func (i *Identity) Recipient() *Recipient { return &Recipient{i.key.PublicKey()} }

// String writes the public half: 47 characters, SLP1 and base64.
func (r *Recipient) String() string {
	return publicPrefix + base64.RawURLEncoding.EncodeToString(r.key.Bytes())
}

// ParseRecipient reads what String wrote.
func ParseRecipient(text string) (*Recipient, error) {
	data, err := decodeKey(text, publicPrefix)
	if err != nil {
		return nil, fmt.Errorf("reading a person's public key: %w", err)
	}
	key, err := kem.NewPublicKey(data)
	if err != nil {
		return nil, fmt.Errorf("reading a person's public key: %w", err)
	}
	return &Recipient{key}, nil
}

func decodeKey(text, prefix string) ([]byte, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), prefix)
	if !ok {
		return nil, fmt.Errorf("want a line that begins with %s", prefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || strings.ContainsAny(rest, "\r\n") { // which the decoder steps over
		return nil, errors.New("it is damaged: copy it again")
	}
	return data, nil
}

// SaveIdentity writes the private half to a file that only its owner can read.
func SaveIdentity(path string, i *Identity) error {
	data, err := i.key.Bytes()
	if err != nil {
		return fmt.Errorf("writing a person's key: %w", err)
	}
	text := "# Safelight: a person's own key. Whoever has it reads what is sealed to them.\n# public: " +
		i.Recipient().String() + "\n" + privatePrefix + base64.RawURLEncoding.EncodeToString(data) + "\n"
	return pki.WriteSecret(path, []byte(text))
}

// LoadIdentity reads what SaveIdentity wrote, and refuses a file that others may
// read.
func LoadIdentity(path string) (*Identity, error) {
	text, err := pki.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		data, err := decodeKey(line, privatePrefix)
		if err != nil {
			return nil, fmt.Errorf("reading the key %s: %w", path, err)
		}
		key, err := kem.NewPrivateKey(data)
		if err != nil {
			return nil, fmt.Errorf("reading the key %s: %w", path, err)
		}
		return &Identity{key}, nil
	}
	return nil, fmt.Errorf("reading the key %s: there is none in it", path)
}

// To seals plain to several people, each of whom opens it alone. place is as for a
// Box. Who they are can be seen of nothing but their number.
//
//	version 2 | number of recipients | for each: length, sealed content key | Box
//
// The head is a part of the Box's place, so that nobody can be added or left out.
func To(recipients []*Recipient, plain, place []byte) ([]byte, error) {
	if len(recipients) == 0 || len(recipients) > maxRecipients {
		return nil, fmt.Errorf("sealing to people: there are %d, want 1 to %d", len(recipients), maxRecipients)
	}
	content := NewKey()
	head := []byte{versionTo, byte(len(recipients))}
	for _, r := range shuffled(recipients) {
		sealed, err := hpke.Seal(r.key, kdf, aead, infoOf(place), content[:])
		if err != nil {
			return nil, fmt.Errorf("sealing to people: %w", err)
		}
		head = binary.BigEndian.AppendUint16(head, uint16(len(sealed)))
		head = append(head, sealed...)
	}
	return append(head, NewBox(content).Seal(plain, Place(string(head), string(place)))...), nil
}

const versionTo = 2

func infoOf(place []byte) []byte { return Place("safelight seal to", string(place)) }

// shuffled gives no place in the order away.
func shuffled(recipients []*Recipient) []*Recipient {
	out := make([]*Recipient, len(recipients))
	copy(out, recipients)
	for i := len(out) - 1; i > 0; i-- {
		var b [8]byte
		rand.Read(b[:])
		j := int(binary.BigEndian.Uint64(b[:]) % uint64(i+1))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// Open opens what To sealed, if it was sealed to this identity's recipient.
func (i *Identity) Open(sealed, place []byte) ([]byte, error) {
	head, keys, err := split(sealed)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		content, err := hpke.Open(i.key, kdf, aead, infoOf(place), key)
		if err != nil || len(content) != len(Key{}) {
			continue
		}
		return NewBox(Key(content)).Open(sealed[len(head):], Place(string(head), string(place)))
	}
	return nil, fmt.Errorf("opening what is sealed to people: %w, or was changed, or belongs elsewhere", ErrNotForYou)
}

// split takes the head off.
func split(sealed []byte) (head []byte, keys [][]byte, err error) {
	cut := fmt.Errorf("opening what is sealed to people: %w", ErrOpen)
	if len(sealed) < 2 || sealed[0] != versionTo || sealed[1] == 0 || sealed[1] > maxRecipients {
		return nil, nil, cut
	}
	rest := bytes.NewBuffer(sealed[2:])
	for range sealed[1] {
		n := rest.Next(2)
		if len(n) < 2 || int(binary.BigEndian.Uint16(n)) > rest.Len() {
			return nil, nil, cut
		}
		keys = append(keys, rest.Next(int(binary.BigEndian.Uint16(n))))
	}
	return sealed[:len(sealed)-rest.Len()], keys, nil
}
