package names

import (
	"errors"
	"net/netip"
	"strings"
)

// Check says what is wrong with a name for a table, or nil. A name is lower-case
// A-labels (RFC 5890) without a final dot: at least two labels of 1 to 63 small
// letters, digits, hyphens or underscores, 253 bytes in all. An IPv4 address is
// a name too, and has no parents.
func Check(name string) error {
	if len(name) > maxName {
		return errors.New("is longer than 253 bytes")
	}
	labels, size := 1, 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if size == 0 {
				return errors.New("has an empty label")
			}
			labels, size = labels+1, 0
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c >= 'A' && c <= 'Z':
			return errors.New("has capital letters: write it in small ones")
		case c >= 0x80:
			return errors.New("is not in A-labels: write it with xn--")
		default:
			return errors.New("holds a character that no host name has")
		}
		if size++; size > 63 {
			return errors.New("has a label of more than 63 bytes")
		}
	}
	switch {
	case size == 0:
		return errors.New("has an empty label")
	case labels < 2:
		return errors.New("has a single label: a name has two or more")
	case numbered(name) && !isIPv4(name):
		return errors.New("ends in a number and is no IPv4 address")
	}
	return nil
}

// numbered reports a host whose last label is all digits: it is an address, not
// a name (RFC 3696, section 2), and what looks like its parents is none.
func numbered(host string) bool {
	i := len(host) - 1
	for i >= 0 && host[i] >= '0' && host[i] <= '9' {
		i--
	}
	return i < len(host)-1 && (i < 0 || host[i] == '.')
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4() && strings.Count(s, ".") == 3
}
