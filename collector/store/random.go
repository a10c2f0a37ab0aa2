package store

import (
	"crypto/rand"
	"encoding/base32"
)

// crockford is base-32 without I, L, O and U: read out over a telephone, no
// character is taken for another.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// randomRef is an alert's reference: 8 characters, 40 random bits, no date and
// no count.
func randomRef() string {
	var b [5]byte
	rand.Read(b[:])
	return crockford.EncodeToString(b[:])
}

// randomID is 16 characters, 80 random bits.
func randomID() string {
	var b [10]byte
	rand.Read(b[:])
	return crockford.EncodeToString(b[:])
}

// randomBytes is the id of a health event that the service itself writes.
func randomBytes() []byte {
	b := make([]byte, 16)
	rand.Read(b)
	return b
}
