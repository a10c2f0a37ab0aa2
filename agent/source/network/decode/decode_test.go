package decode

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

var (
	asker    = netip.MustParseAddrPort("192.0.2.7:40001")
	resolver = netip.MustParseAddrPort("192.0.2.1:53")
)

func TestDNSQuestionAndAnswer(t *testing.T) {
	c := newCollect(Limits{})
	where := netip.MustParseAddr("198.51.100.4")
	c.raw(udp4(asker, resolver, dnsQuestion(t, "Www.Example.ORG.", dnsmessage.TypeAAAA)),
		udp4(resolver, asker, dnsAnswer(t, "www.example.org.", where)))
	c.want(t, "dns www.example.org", "dns www.example.org")
	asked, answered := c.seen[0], c.seen[1]
	if asked.Client != asker || asked.Server != resolver || asked.Type != TypeAAAA || asked.Response || asked.Proto != "udp" {
		t.Errorf("the question: %+v", asked)
	}
	if answered.Client != asker || answered.Server != resolver || !answered.Response ||
		len(answered.Answers) != 1 || answered.Answers[0] != where {
		t.Errorf("the answer: %+v", answered)
	}
}

func TestDNSOverTCPInPieces(t *testing.T) {
	var stream []byte
	for _, name := range []string{"one.example.org.", "two.example.org."} {
		q := dnsQuestion(t, name, dnsmessage.TypeA)
		stream = append(append(stream, byte(len(q)>>8), byte(len(q))), q...)
	}
	for size := 1; size <= len(stream); size++ {
		c := newCollect(Limits{})
		c.raw(syn(asker, resolver, isn))
		for at := 0; at < len(stream); at += size {
			c.raw(tcp4(asker, resolver, flagACK, isn+1+uint32(at), stream[at:min(len(stream), at+size)]))
		}
		c.want(t, "dns one.example.org", "dns two.example.org")
	}
}

func TestAnAnswerOverTCPNamesTheClient(t *testing.T) {
	c := newCollect(Limits{})
	a := dnsAnswer(t, "www.example.org.", netip.MustParseAddr("198.51.100.4"))
	c.raw(tcp4(resolver, asker, flagSYN|flagACK, isn, nil),
		tcp4(resolver, asker, flagACK, isn+1, append([]byte{byte(len(a) >> 8), byte(len(a))}, a...)))
	c.want(t, "dns www.example.org")
	if s := c.seen[0]; s.Client != asker || s.Proto != "tcp" || !s.Response {
		t.Errorf("got %+v", s)
	}
}

