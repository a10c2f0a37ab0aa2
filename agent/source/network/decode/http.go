package decode

import "bytes"

// maxRequest is how much of a request's head is kept while its Host has not
// come yet.
const maxRequest = 16 << 10

// looksLikeRequest says whether b begins with an HTTP method and a space.
func looksLikeRequest(b []byte) bool {
	for i := range min(len(b), 18) {
		switch c := b[i]; {
		case c >= 'A' && c <= 'Z', c == '-' && i > 0, c == '_' && i > 0:
		case c == ' ':
			return i >= 3
		default:
			return false
		}
	}
	return false
}

// requestHost finds the Host of an HTTP/1 request's head.
func requestHost(b []byte) (host []byte, how progress) {
	line, rest, whole := bytes.Cut(b, []byte("\n"))
	if !whole {
		return nil, more
	}
	if !looksLikeRequest(line) || !bytes.Contains(line, []byte(" HTTP/1.")) {
		return nil, not
	}
	for {
		line, rest, whole = bytes.Cut(rest, []byte("\n"))
		if !whole {
			return nil, more
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return nil, not
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if ok && len(key) == 4 && bytes.EqualFold(key, []byte("host")) {
			return bytes.TrimSpace(value), done
		}
	}
}

// hostStream takes the Host out of the first request of a TCP stream.
type hostStream struct {
	buf []byte
}

func (s *hostStream) feed(b []byte) (host []byte, how progress) {
	newLine := bytes.IndexByte(b, '\n') >= 0
	if len(s.buf) > 0 {
		s.buf = append(s.buf, b...)
		b = s.buf
	}
	how = more
	if newLine { // else nothing can have become whole
		host, how = requestHost(b)
	}
	if how == more {
		if len(b) > maxRequest {
			return nil, not
		}
		if len(s.buf) == 0 {
			s.buf = append(s.buf, b...)
		}
	}
	return host, how
}
