package weblog

import (
	"bytes"
	"net/netip"
	"net/url"
	"strings"

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

// account is a user as logged. Squid writes what stands badly in a log with
// percent signs: the backslash of "SCHOOL\pupil07" as %5C.
func account(word []byte) string {
	name := orEmpty(word)
	if strings.IndexByte(name, '%') < 0 {
		return name
	}
	if plain, err := url.PathUnescape(name); err == nil && !strings.ContainsAny(plain, "\n\r\x00") {
		return plain
	}
	return name
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
	return authority(target)
}

// authority reads the host of "user@host:port/path?query".
func authority(target []byte) (string, error) {
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

// otherSite says whether a referrer is of another site than host.
func otherSite(host string, referrer []byte) bool {
	from, err := targetHost(referrer)
	return err == nil && hostname.Site(from) != hostname.Site(host)
}

// elements are the endings of what a page fetches and nobody opens.
var elements = map[string]bool{
	"js": true, "css": true, "png": true, "jpg": true, "jpeg": true, "gif": true, "webp": true, "avif": true,
	"svg": true, "ico": true, "woff": true, "woff2": true, "ttf": true, "mp4": true, "webm": true, "m3u8": true, "ts": true, "json": true,
}

// element looks at how a URL's path ends, which is then dropped. A link that
// was followed has a referrer too, so a referrer alone says nothing.
func element(target []byte) bool {
	_, target, ok := bytes.Cut(target, []byte("://"))
	if !ok {
		return false
	}
	if i := bytes.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	i := bytes.IndexByte(target, '/')
	if i < 0 {
		return false
	}
	target = target[i:]
	dot := bytes.LastIndexByte(target, '.')
	return dot >= 0 && elements[string(bytes.ToLower(target[dot+1:]))]
}

// nowhere says whether an answer's address is one that a resolver gives to
// lead nobody anywhere.
func nowhere(answer string) bool {
	a, err := netip.ParseAddr(answer)
	return err == nil && (a.IsUnspecified() || a.IsLoopback())
}

func isAddress(word []byte) bool {
	_, err := netip.ParseAddr(string(word))
	return err == nil
}

// asksForSite leaves out the questions that no visit asks: mail servers,
// reverse look-ups, service discovery.
func asksForSite(kind string) bool {
	switch kind {
	case "A", "AAAA", "HTTPS", "TYPE65", "type=65":
		return true
	}
	return false
}

// dnsName normalises a name asked of DNS.
func dnsName[T string | []byte](raw T) (string, error) {
	host, ok := hostname.Normalise(raw)
	if !ok {
		return "", errNoHost
	}
	return host, nil
}
