package rules

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// programs finds program rules by the first thing that they say, so that an
// ordinary program costs a look or two into a map.
type programs struct {
	byName     map[string][]uint32 // into Policy.Programs, as all the others
	byOriginal map[string][]uint32
	bySigner   map[string][]uint32
	byHash     map[string][]uint32
	byPath     []uint32
	hashes     bool // some rule or list names a hash
}

// approvedList is the programs that a school knows, and the note for others.
type approvedList struct {
	rule     uint32
	programs programs
}

func newPrograms() programs {
	return programs{
		byName: map[string][]uint32{}, byOriginal: map[string][]uint32{}, bySigner: map[string][]uint32{}, byHash: map[string][]uint32{},
	}
}

func (ps *programs) add(i uint32, p PolicyProgram) {
	ps.hashes = ps.hashes || p.SHA256 != ""
	switch {
	case p.Name != "":
		ps.byName[p.Name] = append(ps.byName[p.Name], i)
	case p.OriginalName != "":
		ps.byOriginal[p.OriginalName] = append(ps.byOriginal[p.OriginalName], i)
	case p.Signer != "":
		ps.bySigner[p.Signer] = append(ps.bySigner[p.Signer], i)
	case p.Path != "":
		ps.byPath = append(ps.byPath, i)
	default:
		ps.byHash[p.SHA256] = append(ps.byHash[p.SHA256], i)
	}
}

func (rs *Ruleset) indexPrograms() {
	rs.programs = newPrograms()
	lists := map[uint32]int{}
	for i, r := range rs.policy.Rules {
		if r.Kind == RuleApproved {
			lists[uint32(i)] = len(rs.approved)
			rs.approved = append(rs.approved, approvedList{uint32(i), newPrograms()})
		}
	}
	for i, p := range rs.policy.Programs {
		if list, ok := lists[p.Rule]; ok {
			rs.approved[list].programs.add(uint32(i), p)
		} else {
			rs.programs.add(uint32(i), p)
		}
	}
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

// each calls visit with the programs that match, until it returns false.
func (ps *programs) each(all []PolicyProgram, s *started, visit func(p *PolicyProgram) bool) {
	if !s.some(all, ps.byName[string(s.name)], visit) {
		return
	}
	if len(s.file) > 0 && !bytes.Equal(s.file, s.name) && !s.some(all, ps.byName[string(s.file)], visit) {
		return
	}
	if !s.some(all, ps.byOriginal[string(s.original)], visit) || !s.some(all, ps.bySigner[string(s.signer)], visit) || !s.some(all, ps.byPath, visit) {
		return
	}
	if !s.anyHash {
		s.some(all, ps.byHash[s.hash], visit)
		return
	}
	for _, list := range ps.byHash {
		if !s.some(all, list, visit) {
			return
		}
	}
}

func (s *started) some(all []PolicyProgram, list []uint32, visit func(p *PolicyProgram) bool) bool {
	for _, i := range list {
		if p := &all[i]; s.matches(p) && !visit(p) {
			return false
		}
	}
	return true
}

// matches reports whether every field that p gives holds.
func (s *started) matches(p *PolicyProgram) bool {
	switch {
	case p.Name != "" && p.Name != string(s.name) && p.Name != string(s.file),
		p.OriginalName != "" && p.OriginalName != string(s.original),
		p.Signer != "" && p.Signer != string(s.signer),
		p.SHA256 != "" && p.SHA256 != s.hash && !s.anyHash,
		p.Path != "" && !glob(p.Path, s.path):
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
func glob(pattern string, path []byte) bool {
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
	return strings.Trim(pattern[p:], "*") == ""
}
