package rules

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"safelight/internal/rules/flat"
)

// The fields of a program, in the order in which it is looked for by them.
const (
	fieldName = iota
	fieldOriginal
	fieldSigner
	fieldPath
	fieldHash
	programFields
)

// program is a PolicyProgram whose texts lie in the table.
type program struct {
	rule  uint32
	texts [programFields]flat.Span // empty: not said
}

func (t *table) program(i uint32) program {
	b := t.programs[programSize*int(i):][:programSize]
	p := program{rule: binary.LittleEndian.Uint32(b)}
	for f := range p.texts {
		p.texts[f] = spanAt(b[4+spanSize*f:])
	}
	return p
}

// started is a program as rules compare it. Its parts lie in a buffer that is
// used again and again, so that an ordinary program costs no memory.
type started struct {
	buf              []byte
	name, file, path []byte // name as reported, name of the file, folded path
	original, signer []byte
	hash             string
	// anyHash takes the hash for whatever a rule wants: see NeedsHash.
	anyHash bool
}

// read folds what a device reports: an operating system may give the name cut
// short, and the path not at all.
func (s *started) read(in *Input) {
	// Lower case may be longer: room for all keeps the parts in one buffer.
	s.buf = slices.Grow(s.buf[:0], 3*(2*len(in.Text)+len(in.Exe)+len(in.OriginalName)+len(in.Signer))+8)
	s.name, s.file = baseName(s.fold(in.Text)), nil
	s.path = s.fold(in.Exe)
	s.file = baseName(s.path)
	if len(s.path) == 0 {
		s.path = s.fold(in.Text)
	}
	s.original = baseName(s.fold(in.OriginalName))
	s.signer = oneSpaced(s.fold(in.Signer))
	s.hash = in.SHA256
}

// fold appends text in small letters and with slashes.
func (s *started) fold(text string) []byte {
	from := len(s.buf)
	s.buf = appendPath(s.buf, text)
	return s.buf[from:len(s.buf):len(s.buf)]
}

// eachProgram calls visit with the rules of the programs that match, until it
// returns false.
func (t *table) eachProgram(s *started, visit func(rule uint32) bool) {
	on := true
	one := func(i uint32) bool {
		p := t.program(i)
		on = !t.matches(p, s) || visit(p.rule)
		return on
	}
	flat.Each(t.byName, s.name, one)
	if on && len(s.file) > 0 && !bytes.Equal(s.file, s.name) {
		flat.Each(t.byName, s.file, one)
	}
	if on {
		flat.Each(t.byOriginal, s.original, one)
	}
	if on {
		flat.Each(t.bySigner, s.signer, one)
	}
	for at := 0; on && at < len(t.byPath); at += 4 {
		one(binary.LittleEndian.Uint32(t.byPath[at:]))
	}
	if on && s.anyHash {
		t.byHash.All(func(k flat.Key) bool { return one(k.Value) })
	} else if on {
		flat.Each(t.byHash, s.hash, one)
	}
}

// matches reports whether every field that p gives holds.
func (t *table) matches(p program, s *started) bool {
	differs := func(field int, is []byte) bool {
		return p.texts[field].Len > 0 && !bytes.Equal(t.texts.Bytes(p.texts[field]), is)
	}
	switch {
	case differs(fieldName, s.name) && differs(fieldName, s.file),
		differs(fieldOriginal, s.original),
		differs(fieldSigner, s.signer),
		!s.anyHash && p.texts[fieldHash].Len > 0 && string(t.texts.Bytes(p.texts[fieldHash])) != s.hash,
		p.texts[fieldPath].Len > 0 && !glob(t.texts.Bytes(p.texts[fieldPath]), s.path):
		return false
	}
	return true
}

// programName folds a program's name as a device reports it, or its path, to
// the form rules are kept in: the file's name, small letters, no .exe or .app.
func programName(s string) string { return string(baseName([]byte(foldPath(s)))) }

func baseName(path []byte) []byte {
	path = bytes.TrimRight(path, "/")
	path = path[bytes.LastIndexByte(path, '/')+1:]
	for _, suffix := range []string{".exe", ".app"} {
		if n := len(path) - len(suffix); n > 0 && string(path[n:]) == suffix {
			return path[:n]
		}
	}
	return path
}

// foldSigner gives a signer's name in small letters with single spaces.
func foldSigner(s string) string { return string(oneSpaced([]byte(foldPath(s)))) }

// oneSpaced makes one space of several, in place.
func oneSpaced(s []byte) []byte {
	out := s[:0]
	for i, b := range s {
		if b == ' ' && i > 0 && s[i-1] == ' ' {
			continue
		}
		out = append(out, b)
	}
	return out
}

// foldPath gives a path in small letters and with slashes, so that one glob
// serves Windows and the others.
func foldPath(s string) string { return string(appendPath(nil, s)) }

func appendPath(dst []byte, s string) []byte {
	for _, r := range strings.TrimSpace(s) {
		switch {
		case r == '\\':
			dst = append(dst, '/')
		case r < utf8.RuneSelf:
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			dst = append(dst, byte(r))
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// glob matches a folded path against a pattern in which * is any run of
// characters, slashes too, and ? any one. It never backtracks further than
// the last star, so its cost is bounded by the product of the two lengths.
func glob(pattern, path []byte) bool {
	p, s, star, mark := 0, 0, -1, 0
	for s < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, s
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRune(path[s:])
			p, s = p+1, s+size
		case p < len(pattern) && pattern[p] == path[s]:
			p, s = p+1, s+1
		case star >= 0:
			mark++
			p, s = star+1, mark
		default:
			return false
		}
	}
	return len(bytes.Trim(pattern[p:], "*")) == 0
}
