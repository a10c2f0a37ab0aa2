package weblog

import (
	"bytes"
	"time"
)

// parseCombined reads a line of the combined format as a proxy writes it, with
// the whole URL or CONNECT's host and port in the request:
//
//	192.0.2.7 - anna [21/Nov/2026:23:15:01 +0000] "CONNECT www.example.org:443 HTTP/1.1" 200 5120 "-" "agent"
//
// A web server's own log names no host in its requests, and is refused line
// by line.
func parseCombined(line []byte) (Entry, error) {
	client, rest := field(line)
	_, rest = field(rest) // identd's answer
	user, rest := field(rest)
	_, rest, ok := bytes.Cut(rest, []byte("["))
	if !ok {
		return Entry{}, errShape
	}
	stamp, rest, ok := bytes.Cut(rest, []byte(`] "`))
	if !ok {
		return Entry{}, errShape
	}
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(stamp))
	if err != nil {
		return Entry{}, errShape
	}
	method, rest := field(rest)
	target, rest := field(rest)
	_, rest, ok = bytes.Cut(rest, []byte(`" `))
	status, _ := field(rest)
	if !ok || !number(status) {
		return Entry{}, errShape
	}
	if !bytes.Equal(method, []byte("CONNECT")) && !bytes.Contains(target, []byte("://")) {
		return Entry{}, errNoHost
	}
	host, err := targetHost(target)
	if err != nil {
		return Entry{}, err
	}
	return Entry{
		Time: at.UTC(), Host: host, Client: orEmpty(client), User: orEmpty(user),
		Denied: bytes.Equal(status, []byte("403")) || bytes.Equal(status, []byte("407")),
	}, nil
}
