package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Mark says what is known of a name beside any category: it flags nothing by
// itself. A name may have several.
type Mark uint8

// The marks. A file of a pack gives one of them to a list of names:
//
//	marks: noise
//	title: What browsers and systems ask for by themselves
//	why: Nobody chose to go there.
//	domains: [update.example.com]
const (
	// MarkNoise is what a browser or a system asks for by itself.
	MarkNoise Mark = 1 << iota
	// MarkEncryptedDNS is a resolver that answers over TLS, HTTPS or QUIC.
	MarkEncryptedDNS
	// MarkECH is a name that servers show in place of the true one (Encrypted
	// Client Hello, RFC 9849).
	MarkECH
	// MarkVPN and MarkProxy are where tunnels begin.
	MarkVPN
	MarkProxy
	// MarkBlockPage is where the school's filter leads those whom it refuses.
	MarkBlockPage
)

// Hidden are the marks behind which visits are not seen.
const Hidden = MarkEncryptedDNS | MarkECH | MarkVPN | MarkProxy

var markNames = []string{"noise", "encrypted-dns", "ech", "vpn", "proxy", "block-page"}

// String gives the mark's name as packs write it, or several with commas.
func (m Mark) String() string {
	var names []string
	for i, name := range markNames {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// Each lists the marks that m is of.
func (m Mark) Each() []Mark {
	var all []Mark
	for i := range markNames {
		if one := m & (1 << i); one != 0 {
			all = append(all, one)
		}
	}
	return all
}

// Marks gives what is known of a host or of a name above it. host is in the
// form that observations have. A helpline has no marks (G1).
func (rs *Ruleset) Marks(host string) (m Mark) {
	if len(rs.marks) == 0 || host == "" || IsHelpline(host) {
		return 0
	}
	parents(host, func(name string) bool {
		m |= rs.marks[name]
		return true
	})
	return m
}

// AddressMarks gives what is known of an address.
func (rs *Ruleset) AddressMarks(a netip.Addr) Mark { return rs.addressMarks[a.Unmap()] }

// marksFile is a list of names with one mark.
type marksFile struct {
	mark      Mark
	domains   []domainRule
	addresses []netip.Addr
}

// marks reads a marks file.
func (r *reader) marks(n *yaml.Node) *marksFile {
	f, ok := r.mapping(n, "the file", "marks", "title", "why", "owner", "domains", "addresses")
	if !ok {
		return nil
	}
	m := &marksFile{}
	if i := slices.Index(markNames, r.needChoice(f, "marks", markNames...)); i >= 0 {
		m.mark = 1 << i
	}
	r.need(f, "title", maxTitle)
	r.need(f, "why", maxAbout)
	for _, d := range r.list(f.by["domains"], "domains") {
		name := r.domainName(d)
		switch {
		case name == "":
		case slices.Contains(sharedSuffixes, name):
			r.bad(d, fmt.Sprintf("domain %q holds everybody's sites", name), "name one site beneath it")
		default:
			m.domains = append(m.domains, domainRule{pos: r.at(d), name: name})
		}
	}
	for _, a := range r.list(f.by["addresses"], "addresses") {
		text := r.text(a, "an address", 64)
		if text == "" {
			continue
		}
		addr, err := netip.ParseAddr(text)
		if err != nil {
			r.bad(a, fmt.Sprintf("address %q", text), "want an IPv4 or IPv6 address")
			continue
		}
		m.addresses = append(m.addresses, addr.Unmap())
	}
	return m
}

// addMarks notes the marks, and gives the categories that ask for a mark its
// names as domains: a list is kept once, and flags where a category says so.
func (c *compiler) addMarks() {
	for _, f := range c.marks {
		for _, d := range f.domains {
			c.policy.Marks = append(c.policy.Marks, MarkedName{d.name, f.mark})
			if f.mark == MarkNoise {
				c.source.noise[d.name] = d.pos
			}
		}
		for _, a := range f.addresses {
			c.policy.Addresses = append(c.policy.Addresses, MarkedAddress{a.String(), f.mark})
		}
	}
	for _, f := range c.cats {
		for _, list := range c.marks {
			if f.marked&list.mark == 0 {
				continue
			}
			for _, d := range list.domains {
				if !slices.ContainsFunc(f.domains, func(o domainRule) bool { return o.name == d.name }) {
					f.domains = append(f.domains, d)
				}
			}
		}
	}
}

// marked reads a category's `marked: [vpn, proxy]`.
func (r *reader) marked(n *yaml.Node) (m Mark) {
	for _, word := range r.list(n, "marked") {
		if i := slices.Index(markNames, r.choice(word, "a line of marked", markNames[1:]...)); i > 0 {
			m |= 1 << i
		}
	}
	return m
}
