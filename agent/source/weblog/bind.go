package weblog

import (
	"bytes"
	"time"

	"safelight/internal/event"
)

// newBind reads the query log of BIND 9, and the lines of its response policy
// zones, to a file or through syslog:
//
//	21-Nov-2026 23:15:01.123 queries: info: client @0x7f3c 192.0.2.7#53124 (www.example.org): query: www.example.org IN A +E(0)K (192.0.2.53)
//	21-Nov-2026 23:15:01.124 rpz: info: client @0x7f3c 192.0.2.7#53124 (blocked.example): rpz QNAME NXDOMAIN rewrite blocked.example/A/IN via blocked.example.rpz
func newBind(o Options) Parser {
	return func(line []byte) (Entry, error) {
		before, after, ok := bytes.Cut(line, []byte("client "))
		if !ok {
			return Entry{}, bindNote(line, o)
		}
		e, err := bindClient(after)
		e.Time = bindTime(before, o)
		return e, err
	}
}

// bindNote is of lines of other categories. Others than BIND begin with a time of
// ISO 8601, too.
func bindNote(line []byte, o Options) error {
	if bindTime(line, o).IsZero() {
		return errShape
	}
	day, rest := field(line)
	if next, _ := field(rest); len(day) > len(time.DateOnly)+1 && !isTag(next) {
		return errShape
	}
	return errNothing
}

// bindClient reads "@0x7f3c 192.0.2.7#53124 (name): [view x: ]query: ...".
func bindClient(rest []byte) (Entry, error) {
	who, rest := field(rest)
	if bytes.HasPrefix(who, []byte("@0x")) {
		who, rest = field(rest)
	}
	ip, _, ok := bytes.Cut(bytes.TrimSuffix(who, []byte(":")), []byte("#"))
	if !ok || !isAddress(ip) {
		return Entry{}, errShape
	}
	e := Entry{Client: string(ip), Of: event.ViaDNS}
	var err error
	if _, after, ok := bytes.Cut(rest, []byte("query: ")); ok {
		name, after := field(after)
		_, after = field(after) // the class
		kind, _ := field(after)
		if !asksForSite(string(kind)) {
			return Entry{}, errNothing
		}
		e.stage = question
		e.Host, err = dnsName(name)
		return e, err
	}
	if _, after, ok := bytes.Cut(rest, []byte("rpz ")); ok {
		return bindPolicy(e, after)
	}
	return Entry{}, errNothing // a transfer, an update, a refusal to strangers
}

// bindPolicy reads "QNAME NXDOMAIN rewrite blocked.example/A/IN via ...".
func bindPolicy(e Entry, rest []byte) (Entry, error) {
	_, rest = field(rest) // what triggered it
	action, rest := field(rest)
	verb, rest := field(rest)
	what, _ := field(rest)
	name, kind, ok := bytes.Cut(what, []byte("/"))
	if !ok || !bytes.Equal(verb, []byte("rewrite")) {
		return Entry{}, errNothing
	}
	if kind, _, _ = bytes.Cut(kind, []byte("/")); !asksForSite(string(kind)) {
		return Entry{}, errNothing
	}
	var err error
	e.Host, err = dnsName(name)
	e.stage, e.Denied = answer, !bytes.Equal(action, []byte("PASSTHRU"))
	return e, err
}

// bindTime reads "21-Nov-2026 23:15:01.123" or ISO 8601; the zero time where
// the line begins with neither.
func bindTime(line []byte, o Options) time.Time {
	day, rest := field(line)
	if at, ok := isoTime(day, o.Zone); ok {
		return at
	}
	clock, _ := field(rest)
	at, err := time.ParseInLocation("02-Jan-2006 15:04:05", string(day)+" "+string(clock), o.Zone)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
