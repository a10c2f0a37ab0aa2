package weblog

import (
	"bytes"
	"time"

	"safelight/internal/event"
)

// parseUnbound reads what Unbound writes with log-queries, log-replies and
// log-local-actions, to its own file or through syslog:
//
//	[1795302901] unbound[412:0] info: 192.0.2.7 www.example.org. A IN
//	[1795302901] unbound[412:0] info: 192.0.2.7 www.example.org. A IN NOERROR 0.021 0 58
//	[1795302901] unbound[412:0] info: blocked.example. always_nxdomain 192.0.2.7@53124 www.blocked.example. A IN
//	[1795302901] unbound[412:0] info: rpz: applied [list] blocked.example. rpz-nxdomain 192.0.2.7@53124 blocked.example. A IN
//
// log-tag-queryreply writes "query:" and "reply:" for "info:".
func parseUnbound(line []byte) (Entry, error) {
	at, line := unboundTime(line)
	for _, mark := range []string{" info: ", " query: ", " reply: ", "info: ", "query: ", "reply: "} {
		if before, after, ok := bytes.Cut(line, []byte(mark)); ok && (mark[0] == ' ' || len(before) == 0) {
			line = after
			break
		}
	}
	var words [12][]byte
	n := 0
	for n < len(words) {
		var word []byte
		if word, line = field(line); len(word) == 0 {
			break
		}
		words[n], n = word, n+1
	}
	e, err := unboundWords(words[:n])
	e.Time = at
	return e, err
}

func unboundWords(words [][]byte) (Entry, error) {
	for i := range words {
		client, _, local := bytes.Cut(words[i], []byte("@"))
		if local && i >= 2 && i+3 < len(words) && isAddress(client) {
			return unboundEntry(client, words[i+1:], answer, !passes(words[i-1]))
		}
	}
	if len(words) < 4 || !isAddress(words[0]) || !bytes.Equal(words[3], []byte("IN")) {
		if len(words) >= 2 {
			return Entry{}, errNothing // its notes are free text
		}
		return Entry{}, errShape
	}
	if len(words) == 4 {
		return unboundEntry(words[0], words[1:], question, false)
	}
	code := string(words[4])
	return unboundEntry(words[0], words[1:], answer, code == "NXDOMAIN" || code == "REFUSED")
}

// passes knows the local actions that give the true answer; the others lead to
// nothing, or to another address.
func passes(action []byte) bool {
	switch string(action) {
	case "transparent", "typetransparent", "always_transparent", "inform", "nodefault", "rpz-passthru":
		return true
	}
	return false
}

func unboundEntry(client []byte, words [][]byte, s stage, refused bool) (Entry, error) {
	if !asksForSite(string(words[1])) {
		return Entry{}, errNothing
	}
	host, err := dnsName(words[0])
	return Entry{Host: host, Client: string(client), Of: event.ViaDNS, stage: s, Denied: refused}, err
}

// unboundTime takes off "[1795302901] ".
func unboundTime(line []byte) (time.Time, []byte) {
	if len(line) == 0 || line[0] != '[' {
		return time.Time{}, line
	}
	seconds, rest, ok := bytes.Cut(line[1:], []byte("]"))
	if !ok {
		return time.Time{}, line
	}
	at, ok := unixTime(seconds)
	if !ok {
		return time.Time{}, line
	}
	return at, rest
}
