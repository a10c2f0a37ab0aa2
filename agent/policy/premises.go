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
	Addrs []netip.Addr
	// Links are the same addresses, with the length of the network each is in; none
	// while a tunnel is up.
	Links    []netip.Prefix
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

// Networks are those that a device is in and that are certainly the school's,
// with their site: it is on the premises, and the site is told by a domain that
// its network handed out, or by addresses that are no other's. Homes and cafés use
// the same private addresses: where nothing else tells, there are none.
func (o *Overlays) Networks(n Network, now time.Time) (site string, nets []netip.Prefix) {
	v := o.view.Load()
	if !v.sitesEnd.fact(now) {
		return "", nil
	}
	return schoolNets(n, v.sites, v.home)
}

// schoolNets is Networks, of sites and the device's own.
func schoolNets(n Network, sites []place, home string) (site string, nets []netip.Prefix) {
	at := whereIs(n, sites, home)
	i := slices.IndexFunc(sites, func(p place) bool { return p.name == at.Site })
	if at.Premises != "on" || i < 0 {
		return "", nil
	}
	for _, link := range n.Links {
		if net, ok := sites[i].owns(link); ok && !slices.Contains(nets, net) {
			nets = append(nets, net)
		}
	}
	return at.Site, nets
}

// owns says of which of the site's networks an address is that is certainly its.
func (p place) owns(link netip.Prefix) (netip.Prefix, bool) {
	a, bits := link.Addr().Unmap(), link.Bits()
	switch {
	case !tells(a) || len(p.suffixes) == 0 && (a.IsPrivate() || carriers.Contains(a)):
		return netip.Prefix{}, false
	case a.Is4() && link.Addr().Is4In6():
		bits -= 96
	case a.Is6():
		bits = min(bits, 64) // an address that was handed out stands alone, in a network all the same
	}
	if a.Is4() && bits == 32 || !slices.ContainsFunc(p.networks, func(prefix netip.Prefix) bool { return prefix.Contains(a) }) {
		return netip.Prefix{}, false
	}
	net, err := a.Prefix(bits)
	return net, err == nil
}

// carriers' addresses are shared by their customers (RFC 6598).
var carriers = netip.MustParsePrefix("100.64.0.0/10")

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
