package policy

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Network is where a device is: its own addresses, and the domains that its
// network handed out for looking names up.
type Network struct {
	Addrs    []netip.Addr
	Suffixes []string
}

// Place is where that is to the school.
type Place struct {
	Premises   string // "on", "off"; empty: not known
	Site       string // where the device is or, off the premises, of which it is
	Unfiltered bool   // that site has no filter
}

// Premises judges where a device is. It is on the premises of the site that its
// address belongs to; where the site names resolvers too, one of those must have
// been handed out, since homes use the same private addresses as schools. It is
// off them when its own site could be told by its networks and is not. In every
// other case nobody knows, and it counts as at its own site.
func (o *Overlays) Premises(n Network, now time.Time) Place {
	v := o.view.Load()
	if !v.sitesEnd.fact(now) {
		return Place{Site: v.home}
	}
	return whereIs(n, v.sites, v.home)
}

// whereIs is Premises, of sites and the device's own.
func whereIs(n Network, sites []place, home string) Place {
	own := slices.IndexFunc(sites, func(p place) bool { return strings.EqualFold(p.name, home) })
	at := Place{Site: home, Unfiltered: own >= 0 && sites[own].unfiltered}
	addrs := slices.DeleteFunc(slices.Clone(n.Addrs), func(a netip.Addr) bool { return !tells(a) })
	if len(addrs) == 0 {
		return at
	}
	best, bits := -1, -1
	for i, site := range sites {
		fit := site.fits(addrs, n.Suffixes)
		if fit > bits || fit == bits && fit >= 0 && i == own {
			best, bits = i, fit
		}
	}
	switch {
	case bits >= 0:
		return Place{Premises: "on", Site: sites[best].name, Unfiltered: sites[best].unfiltered}
	case own >= 0 && len(sites[own].networks) > 0, own < 0 && slices.ContainsFunc(sites, func(p place) bool { return len(p.networks) > 0 }):
		return Place{Premises: "off", Site: home}
	}
	return at
}

// tells says whether an address is of a network at all.
func tells(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}

// fits is by how many bits one of the addresses is in a network of the site; less
// than nought: by none.
func (p place) fits(addrs []netip.Addr, suffixes []string) int {
	if len(p.suffixes) > 0 && !slices.ContainsFunc(suffixes, p.handsOut) {
		return -1
	}
	bits := -1
	for _, prefix := range p.networks {
		if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return prefix.Contains(a.Unmap()) }) {
			bits = max(bits, prefix.Bits())
		}
	}
	return bits
}

func (p place) handsOut(suffix string) bool {
	suffix = strings.ToLower(strings.TrimSuffix(suffix, "."))
	return slices.ContainsFunc(p.suffixes, func(s string) bool { return suffix == s || strings.HasSuffix(suffix, "."+s) })
}
