package weblog

import (
	"bytes"
	"time"
)

// parseCombined reads a line of the combined format as a proxy writes it, with
// the whole URL or CONNECT's host and port in the request; Squid adds its
// result at the end:
//
//	192.0.2.7 - anna [21/Nov/2026:23:15:01 +0000] "CONNECT www.example.org:443 HTTP/1.1" 200 5120 "-" "agent" TCP_TUNNEL:HIER_DIRECT
//
// A web server's own log names no host in its requests, and is refused line
// by line.
func parseCombined(line []byte) (Entry, error) {
	client, rest := field(line)
	ident, rest := field(rest)
	user, rest := field(rest)
	_, rest, ok := bytes.Cut(rest, []byte("["))
	if !ok {
		return Entry{}, errShape
	}
	stamp, rest, ok := bytes.Cut(rest, []byte(`] `))
	if !ok {
		return Entry{}, errShape
	}
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(stamp))
	if err != nil {
		return Entry{}, errShape
	}
	request, rest, ok := quoted(rest)
	if !ok {
		return Entry{}, errShape
	}
	status, rest := field(rest)
	if !number(status) {
		return Entry{}, errShape
	}
	method, request := field(request)
	target, _ := field(request)
	if !bytes.Equal(method, []byte("CONNECT")) && !bytes.Contains(target, []byte("://")) {
		return Entry{}, errNoHost
	}
	host, err := targetHost(target)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Time: at.UTC(), Host: host, Client: orEmpty(client), User: account(user)}
	if e.User == "" {
		e.User = account(ident)
	}
	_, rest = field(rest) // the size
	referrer, rest, _ := quoted(rest)
	_, rest, _ = quoted(rest) // the browser
	e.ThirdParty = otherSite(host, referrer) && element(target)
	e.Denied = refused(status, bytes.TrimSpace(rest))
	return e, nil
}

// refused goes by Squid's result where there is one, else by the status: a
// server behind the proxy answers 403 too, and then Squid's result is the truth.
func refused(status, result []byte) bool {
	if outcome, _, ok := bytes.Cut(result, []byte(":")); ok {
		return denied(outcome, status)
	}
	return bytes.Equal(status, []byte("403"))
}

// quoted cuts a text in quotes off a line; a backslash keeps the quote after it.
func quoted(line []byte) (text, rest []byte, ok bool) {
	line = bytes.TrimLeft(line, " ")
	if len(line) == 0 || line[0] != '"' {
		return nil, line, false
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return line[1:i], line[i+1:], true
		}
	}
	return nil, line, false
}
