package decode

import "bytes"

// maxHosts bounds the Host headers read of one request. There should be one.
const maxHosts = 4

// request is what the head of an HTTP/1 request says (RFC 9112). Its slices
// point into the head.
type request struct {
	hosts   [1 + maxHosts][]byte // the target's authority first, if it has one
	n       int
	length  int64 // of the body; 0 if there is none, or none is stated
	chunked bool
	connect bool
	preface bool // of HTTP/2, not a request
}

// looksLikeRequest says whether b begins with an HTTP method and a space.
func looksLikeRequest(b []byte) bool { return methodOf(b) == done }

// methodOf says whether b begins with an HTTP method and a space, or may do so
// when more has come.
func methodOf(b []byte) progress {
	const longest = 18
	for i := range min(len(b), longest) {
		switch c := b[i]; {
		case c >= 'A' && c <= 'Z', (c == '-' || c == '_') && i > 0:
		case c == ' ' && i >= 3:
			return done
		default:
			return not
		}
	}
	if len(b) >= longest {
		return not
	}
	return more
}

// headEnd returns the length of a request's head with the empty line after it,
// or 0. The search begins at from.
func headEnd(b []byte, from int) int {
	for at := max(0, from-3); ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		switch {
		case at < len(b) && b[at] == '\n':
			return at + 1
		case at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n':
			return at + 2
		}
	}
}

// read reads the lines of a head, the last of which may be cut off. It returns
// false for what is no request.
func (r *request) read(head []byte) bool {
	*r = request{}
	line, rest, whole := cutLine(head)
	if !whole || !r.requestLine(line) {
		return false
	}
	for !r.preface {
		line, rest, whole = cutLine(rest)
		if !whole || len(line) == 0 {
			break
		}
		r.header(line)
	}
	return true
}

func cutLine(b []byte) (line, rest []byte, whole bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return nil, nil, false
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:], true
}

// requestLine reads "METHOD target HTTP/1.x". Servers answer to odd versions too.
func (r *request) requestLine(line []byte) bool {
	if methodOf(line) != done {
		return false
	}
	method, rest, _ := bytes.Cut(line, []byte(" "))
	i := bytes.LastIndex(rest, []byte(" HTTP/"))
	if i < 0 {
		return false
	}
	target, version := rest[:i], rest[i+len(" HTTP/"):]
	switch {
	case string(method) == "PRI" && string(version) == "2.0":
		r.preface = true
		return true
	case len(version) == 0 || version[0] < '0' || version[0] > '9':
		return false
	}
	if r.connect = string(method) == "CONNECT"; r.connect {
		r.add(target)
		return true
	}
	r.add(authority(target))
	return true
}

// authority returns the host and port of a target in absolute form.
func authority(target []byte) []byte {
	i := bytes.Index(target, []byte("://"))
	if i <= 0 || len(target) > 0 && target[0] == '/' || bytes.IndexByte(target[:i], '?') >= 0 {
		return nil
	}
	a := target[i+3:]
	if i := bytes.IndexAny(a, "/?#"); i >= 0 {
		a = a[:i]
	}
	if i := bytes.LastIndexByte(a, '@'); i >= 0 {
		a = a[i+1:]
	}
	return a
}

func (r *request) add(host []byte) {
	if len(host) > 0 && r.n < len(r.hosts) {
		r.hosts[r.n] = host
		r.n++
	}
}

func (r *request) header(line []byte) {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return
	}
	key, value := bytes.TrimRight(line[:i], " \t"), line[i+1:]
	switch {
	case len(key) == 4 && bytes.EqualFold(key, []byte("host")):
		r.add(bytes.TrimSpace(value))
	case len(key) == 14 && bytes.EqualFold(key, []byte("content-length")):
		r.length = number(bytes.TrimSpace(value))
	case len(key) == 17 && bytes.EqualFold(key, []byte("transfer-encoding")):
		r.chunked = len(value) >= 7 && bytes.EqualFold(bytes.TrimSpace(value)[max(0, len(bytes.TrimSpace(value))-7):], []byte("chunked"))
	}
}

// number reads a decimal number; what is none, or too long, is -1.
func number(b []byte) int64 {
	if len(b) == 0 || len(b) > 15 {
		return -1
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
