package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const tokenPrefix = "SL1."

// Token is what IT carries to a device so that first contact is pinned: where
// the collector is, which root it must prove, and a secret that admits.
type Token struct {
	Addresses   []string `json:"a"` // host:port
	Fingerprint string   `json:"f"` // of the root, see Fingerprint
	ServerName  string   `json:"n"` // a name the collector's certificate carries
	Secret      string   `json:"s"`
	Expires     int64    `json:"e"` // seconds since 1970
}

// NewSecret makes 32 random bytes in URL-safe base 64.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// HashSecret is what is stored of a secret that NewSecret made: it has 256
// random bits, so a plain SHA-256 cannot be searched.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Encode writes the token as one line.
func (t Token) Encode() (string, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encoding token: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(data), nil
}

// ParseToken reads a token. It does not check the expiry: the collector does,
// by its own clock.
func ParseToken(s string) (Token, error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix)
	if !ok {
		return Token{}, fmt.Errorf("reading token: it should begin with %q; copy it whole from `safelight-collector token create`", tokenPrefix)
	}
	data, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return Token{}, errors.New("reading token: it is damaged or cut short; copy it whole from `safelight-collector token create`")
	}
	var t Token
	if err := json.Unmarshal(data, &t); err != nil {
		return Token{}, errors.New("reading token: it is damaged; copy it whole from `safelight-collector token create`")
	}
	if t.Secret == "" || len(t.Fingerprint) != 2*sha256.Size || t.ServerName == "" {
		return Token{}, errors.New("reading token: it lacks its secret, fingerprint or server name; make a new one with `safelight-collector token create`")
	}
	return t, nil
}

// ExpiresAt is the token's end.
func (t Token) ExpiresAt() time.Time { return time.Unix(t.Expires, 0) }
