package weblog

import (
	"bytes"
	"time"
)

// unwrap takes off what syslog or the journal put before a line:
//
//	<30>Nov 21 23:15:01 gw dnsmasq[412]: BODY          RFC 3164, on the wire
//	Nov 21 23:15:01 gw dnsmasq[412]: BODY              as files and `journalctl -o short` have it
//	Nov 21 23:15:01 dnsmasq[412]: BODY                 written by the program itself
//	2026-11-21T23:15:01.123456+00:00 gw dnsmasq[412]: BODY
//	<30>1 2026-11-21T23:15:01.123Z gw dnsmasq 412 - - BODY      RFC 5424
//
// after is all that stands behind the time, body at its end. false means that
// there is no envelope.
func unwrap(line []byte, o Options) (after, body []byte, at time.Time, ok bool) {
	rest := line
	if without, had := cutPriority(line); had {
		rest = without
		if newer, is := bytes.CutPrefix(rest, []byte("1 ")); is {
			return unwrap5424(newer)
		}
	}
	at, after, ok = stamp(rest, o)
	rest = after
	if !ok {
		return nil, nil, time.Time{}, false
	}
	for range 2 { // a host may stand before the tag
		var word []byte
		if word, rest = field(rest); isTag(word) {
			return after, bytes.TrimLeft(rest, " "), at, true
		}
	}
	return nil, nil, time.Time{}, false
}

// cutPriority takes off "<30>".
func cutPriority(line []byte) ([]byte, bool) {
	if len(line) < 3 || line[0] != '<' {
		return line, false
	}
	end := bytes.IndexByte(line[:min(len(line), 5)], '>')
	if end < 2 || !number(line[1:end]) {
		return line, false
	}
	return line[end+1:], true
}

// isTag knows a program's tag: "dnsmasq[412]:", "(squid-1)[7]:", "info:".
func isTag(word []byte) bool {
	if len(word) < 2 || len(word) > 64 || word[len(word)-1] != ':' {
		return false
	}
	for _, c := range word[:len(word)-1] {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case bytes.IndexByte([]byte("._-/()[]:"), c) >= 0:
		default:
			return false
		}
	}
	return true
}

// unwrap5424 reads what follows "<PRI>1 " in RFC 5424, section 6.
func unwrap5424(rest []byte) (after, body []byte, at time.Time, ok bool) {
	when, rest := field(rest)
	if !bytes.Equal(when, []byte("-")) {
		if at, ok = isoTime(when, time.UTC); !ok {
			return nil, nil, time.Time{}, false
		}
	}
	after = rest
	for range 4 { // host, program, process, message id
		if _, rest = field(rest); rest == nil {
			return nil, nil, time.Time{}, false
		}
	}
	if rest, ok = skipStructured(rest); !ok {
		return nil, nil, time.Time{}, false
	}
	rest = bytes.TrimPrefix(rest, []byte("\xef\xbb\xbf")) // a UTF-8 mark may begin the message
	return after, bytes.TrimLeft(rest, " "), at, true
}

// skipStructured steps over "-" or `[id name="value"][...]`.
func skipStructured(b []byte) ([]byte, bool) {
	if after, ok := bytes.CutPrefix(b, []byte("- ")); ok {
		return after, true
	}
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case i == 0 && c != '[':
			return nil, false
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted && i+1 < len(b) && b[i+1] == ' ':
			return b[i+2:], true
		}
	}
	return nil, false
}