func TestLinksAndHeaders(t *testing.T) {
	query := dnsQuestion(t, "www.example.org.", dnsmessage.TypeHTTPS)
	v4 := udp4(asker, resolver, query)
	a6, r6 := netip.MustParseAddrPort("[2001:db8::7]:40001"), netip.MustParseAddrPort("[2001:db8::1]:53")
	v6 := ip6(a6.Addr(), r6.Addr(), protoUDP, udpDatagram(a6, r6, query))
	mac := make([]byte, 12)
	hopByHop := append([]byte{protoUDP, 0, 0, 0, 0, 0, 0, 0}, udpDatagram(a6, r6, query)...)
	routed := append([]byte{extHopByHop, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, hopByHop...)
	first := append([]byte{protoUDP, 0, 0, 1, 0, 0, 0, 9}, udpDatagram(a6, r6, query)...)
	later := append([]byte{protoUDP, 0, 0, 9, 0, 0, 0, 9}, udpDatagram(a6, r6, query)...)
	offloaded := append([]byte(nil), v4...)
	offloaded[2], offloaded[3] = 0, 0
	fragment := append([]byte(nil), v4...)
	fragment[7] = 9

	for name, c := range map[string]struct {
		link Link
		b    []byte
		want int
	}{
		"raw IPv4":                {Raw, v4, 1},
		"raw IPv6":                {Raw, v6, 1},
		"Ethernet":                {Ethernet, join(mac, []byte{8, 0}, v4), 1},
		"Ethernet padding":        {Ethernet, join(mac, []byte{8, 0}, v4, make([]byte, 20)), 1},
		"VLAN":                    {Ethernet, join(mac, []byte{0x81, 0, 0, 9, 0x86, 0xdd}, v6), 1},
		"VLAN in VLAN":            {Ethernet, join(mac, []byte{0x88, 0xa8, 0, 9, 0x81, 0, 0, 9, 8, 0}, v4), 1},
		"tags without end":        {Ethernet, join(mac, []byte(strings.Repeat("\x81\x00\x00\x09", 9)), v4), 0},
		"ARP":                     {Ethernet, join(mac, []byte{8, 6}, v4), 0},
		"cooked":                  {Cooked, join(make([]byte, 14), []byte{8, 0}, v4), 1},
		"cooked 2":                {Cooked2, join([]byte{8, 0}, make([]byte, 18), v4), 1},
		"BSD loopback":            {Null, join([]byte{2, 0, 0, 0}, v4), 1},
		"LLC and SNAP":            {Ethernet, join(mac, []byte{0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, v4), 1},
		"LLC alone":               {Ethernet, join(mac, []byte{0, 60, 0x42, 0x42, 3, 0, 0, 0, 8, 0}, v4), 0},
		"PPPoE":                   {Ethernet, join(mac, []byte{0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x21}, v4), 1},
		"PPPoE in a VLAN":         {Ethernet, join(mac, []byte{0x81, 0, 0, 9, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x57}, v6), 1},
		"PPPoE's discovery":       {Ethernet, join(mac, []byte{0x88, 0x64, 0x11, 9, 0, 1, 0, 50, 0, 0x21}, v4), 0},
		"PPPoE without Ethernet":  {PPPoE, join([]byte{0x11, 0, 0, 1, 0, 50, 0, 0x21}, v4), 1},
		"PPP":                     {PPP, join([]byte{0xff, 3, 0, 0x21}, v4), 1},
		"PPP, all compressed":     {PPP, join([]byte{0x57}, v6), 1},
		"PPP of another protocol": {PPP, join([]byte{0xc0, 0x21}, v4), 0},
		"Cisco HDLC":              {CHDLC, join([]byte{0x0f, 0, 8, 0}, v4), 1},
		"NFLOG":                   {NFLOG, join([]byte{2, 0, 0, 0, 8, 0, 1, 0, 1, 2, 3, 4, 6, 0, 10, 0, 97, 0, 0, 0, byte(len(v4) + 4), 0, 9, 0}, v4), 1},
		"NFLOG of no length":      {NFLOG, join([]byte{2, 0, 0, 0, 0, 0, 9, 0}, v4), 0},
		"PKTAP":                   {PKTAP, join([]byte{108, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0, 0}, make([]byte, 96), v4), 1},
		"PKTAP in PKTAP":          {PKTAP, join([]byte{108, 0, 0, 0, 1, 0, 0, 0, 149, 0, 0, 0}, make([]byte, 96), v4), 0},
		"authentication header":   {Raw, ip6(a6.Addr(), r6.Addr(), extAuth, append([]byte{protoUDP, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}, udpDatagram(a6, r6, query)...)), 1},
		"an atomic fragment":      {Raw, ip6(a6.Addr(), r6.Addr(), extFragment, append([]byte{protoUDP, 0, 0, 0, 0, 0, 0, 9}, udpDatagram(a6, r6, query)...)), 1},
		"hop-by-hop":              {Raw, ip6(a6.Addr(), r6.Addr(), extHopByHop, hopByHop), 1},
		"routing and hop-by-hop":  {Raw, ip6(a6.Addr(), r6.Addr(), extRouting, routed), 1},
		"a first fragment":        {Raw, ip6(a6.Addr(), r6.Addr(), extFragment, first), 1},
		"a later fragment":        {Raw, ip6(a6.Addr(), r6.Addr(), extFragment, later), 0},
		"a later IPv4 fragment":   {Raw, fragment, 0},
		"segmentation offload":    {Raw, offloaded, 1},
		"empty":                   {Raw, nil, 0},
		"IPv5":                    {Raw, append([]byte{0x55}, v4[1:]...), 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newCollect(Limits{})
			d.Packet(c.link, c.b, start)
			d.Flush()
			if len(d.seen) != c.want {
				t.Errorf("saw %q, want %d names", d.names(), c.want)
			}
			for n := range c.b { // cut anywhere it must not panic
				d.Packet(c.link, c.b[:n:n], start)
			}
		})
	}
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// The kernel's filter is the first fence and this the second.
func TestG11PacketsOfOthersAreNotDecoded(t *testing.T) {
	var seen []string
	mine := netip.MustParseAddr("192.0.2.7")
	d := New(Limits{}, Hooks{
		Name: func(s *Sighting) { seen = append(seen, s.Name) },
		Own:  func(src, dst netip.Addr) bool { return src == mine || dst == mine },
	})
	other := netip.MustParseAddrPort("192.0.2.99:40001")
	d.Packet(Raw, udp4(other, resolver, dnsQuestion(t, "theirs.example.org.", dnsmessage.TypeA)), start)
	for _, part := range split4(udp4(other, resolver, dnsQuestion(t, "theirs.example.org.", dnsmessage.TypeA)), 16) {
		d.Packet(Raw, part, start)
		if d.Stats().Held != 0 {
			t.Error("a fragment of others' is held")
		}
	}
	d.Packet(Raw, udp4(asker, resolver, dnsQuestion(t, "ours.example.org.", dnsmessage.TypeA)), start)
	if len(seen) != 1 || seen[0] != "ours.example.org" {
		t.Errorf("saw %q", seen)
	}
	if d.Stats().Flows != 0 {
		t.Errorf("%d flows remembered", d.Stats().Flows)
	}
}

func TestConnectionsAreToldOnce(t *testing.T) {
	var to []netip.AddrPort
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}, Conn: func(c *Conn) {
		if c.Outcome == Asked {
			to = append(to, c.Server)
		}
	}})
	d.Packet(Raw, syn(client, server, isn), start)
	d.Packet(Raw, syn(client, server, isn), start)
	d.Packet(Raw, tcp4(server, client, flagSYN|flagACK, 9, nil), start)
	d.Packet(Raw, udp4(client, server, append([]byte{0xc0, 1, 2, 3, 4, 8}, make([]byte, 1300)...)), start) // of a version not known
	d.Packet(Raw, udp4(client, server, []byte{0xc0, 0, 0, 0, 1}), start)
	d.Packet(Raw, udp4(client, server, []byte{0x40, 0, 0, 0, 1}), start)
	if len(to) != 2 || to[0] != server || to[1] != server {
		t.Errorf("told of %v; want one TCP and one QUIC connection to %v", to, server)
	}
}

