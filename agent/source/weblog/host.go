package weblog

import (
	"bytes"

	"safelight/agent/source/hostname"
)

// field cuts the next word off a line.
func field(line []byte) (word, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		return line[:i], line[i+1:]
	}
	return line, nil
}

// orEmpty is a field's text; logs write "-" for none.
func orEmpty(word []byte) string {
	if len(word) == 1 && word[0] == '-' {
		return ""
	}
	return string(word)
}

// targetHost takes the host out of a request's target and drops the rest:
// "http://host:port/path?query", or "host:port" for CONNECT. What is neither
// (Squid writes "error:invalid-request") names no host.
func targetHost(target []byte) (string, error) {
	if _, after, ok := bytes.Cut(target, []byte("://")); ok {
		target = after
	} else if i := bytes.LastIndexByte(target, ':'); i < 0 || !number(target[i+1:]) {
		return "", errNoHost
	}
	if i := bytes.IndexAny(target, "/?#"); i >= 0 {
		target = target[:i]
	}
	if i := bytes.LastIndexByte(target, '@'); i >= 0 {
		target = target[i+1:]
	}
	host, ok := hostname.OfHostPort(target)
	if !ok {
		return "", errNoHost
	}
	return host, nil
}
