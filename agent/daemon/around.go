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
	n := policy.Network{Suffixes: handedOut()}
	links, err := net.Interfaces()
	if err != nil {
		return n // nobody knows
	}
	for _, link := range links {
		if link.Flags&net.FlagUp == 0 || !carries(link) {
			continue
		}
		addrs, err := link.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				n.Addrs, n.Links = append(n.Addrs, prefix.Addr()), append(n.Links, prefix)
			}
		}
	}
	return n
}

// inner begin the names of links that lead nowhere but into this device, or
// through a tunnel to a network that it is not in.
var inner = []string{"docker", "veth", "br-", "virbr", "vmnet", "vboxnet", "lxc", "cni", "tun", "tap", "wg", "utun", "ppp", "ipsec"}

func carries(link net.Interface) bool {
	return link.Flags&(net.FlagLoopback|net.FlagPointToPoint) == 0 &&
		!slices.ContainsFunc(inner, func(prefix string) bool { return strings.HasPrefix(link.Name, prefix) })
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