// What comes again and again must not allocate: questions and answers for names
// met before, whole connections, and what follows a hello.
func TestWhatIsReadOftenAllocatesNothing(t *testing.T) {
	q := udp4(asker, resolver, dnsQuestion(t, "www.Example.org.", dnsmessage.TypeA))
	a := udp4(resolver, asker, dnsAnswer(t, "www.example.org.", server.Addr()))
	hello := helloFor(t, "www.example.org")
	one, two := data(isn+1, hello[:700]), data(isn+701, hello[700:])
	get := data(isn+1, []byte("GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"))
	open, again := syn(client, server, isn), syn(client, server, isn+7)
	for name, packets := range map[string][][]byte{
		"DNS":             {q, a},
		"TLS in two":      {open, one, two, again},
		"TLS, half of it": {open, one, again},
		"HTTP":            {open, get, again},
	} {
		// Once in some hundred decoders two of the names share a slot of the cache,
		// by its random seed: then another decoder is asked.
		n := 1.0
		for try := 0; n != 0 && try < 4; try++ {
			d := New(Limits{}, Hooks{Name: func(*Sighting) {}, Conn: func(*Conn) {}, Fact: func(*Fact) {}})
			n = testing.AllocsPerRun(100, func() {
				for _, p := range packets {
					d.Packet(Raw, p, start)
				}
			})
		}
		if n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

// On the hot path only what is told may allocate.
func TestTheHotPathAllocatesNothing(t *testing.T) {
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}})
	d.Packet(Raw, syn(client, server, isn), start)
	d.Packet(Raw, data(isn+1, helloFor(t, "www.example.org")), start)
	upload := data(isn+4000, make([]byte, 1400))
	ack := tcp4(server, client, flagACK, 77, make([]byte, 1400))
	if n := testing.AllocsPerRun(100, func() {
		d.Packet(Raw, upload, start)
		d.Packet(Raw, ack, start)
	}); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
}
