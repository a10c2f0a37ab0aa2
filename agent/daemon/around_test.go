package daemon

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"safelight/agent/policy"
)

func TestSearchDomainsAreRead(t *testing.T) {
	text := "# made by hand\nnameserver 10.0.0.1\n search school.example  home.arpa \ndomain manor.school.example\nsearch\n;search not.this\n"
	if got, want := searchDomains(text), []string{"school.example", "home.arpa", "manor.school.example"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestLinksIntoTheDeviceItselfSayNothingOfWhereItIs(t *testing.T) {
	for name, c := range map[string]struct {
		link net.Interface
		want bool
	}{
		"a cable":     {net.Interface{Name: "enp3s0", Flags: net.FlagUp | net.FlagBroadcast}, true},
		"the air":     {net.Interface{Name: "wlan0", Flags: net.FlagUp | net.FlagBroadcast}, true},
		"Windows":     {net.Interface{Name: "Ethernet 2", Flags: net.FlagUp}, true},
		"loopback":    {net.Interface{Name: "lo", Flags: net.FlagUp | net.FlagLoopback}, false},
		"a tunnel":    {net.Interface{Name: "school-vpn", Flags: net.FlagUp | net.FlagPointToPoint}, false},
		"WireGuard":   {net.Interface{Name: "wg0", Flags: net.FlagUp}, false},
		"a container": {net.Interface{Name: "docker0", Flags: net.FlagUp}, false},
	} {
		if got := carries(c.link); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

// A device at home that reaches into its school has the school's domains, and its
// home's addresses: that home is no network of the school's.
func TestG11WhileATunnelIsUpNoNetworkIsCertainlyTheSchools(t *testing.T) {
	at := func(name string, flags net.Flags, addrs ...string) link {
		l := link{Interface: net.Interface{Name: name, Flags: flags}}
		for _, a := range addrs {
			l.addrs = append(l.addrs, netip.MustParsePrefix(a))
		}
		return l
	}
	air := at("wlan0", net.FlagUp|net.FlagBroadcast, "192.168.4.20/24")
	for name, c := range map[string]struct {
		beside link
		want   int
	}{
		"alone":               {at("docker0", net.FlagUp, "172.17.0.1/16"), 1},
		"OpenVPN":             {at("tun0", net.FlagUp|net.FlagPointToPoint, "10.20.0.2/24"), 0},
		"one by another name": {at("school-vpn", net.FlagUp|net.FlagPointToPoint, "10.20.0.2/32"), 0},
		"WireGuard":           {at("wg0", net.FlagUp, "fd00::2/64"), 0},
		"one that is down":    {at("wg0", 0, "10.20.0.2/24"), 1},
		"one of macOS's own":  {at("utun0", net.FlagUp|net.FlagPointToPoint, "fe80::1/64"), 1},
	} {
		n := networkOf([]link{air, c.beside}, []string{"school.example"})
		if len(n.Links) != c.want || !slices.Equal(n.Addrs, []netip.Addr{air.addrs[0].Addr()}) || len(n.Suffixes) != 1 {
			t.Errorf("%s: %+v, want %d links", name, n, c.want)
		}
	}
}

func TestTheNetworkIsLookedAtNowAndThenAndAfterAClockIsTurnedBack(t *testing.T) {
	now, looks, told := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), 0, 0
	s := &surroundings{now: func() time.Time { return now }, look: func() policy.Network {
		looks++
		return policy.Network{Addrs: []netip.Addr{netip.MustParseAddr("10.20.0.1")}}
	}, met: func(policy.Network, time.Time) { told++ }}
	for _, step := range []time.Duration{0, time.Second, networkLife, time.Second, -time.Hour, time.Second} {
		now = now.Add(step)
		s.where()
	}
	if looks != 3 || told != looks {
		t.Errorf("looked %d times, told of %d, want at first, after %s and after the clock was turned back", looks, told, networkLife)
	}
	if here := lookAtNetwork(); slices.ContainsFunc(here.Addrs, netip.Addr.IsLoopback) {
		t.Errorf("this machine is said to be at %v", here.Addrs)
	}
}
