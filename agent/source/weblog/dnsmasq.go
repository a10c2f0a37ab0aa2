package weblog

import (
	"bytes"
	"strings"

	"safelight/internal/event"
)

// parseDnsmasq reads what dnsmasq's log-queries writes, with or without
// log-queries=extra, syslog's envelope taken off:
//
//	query[A] www.example.org from 192.0.2.7
//	42 192.0.2.7/53124 query[A] www.example.org from 192.0.2.7
//	forwarded www.example.org to 192.0.2.53
//	reply www.example.org is 198.51.100.4
//	config blocked.example is NXDOMAIN
//
// A question and its answers share a number, and an answer names its client,
// only with `extra`. "reply a is <CNAME>" is followed by an answer for the name
// that a leads to, for which nobody asked (G2).
func parseDnsmasq(line []byte) (Entry, error) {
	line = bytes.TrimSpace(withoutTag(line))
	client, serial := "", ""
	if word, rest := field(line); number(word) {
		who, after := field(rest)
		ip, _, ok := bytes.Cut(who, []byte("/"))
		if !ok {
			return Entry{}, errShape
		}
		client, serial, line = string(ip), string(word), after
	}
	verb, rest := field(line)
	if kind, ok := bytes.CutPrefix(verb, []byte("query[")); ok {
		e, err := dnsmasqQuestion(string(bytes.TrimSuffix(kind, []byte("]"))), rest)
		e.serial = serial
		return e, err
	}
	if before, after, ok := bytes.Cut(line, []byte(" is ")); ok {
		e, err := dnsmasqAnswer(before, after, client)
		e.serial = serial
		return e, err
	}
	if len(rest) > 0 && ofItself(string(verb)) {
		return Entry{}, errNothing
	}
	return Entry{}, errShape
}

// ofItself knows the other lines that dnsmasq writes by how they begin.
func ofItself(verb string) bool {
	for _, known := range []string{"forwarded", "query[", "dnssec-", "validation", "auth[", "DHCP", "using", "read", "started", "cleared", "exiting", "compile"} {
		if strings.HasPrefix(verb, known) {
			return true
		}
	}
	return false
}

func dnsmasqQuestion(kind string, rest []byte) (Entry, error) {
	name, rest := field(rest)
	from, rest := field(rest)
	client, _ := field(rest)
	if !bytes.Equal(from, []byte("from")) || len(client) == 0 {
		return Entry{}, errShape
	}
	if !asksForSite(kind) {
		return Entry{}, errNothing
	}
	host, err := dnsName(name)
	return Entry{Host: host, Client: string(client), Of: event.ViaDNS, stage: question}, err
}

// dnsmasqAnswer reads "reply NAME is ANSWER". What stands before the name says
// where the answer came from: "reply", "cached", "config", a hosts file, or
// what Pi-hole says of a name on its lists.
func dnsmasqAnswer(before, after []byte, client string) (Entry, error) {
	i := bytes.LastIndexByte(before, ' ')
	if i < 0 || !answers(before) {
		return Entry{}, errShape
	}
	from, what := string(before[:i]), string(bytes.TrimSpace(after))
	if what == "truncated" {
		return Entry{}, errNothing // the answer proper follows
	}
	host, err := dnsName(before[i+1:])
	if what == "<CNAME>" {
		return Entry{Host: host, Client: client, Of: event.ViaDNS, stage: leads}, err
	}
	return Entry{
		Host: host, Client: client, Of: event.ViaDNS, stage: answer,
		Denied: listed(from) || what == "NXDOMAIN" || strings.HasPrefix(what, "REFUSED") || strings.HasPrefix(what, "blocked") || nowhere(what),
	}, err
}

// answers knows an answer's line by how it begins: other texts, too, say that
// something is something.
func answers(line []byte) bool {
	word, _ := field(line)
	switch from := string(word); from {
	case "reply", "cached", "cached-stale", "stale", "config", "auth", "DHCP", "validation",
		"gravity", "regex", "exactly", "external", "special", "custom", "Pi-hole", "Blocked", "Rate-limiting":
		return true
	default: // a hosts file
		return strings.HasPrefix(from, "/") || listed(from)
	}
}

// listed says whether an answer came from a list of what is not to be visited.
func listed(from string) bool {
	for _, word := range []string{"blocked", "blacklisted", "denied", "gravity.list", "black.list"} {
		if strings.Contains(from, word) {
			return true
		}
	}
	return false
}

// withoutTag takes "dnsmasq[412]: " off, which stands alone where the program
// writes to a terminal or a container's log.
func withoutTag(line []byte) []byte {
	if word, rest := field(line); isTag(word) {
		return rest
	}
	return line
}
