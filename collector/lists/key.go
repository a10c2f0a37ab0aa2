package lists

import "bytes"

// A name's key is its labels the other way round: org.example.www for
// www.example.org. In the order of keys a site stands just before what is
// beneath it, so that both lie in one chunk, and neighbours share most of their
// bytes. Turning a key round gives the name again.

// appendKey appends a name's key, or a key's name.
func appendKey[T ~string | ~[]byte](to []byte, name T) []byte {
	for end := len(name); ; {
		dot := end - 1
		for dot >= 0 && name[dot] != '.' {
			dot--
		}
		to = append(to, name[dot+1:end]...)
		if dot < 0 {
			return to
		}
		to, end = append(to, '.'), dot
	}
}

func nameOf(key []byte) string { return string(appendKey(make([]byte, 0, len(key)), key)) }

func keyOf(name string) []byte { return appendKey(make([]byte, 0, len(name)), name) }

// eachParent calls visit with a key and those of the names above it, down to two
// labels, the most specific first, until it returns false.
func eachParent(key []byte, visit func(parent []byte) bool) {
	for bytes.IndexByte(key, '.') >= 0 && visit(key) {
		key = key[:bytes.LastIndexByte(key, '.')]
	}
}
