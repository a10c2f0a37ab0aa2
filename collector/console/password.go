package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// params are argon2id's costs. They travel in each hash, so they can be raised
// without anybody losing their password.
type params struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var productionParams = params{memory: 64 << 10, passes: 3, threads: 1}

const (
	saltSize = 16
	keySize  = 32
	// Each hash holds 64 MiB while it runs, and leaves them to the garbage
	// collector. Two at a time and a short queue bound what a flood of sign-ins
	// can take: under 400 MB for the moment (measured), and a plain answer.
	hashSlots = 2
	hashWait  = 5 * time.Second

	minPassword = 12  // characters
	maxPassword = 512 // bytes
)

// errBusy means that too many passwords are being checked at once.
var errBusy = errors.New("checking passwords: too many at once; try again in a few seconds")

// hasher makes and checks password hashes, few at a time.
type hasher struct {
	params params
	slots  chan struct{}
	queue  chan struct{}
	dummy  string // what an unknown user's password is compared with
}

func newHasher(p params) *hasher {
	h := &hasher{params: p, slots: make(chan struct{}, hashSlots), queue: make(chan struct{}, 8*hashSlots)}
	// The dummy only has to cost the same; nobody has its password.
	salt, key := make([]byte, saltSize), make([]byte, keySize)
	rand.Read(salt)
	rand.Read(key)
	h.dummy = encodeHash(p, salt, key)
	return h
}

// enter waits for a slot; a full queue and a long wait are both "busy".
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, errBusy
	}
}

// hash makes the stored form of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltSize)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, h.params.passes, h.params.memory, h.params.threads, keySize)
	return encodeHash(h.params, salt, key), nil
}

// verify compares a password with a stored hash. An empty hash, of a user who
// is unknown or has no password yet, costs as much and never matches.
func (h *hasher) verify(ctx context.Context, encoded, password string) (bool, error) {
	known := encoded != ""
	if !known {
		encoded = h.dummy
	}
	p, salt, key, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	got := argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1 && known, nil
}

// encodeHash writes the customary form:
//
//	$argon2id$v=19$m=65536,t=3,p=1$SALT$KEY
func encodeHash(p params, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.threads, b64(salt), b64(key))
}

// decodeHash reads encodeHash's form and refuses costs that could stop the
// server: a stored hash is not trusted to name its own price.
func decodeHash(encoded string) (p params, salt, key []byte, err error) {
	bad := func(what string) (params, []byte, []byte, error) {
		return params{}, nil, nil, fmt.Errorf("reading a stored password hash: %s; set the password anew with a one-time link", what)
	}
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return bad("not an argon2id hash")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return bad("unknown argon2 version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return bad("unreadable parameters")
	}
	if p.memory < 8 || p.memory > 256<<10 || p.passes < 1 || p.passes > 10 || p.threads < 1 || p.threads > 8 {
		return bad("parameters out of bounds")
	}
	salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return bad("unreadable salt")
	}
	key, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(key) < 16 || len(key) > 64 {
		return bad("unreadable key")
	}
	return p, salt, key, nil
}

// weakPassword says in words what is wrong with a new password, or nothing.
func weakPassword(password, email string) string {
	folded := strings.ToLower(strings.TrimSpace(password))
	local, _, _ := strings.Cut(strings.ToLower(email), "@")
	switch {
	case password == "":
		return wordsEnterNewPassword
	case utf8.RuneCountInString(password) < minPassword:
		return wordsPasswordShort
	case len(password) > maxPassword:
		return wordsPasswordLong
	case folded == strings.ToLower(email) || folded == local:
		return wordsPasswordIsEmail
	case strings.Trim(password, string([]rune(password)[:1])) == "":
		return wordsPasswordOneCharacter
	}
	return ""
}
