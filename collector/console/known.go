package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"safelight/collector/model"
)

const (
	knownName = "__Host-safelight-known"
	knownLife = 180 * 24 * time.Hour
	nonceSize = 16
)

// browsers recognises browsers that a user has signed in from before (OWASP calls
// this a device cookie). It opens nothing: the password is asked for as ever. But
// whoever knows somebody's address can make that address wait, and a known browser
// of theirs waits for its own failures only.
//
//	nonce (16) issued (8, seconds) HMAC-SHA256(key, school, user, password, nonce, issued)
//
// The stored password hash is under the seal, so that a new password forgets every
// browser.
type browsers struct{ key []byte }

// issue makes a cookie's value for a user.
func (b browsers) issue(user model.User, now time.Time) string {
	body := make([]byte, nonceSize, nonceSize+8)
	rand.Read(body) // never fails: it ends the program instead
	body = binary.BigEndian.AppendUint64(body, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(body, b.seal(user, body)...))
}

func (b browsers) seal(user model.User, body []byte) []byte {
	mac := hmac.New(sha256.New, b.key)
	for _, part := range []string{"known browser", string(user.School), user.ID, user.PasswordHash, string(body)} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// knows says whether a value was issued to this user, and under what name the
// browser's failures are counted.
func (b browsers) knows(value string, user model.User, now time.Time) (name string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(raw) != nonceSize+8+sha256.Size {
		return "", false
	}
	body, seal := raw[:nonceSize+8], raw[nonceSize+8:]
	if !hmac.Equal(seal, b.seal(user, body)) {
		return "", false
	}
	issued := time.Unix(int64(binary.BigEndian.Uint64(body[nonceSize:])), 0)
	// No address is like it: they have an @.
	return "browser " + base64.RawURLEncoding.EncodeToString(body[:nonceSize]), !now.Before(issued) && now.Before(issued.Add(knownLife))
}

func knownCookie(value string) *http.Cookie {
	return &http.Cookie{
		Name: knownName, Value: value, Path: "/", MaxAge: int(knownLife.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// knownFrom reads the cookie of a request; most have none.
func knownFrom(r *http.Request) string {
	c, err := r.Cookie(knownName)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(c.Value)
}
