package rules

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// packKind says how much a pack may do.
type packKind uint8

const (
	// vendorPack is what ships; a school's own rules stand above it.
	vendorPack packKind = iota
	// schoolPack is any pack of another name.
	schoolPack
	// protectedPack holds what nothing may flag (G5).
	protectedPack
)

// The packs whose names mean something.
const (
	StarterPack   = "starter"
	ProtectedPack = "protected"
	LockedPack    = "locked" // what nobody can switch off (D12)
)

// packFile is a pack.yaml.
type packFile struct {
	pos     pos
	name    string
	title   string
	version int
	kind    packKind
}

// label names the pack and its version as an event carries them.
func (p *packFile) label() string { return p.name + " " + strconv.Itoa(p.version) }

func (r *reader) pack(n *yaml.Node) *packFile {
	f, ok := r.mapping(n, "the file", "pack", "title", "version")
	if !ok {
		return nil
	}
	p := &packFile{pos: r.at(n), name: r.id(f, "pack"), title: r.need(f, "title", maxTitle), kind: schoolPack}
	if v := r.need(f, "version", 9); v != "" {
		var err error
		if p.version, err = strconv.Atoi(v); err != nil || p.version < 1 {
			r.bad(f.by["version"], fmt.Sprintf("version %q", v), "want a whole number from 1, one higher at each change")
		}
	}
	switch p.name {
	case StarterPack, LockedPack:
		p.kind = vendorPack
	case ProtectedPack:
		p.kind = protectedPack
	}
	return p
}

// protectedFile is a file of the protected pack: sites that no rule may flag
// and lines that no rule may hit.
type protectedFile struct {
	pos     pos
	id      string
	domains []domainRule
	miss    []testLine
}

func (r *reader) protected(n *yaml.Node) *protectedFile {
	f, ok := r.mapping(n, "the file", "protected", "title", "why", "domains", "miss")
	if !ok {
		return nil
	}
	p := &protectedFile{pos: r.at(n), id: r.id(f, "protected")}
	r.need(f, "title", maxTitle)
	r.need(f, "why", maxAbout)
	for _, d := range r.list(f.by["domains"], "domains") {
		if name := r.domainName(d); name != "" {
			p.domains = append(p.domains, domainRule{pos: r.at(d), name: name})
		}
	}
	p.miss = r.testLines(f.by["miss"], "miss", "")
	return p
}
