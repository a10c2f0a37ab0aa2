package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
)

// epoch is what is derived of one epoch's secret (HKDF-SHA256, RFC 5869).
type epoch struct {
	number int64
	secret Key
	wrap   *Box
	index  []byte
	check  []byte
}

func newEpoch(number int64, secret Key) *epoch {
	wrap := Key(derive(secret, "safelight wrap"))
	return &epoch{
		number: number, secret: secret, wrap: NewBox(wrap),
		index: derive(secret, "safelight index"), check: derive(secret, "safelight check")[:16],
	}
}

func derive(secret Key, what string) []byte {
	out, err := hkdf.Key(sha256.New, secret[:], nil, what, 32)
	if err != nil {
		panic(err) // 32 bytes can always be had
	}
	return out
}

// lookup is what an account is found by without being readable: 160 bits of an
// HMAC, in lower-case base-32.
func (e *epoch) lookup(kind, account string) string {
	if account == "" {
		return ""
	}
	mac := hmac.New(sha256.New, e.index)
	mac.Write(Place(kind, account))
	return lookupText.EncodeToString(mac.Sum(nil)[:20])
}

var lookupText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func wrapPlace(school, subject string) []byte { return Place("subject_keys", school, subject) }

func handPlace(school string, number int64) []byte {
	return Place("seal_epochs", school, fmt.Sprint(number))
}
