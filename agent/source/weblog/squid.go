package weblog

import (
	"bytes"
	"strconv"
	"time"
)

// parseSquid reads a line of Squid's native access.log:
//
//	1795302901.123    245 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT www.example.org:443 anna HIER_DIRECT/198.51.100.4 -
//	1795302902.456      3 192.0.2.7 TCP_DENIED/403 3900 GET http://example.net/a?b - HIER_NONE/- text/html
//
// that is time, milliseconds taken, client, result/status, bytes, method, URL,
// user, hierarchy/peer, type.
func parseSquid(line []byte) (Entry, error) {
	stamp, rest := field(line)
	at, ok := unixTime(stamp)
	if !ok {
		return Entry{}, errShape
	}
	elapsed, rest := field(rest)
	client, rest := field(rest)
	result, rest := field(rest)
	size, rest := field(rest)
	_, rest = field(rest) // the method
	url, rest := field(rest)
	user, _ := field(rest)
	if len(user) == 0 || !number(elapsed) || !number(size) || bytes.IndexByte(result, '/') < 0 {
		return Entry{}, errShape
	}
	host, err := targetHost(url)
	if err != nil {
		return Entry{}, err
	}
	return Entry{
		Time: at, Host: host, Client: orEmpty(client), User: orEmpty(user),
		Denied: bytes.Contains(result, []byte("DENIED")),
	}, nil
}

// unixTime reads seconds since 1970 with an optional fraction. Written out,
// because a float has no room for milliseconds to come back exactly.
func unixTime(b []byte) (time.Time, bool) {
	whole, fraction, _ := bytes.Cut(b, []byte("."))
	if len(whole) == 0 || len(whole) > 11 || len(fraction) > 9 || !number(whole) {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, false
	}
	nanos := int64(0)
	for i := range 9 {
		nanos *= 10
		if i < len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return time.Time{}, false
			}
			nanos += int64(fraction[i] - '0')
		}
	}
	return time.Unix(seconds, nanos).UTC(), true
}

func number(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
