package daemon

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"safelight/agent/pipeline"
	"safelight/agent/policy"
	safelightv1 "safelight/proto/safelight/v1"
)

// networkLife is how long a look at the device's addresses counts: a laptop that
// leaves the school is off its premises within so much.
const networkLife = 10 * time.Second

// surroundings answers pipeline.Around from the overlays and the device's network.
type surroundings struct {
	overlays *policy.Overlays
	look     func() policy.Network
	now      func() time.Time
	// met is told of each new look.
	met func(policy.Network, time.Time)

	mu      sync.Mutex // guards what is declared below
	network policy.Network
	looked  time.Time
}

func newSurroundings(overlays *policy.Overlays, met func(policy.Network, time.Time)) *surroundings {
	return &surroundings{overlays: overlays, look: lookAtNetwork, now: time.Now, met: met}
}

// at is a pipeline.Around. Its periods are those of the site that the device is
// at or, where nobody knows of which it is, of its person's.
func (s *surroundings) at(who pipeline.Person, when pipeline.Moment) pipeline.Surroundings {
	place := s.overlays.Premises(s.where(), when.Wall)
	if place.Site == "" {
		place.Site = who.Site
	}
	return pipeline.Surroundings{
		Site: place.Site, Premises: place.Premises, Unfiltered: place.Unfiltered,
		Periods: s.overlays.Periods(place.Site, when.Wall),
		Exempt:  s.overlays.Exempt(policy.Moment(when), who.Groups),
	}
}

func (s *surroundings) where() policy.Network {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.looked.IsZero() || now.Sub(s.looked).Abs() > networkLife {
		s.network, s.looked = s.look(), now
		s.met(s.network, now)
	}
	return s.network
}

// lookAtNetwork reads the device's own addresses and the domains that its network
// handed out.
func lookAtNetwork() policy.Network {
	all, err := net.Interfaces()
	if err != nil {
		return policy.Network{Suffixes: handedOut()} // nobody knows
	}
	var links []link
	for _, of := range all {
		addrs, err := of.Addrs()
		if err != nil {
			continue
		}
		l := link{Interface: of}
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				l.addrs = append(l.addrs, prefix)
			}
		}
		links = append(links, l)
	}
	return networkOf(links, handedOut())
}

// link is one of the device's, with its addresses.
type link struct {
	net.Interface
	addrs []netip.Prefix
}

// networkOf is where a device is by its links. While a tunnel is up none of them is
// certainly of the network that handed the domains out: they may be the tunnel's.
func networkOf(links []link, domains []string) policy.Network {
	n, tunnelled := policy.Network{Suffixes: domains}, false
	for _, l := range links {
		if l.Flags&net.FlagUp == 0 {
			continue
		}
		carries := carries(l.Interface)
		for _, prefix := range l.addrs {
			switch {
			case carries:
				n.Addrs, n.Links = append(n.Addrs, prefix.Addr()), append(n.Links, prefix)
			case tunnels(l.Interface) && prefix.Addr().IsGlobalUnicast(): // macOS has idle ones
				tunnelled = true
			}
		}
	}
	if tunnelled {
		n.Links = nil
	}
	return n
}

// The names of links that lead nowhere but into this device, or through a tunnel to a
// network that it is not in, begin so.
var (
	inner  = []string{"docker", "veth", "br-", "virbr", "vmnet", "vboxnet", "lxc", "cni"}
	tunnel = []string{"tun", "tap", "wg", "utun", "ppp", "ipsec"}
)

func carries(link net.Interface) bool {
	return link.Flags&net.FlagLoopback == 0 && !tunnels(link) && !named(link, inner)
}

func tunnels(link net.Interface) bool {
	return link.Flags&net.FlagPointToPoint != 0 || named(link, tunnel)
}

func named(link net.Interface, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(link.Name, prefix) })
}

// searchDomains reads the domains of a resolver's file (resolv.conf(5)).
//
//	domain school.example
//	search school.example home.arpa
func searchDomains(text string) (domains []string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 1 && (fields[0] == "search" || fields[0] == "domain") {
			domains = append(domains, fields[1:]...)
		}
	}
	return domains
}

func readMoment() policy.Moment {
	wall, boot, mono := readClock()
	return policy.Moment{Wall: wall, Boot: boot, Mono: mono}
}

// overlay takes an overlay over.
func (a *agent) overlay(ctx context.Context, o *safelightv1.Overlay, server time.Time) error {
	if err := a.overlays.Apply(o, server, readMoment()); err != nil {
		return err
	}
	a.log.InfoContext(ctx, "an overlay is in force", "overlay", o.GetName(), "serial", o.GetSerial())
	return nil
}
