package rules

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// programRule is a program by what is known of it: every field given must hold.
type programRule struct {
	pos      pos
	is       PolicyProgram
	severity event.Severity
}

// String gives all that is said of a program in one line.
func (p PolicyProgram) String() string {
	return strings.Join(strings.Fields(p.Name+" "+p.OriginalName+" "+p.Path+" "+p.Signer+" "+p.SHA256), " ")
}

var hashForm = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// program reads `tor.exe` or `{name: firefox.exe, path: '*\Tor Browser\*'}`.
func (r *reader) program(n *yaml.Node) (p programRule, ok bool) {
	p.pos = r.at(n)
	if n.Kind != yaml.MappingNode {
		p.is.Name = r.programName(n)
		return p, p.is.Name != ""
	}
	f, ok := r.mapping(n, "a program", "name", "original_name", "path", "signer", "sha256", "severity")
	if !ok {
		return p, false
	}
	p.severity = r.severity(f)
	if v := f.by["name"]; v != nil {
		p.is.Name = r.programName(v)
	}
	if v := f.by["original_name"]; v != nil {
		p.is.OriginalName = r.programName(v)
	}
	if v := f.by["path"]; v != nil {
		p.is.Path = foldPath(r.text(v, "path", 255))
	}
	if v := f.by["signer"]; v != nil {
		p.is.Signer = foldSigner(r.text(v, "signer", 255))
	}
	if v := f.by["sha256"]; v != nil {
		if p.is.SHA256 = strings.ToLower(r.text(v, "sha256", 64)); p.is.SHA256 != "" && !hashForm.MatchString(p.is.SHA256) {
			r.bad(v, fmt.Sprintf("sha256 %q", clip(p.is.SHA256)), "want 64 hexadecimal digits")
			return p, false
		}
	}
	if strings.Trim(p.is.Path, "*?/") == "" && p.is == (PolicyProgram{Path: p.is.Path}) {
		r.bad(n, "a program by nothing", "give a name, an original_name, a path with a word in it, a signer or a sha256")
		return p, false
	}
	return p, true
}

// programName reads a program's file name.
func (r *reader) programName(n *yaml.Node) string {
	written := r.text(n, "a program", 80)
	if strings.ContainsAny(written, `/\*?`) {
		r.bad(n, fmt.Sprintf("program %q", written), "want the file's name alone; a folder goes into `path`")
		return ""
	}
	return programName(written)
}

// approvedFile is a list of programs that a school knows. One on no rule and
// not on the list is a note, and nothing more (S25).
type approvedFile struct {
	pos   pos
	pack  *packFile
	id    string // the category
	progs []programRule
	scope Scope
	tests tests
}

func (r *reader) approved(n *yaml.Node, pack *packFile) *approvedFile {
	f, ok := r.mapping(n, "the file", "approved", "title", "why", "owner", "scope", "programs", "tests")
	if !ok {
		return nil
	}
	a := &approvedFile{pos: r.at(n), pack: pack, id: r.id(f, "approved")}
	r.need(f, "title", maxTitle)
	r.need(f, "why", maxAbout)
	r.need(f, "owner", maxTitle)
	a.scope, _ = r.scope(f.by["scope"])
	for _, e := range r.list(f.by["programs"], "programs") {
		if p, ok := r.program(e); ok {
			if p.severity != 0 {
				r.bad(e, "an approved program with a severity", "take it out: what is approved is told to nobody")
			}
			a.progs = append(a.progs, p)
		}
	}
	if len(a.progs) == 0 {
		r.bad(n, "no programs", "add `programs: [...]`: without one, every program would be a note")
	}
	if t := f.by["tests"]; t != nil {
		a.tests = r.testsOf(t, "en")
	}
	return a
}
