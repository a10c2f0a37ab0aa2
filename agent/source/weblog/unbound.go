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
	line, ok := unboundNote(line)
	if !ok {
		return Entry{}, errShape
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

// unboundNote takes off "unbound[412:0] info: ", of which syslog's envelope may
// have taken the beginning: every line of Unbound's has a level.
func unboundNote(line []byte) ([]byte, bool) {
	level, rest := field(line)
	if _, is := bytes.CutPrefix(level, []byte("unbound[")); is || unboundThread(level) {
		level, rest = field(rest)
	}
	switch string(level) {
	case "info:", "query:", "reply:", "notice:", "warning:", "error:", "debug:", "fatal":
		return rest, true
	}
	return nil, false
}

// unboundThread knows "[412:0]".
func unboundThread(word []byte) bool {
	word, opened := bytes.CutPrefix(word, []byte("["))
	word, closed := bytes.CutSuffix(word, []byte("]"))
	pid, thread, ok := bytes.Cut(word, []byte(":"))
	return opened && closed && ok && number(pid) && number(thread)
}

// unboundOwn tells Unbound's lines from those of others, which have levels too.
// Where it writes its time in words itself, what looks like syslog's tag is its
// level.
func unboundOwn(after, body []byte) ([]byte, bool) {
	if word, _ := field(after); bytes.HasPrefix(word, []byte("unbound[")) && !isTag(word) {
		return after, true
	}
	word, _ := field(body)
	return body, unboundThread(word) || bytes.Contains(after[:len(after)-len(body)], []byte("unbound"))
}

func unboundWords(words [][]byte) (Entry, error) {
	for i := range words {
		client, _, local := bytes.Cut(words[i], []byte("@"))
		if local && i >= 2 && i+3 < len(words) && isAddress(client) {
			return unboundEntry(client, words[i+1:], answer, !passes(words[i-1]))
		}
	}
	if len(words) < 4 || !isAddress(words[0]) || !bytes.Equal(words[3], []byte("IN")) {
		return Entry{}, errNothing // its notes are free text
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
