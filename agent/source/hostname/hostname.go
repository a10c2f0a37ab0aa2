// Package hostname normalises host names to the one form in which they are
// observed: lower-case A-labels without a final dot. It is pure. The sources
// use it on names from packets and logs.
package hostname

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const maxName = 253

// Normalise normalises a host name as it stands on the wire or in a log to
// lower-case A-label form without a final dot. It reports false for what is
// no host name. An address is a name too: some things are visited by address.
func Normalise[T string | []byte](raw T) (string, bool) {
	if n := len(raw); n > 0 && raw[n-1] == '.' {
		raw = raw[:n-1]
	}
	if len(raw) == 0 {
		return "", false
	}
	if raw[0] == '[' {
		return address(string(raw))
	}
	var buf [maxName]byte
	label := 0 // length of the label so far
	for i := range len(raw) {
		c := raw[i]
		switch {
		case c >= 0x80:
			return unicodeName(string(raw))
		case i >= maxName:
			return "", false
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = -1
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
		if label++; label > 63 {
			return "", false
		}
		buf[i] = c
	}
	return string(buf[:len(raw)]), label > 0
}

// address reads an IPv6 address in brackets.
func address(raw string) (string, bool) {
	inner, ok := strings.CutSuffix(raw[1:], "]")
	if !ok {
		return "", false
	}
	a, err := netip.ParseAddr(inner)
	if err != nil {
		return "", false
	}
	return a.WithZone("").String(), true
}

// lookup maps as browsers do, and keeps underscores, which real names have.
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

func unicodeName(raw string) (string, bool) {
	if len(raw) > 4*maxName || !utf8.ValidString(raw) {
		return "", false
	}
	ascii, err := lookup.ToASCII(raw)
	if err != nil {
		return "", false
	}
	for i := range len(ascii) {
		if ascii[i] >= 0x80 {
			return "", false
		}
	}
	return Normalise(ascii)
}

// OfHostPort normalises "host", "host:port", "[v6]" and "[v6]:port" to the host.
func OfHostPort[T string | []byte](raw T) (string, bool) {
	end := len(raw)
	for i := len(raw) - 1; i >= 0; i-- {
		if raw[i] == ']' {
			break
		}
		if raw[i] == ':' {
			end = i
			break
		}
	}
	return Normalise(raw[:end])
}
