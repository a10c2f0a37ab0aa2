package decode

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// unreachable is an ICMP message that quotes the head of a packet.
func unreachable(from netip.Addr, packet []byte) []byte {
	quote := packet[:28]
	return ip4(from, netip.AddrFrom4([4]byte(packet[12:])), protoICMP, append([]byte{icmpUnreachable, 13, 0, 0, 0, 0, 0, 0}, quote...))
}

func TestG10WhatBecameOfAConnection(t *testing.T) {
	opens, accepts := syn(client, server, isn), tcp4(server, client, flagSYN|flagACK, 900, nil)
	hello := data(isn+1, helloFor(t, "www.example.org"))
	toAnother := unreachable(netip.MustParseAddr("192.0.2.1"), opens)
	toAnother[19]++
	reset := func(seq uint32) []byte { return tcp4(server, client, flagRST|flagACK, seq, nil) }
	for name, c := range map[string]struct {
		packets [][]byte
		want    []Outcome
	}{
		"nothing answers":               {[][]byte{opens, opens}, []Outcome{Asked}},
		"answered":                      {[][]byte{opens, accepts, accepts, hello}, []Outcome{Asked, Established}},
		"answered, the answer not seen": {[][]byte{opens, hello}, []Outcome{Asked, Established}},
		"refused":                       {[][]byte{opens, reset(0), reset(0)}, []Outcome{Asked, Refused}},
		"refused by a router":           {[][]byte{opens, unreachable(netip.MustParseAddr("192.0.2.1"), opens)}, []Outcome{Asked, Refused}},
		"reset before a word":           {[][]byte{opens, accepts, hello, reset(901)}, []Outcome{Asked, Established, Reset}},
		"reset at the end":              {[][]byte{opens, accepts, hello, reset(5000)}, []Outcome{Asked, Established}},
		"reset, the answer not seen":    {[][]byte{opens, hello, reset(901)}, []Outcome{Asked, Established}},
		"unreachable once answered":     {[][]byte{opens, accepts, unreachable(netip.MustParseAddr("192.0.2.1"), opens)}, []Outcome{Asked, Established}},
		"a router tells another":        {[][]byte{opens, toAnother}, []Outcome{Asked}},
		"the client gives up":           {[][]byte{opens, tcp4(client, server, flagRST, isn+1, nil)}, []Outcome{Asked}},
		"a reset out of nowhere":        {[][]byte{reset(5)}, nil},
		"a new connection on the port":  {[][]byte{opens, reset(0), syn(client, server, isn+99), accepts}, []Outcome{Asked, Refused, Asked, Established}},
	} {
		d := newCollect(Limits{})
		d.raw(c.packets...)
		if got := d.outcomes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: outcomes %v, want %v", name, got, c.want)
		}
		for _, n := range d.conns {
			if n.Client != client || n.Server != server || n.Proto != TCP {
				t.Errorf("%s: %+v", name, n)
			}
		}
	}
}

func TestG10QUICOutcomes(t *testing.T) {
	first := fromClient(initialA(0, cryptoFrame(0, quicHello(t, "www.example.org"))))
	answer := udp4(server, client, slices.Concat([]byte{0xc0, 0, 0, 0, 1, 0, 8}, dcidB, []byte{0, 0x40, 60}, make([]byte, 60)))
	retry := udp4(server, client, slices.Concat([]byte{0xf0, 0, 0, 0, 1, 0, 8}, dcidB, make([]byte, 40)))
	handshake := fromClient(slices.Concat([]byte{0xe0, 0, 0, 0, 1, 8}, dcidB, []byte{0, 20}, make([]byte, 20)))
	for name, c := range map[string]struct {
		packets [][]byte
		want    []Outcome
	}{
		"nothing answers":     {[][]byte{first, first}, []Outcome{Asked}},
		"answered":            {[][]byte{first, answer, answer}, []Outcome{Asked, Established}},
		"sent away":           {[][]byte{first, retry}, []Outcome{Asked}},
		"the client goes on":  {[][]byte{first, handshake}, []Outcome{Asked, Established}},
		"refused by a router": {[][]byte{first, unreachable(server.Addr(), first)}, []Outcome{Asked, Refused}},
	} {
		d := newCollect(Limits{})
		d.raw(c.packets...)
		if got := d.outcomes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: outcomes %v, want %v", name, got, c.want)
		}
	}
}

func TestICMPv6Refuses(t *testing.T) {
	a, b := netip.MustParseAddrPort("[2001:db8::7]:40001"), netip.MustParseAddrPort("[2001:db8::9]:443")
	opens := ip6(a.Addr(), b.Addr(), protoTCP, tcpSegment(a, b, flagSYN, isn, nil))
	says := append([]byte{icmp6Unreachable, 1, 0, 0, 0, 0, 0, 0}, opens...)
	d := newCollect(Limits{})
	d.raw(opens, ip6(b.Addr(), a.Addr(), protoICMP6, says))
	if got := d.outcomes(); !slices.Equal(got, []Outcome{Asked, Refused}) {
		t.Errorf("outcomes %v", got)
	}
	for n := range says { // cut anywhere it must not panic
		d.raw(ip6(b.Addr(), a.Addr(), protoICMP6, says[:n]))
	}
}

func TestVPNsAreKnownByTheirFirstMessage(t *testing.T) {
	wireGuard := append([]byte{1, 0, 0, 0}, make([]byte, 144)...)
	bare := append([]byte{openVPNReset, 1, 2, 3, 4, 5, 6, 7, 8}, make([]byte, 5)...)
	auth := append(append([]byte{openVPNReset}, make([]byte, 8+20+8)...), make([]byte, 5)...)
	ike := make([]byte, 28)
	ike[0], ike[17], ike[18], ike[27] = 9, 0x20, 34, 28
	answered := slices.Clone(ike)
	answered[9] = 1
	to := func(port uint16, b []byte) []byte { return udp4(client, addrPort(server, port), b) }
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"WireGuard":               {to(51820, wireGuard), "WireGuard"},
		"WireGuard on DNS's port": {to(53, wireGuard), "WireGuard"},
		"not quite as long":       {to(51820, wireGuard[:147]), ""},
		"OpenVPN":                 {to(1194, bare), "OpenVPN"},
		"OpenVPN with tls-auth":   {to(443, auth), "OpenVPN"},
		"OpenVPN, another length": {to(443, auth[:30]), ""},
		"IKE":                     {to(ikePort, ike), "IKE"},
		"IKE behind NAT":          {to(ikeNATPort, append(make([]byte, 4), ike...)), "IKE"},
		"IKE, answered already":   {to(ikePort, answered), ""},
		"IKE on another port":     {to(501, ike), ""},
		"a DNS question":          {udp4(asker, resolver, dnsQuestion(t, "www.example.org.", 1)), ""},
		"OpenVPN over TCP":        {tcp4(client, server, flagSYN, 1, append([]byte{0, 14}, bare...)), "OpenVPN"},
	} {
		d := newCollect(Limits{})
		d.raw(c.packet)
		got := d.factNames()
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0] != c.want) {
			t.Errorf("%s: facts %q, want %q", name, got, c.want)
		}
	}
}

// hello13 makes a ClientHello's record of extensions.
func hello13(extensions ...[]byte) []byte {
	ext := slices.Concat(extensions...)
	body := slices.Concat([]byte{3, 3}, make([]byte, 32), []byte{0, 0, 2, 0x13, 1, 1, 0}, binary.BigEndian.AppendUint16(nil, uint16(len(ext))), ext)
	hs := append([]byte{clientHello, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	return append([]byte{recordHandshake, 3, 1, byte(len(hs) >> 8), byte(len(hs))}, hs...)
}

func extension(kind uint16, b []byte) []byte {
	e := binary.BigEndian.AppendUint16(nil, kind)
	return append(binary.BigEndian.AppendUint16(e, uint16(len(b))), b...)
}

func sni(name string) []byte {
	n := len(name)
	return extension(extServerName, append([]byte{0, byte(n + 3), 0, 0, byte(n)}, name...))
}

func TestWhatHidesNamesIsCounted(t *testing.T) {
	ech, dot := extension(extECH, []byte{0, 0, 1, 0, 1, 7}), extension(extALPN, []byte{0, 4, 3, 'd', 'o', 't'})
	for name, c := range map[string]struct {
		hello []byte
		port  uint16
		facts string
		outer bool
	}{
		"a plain name":                 {hello13(sni("www.example.org")), 443, "", false},
		"ECH for show":                 {hello13(sni("www.example.org"), ech), 443, "", false},
		"ECH behind a public name":     {hello13(ech, sni("cloudflare-ech.com")), 443, "ECHHidden", true},
		"a public name itself":         {hello13(sni("cloudflare-ech.com")), 443, "", false},
		"ECH's inner form":             {hello13(sni("cloudflare-ech.com"), extension(extECH, []byte{1})), 443, "", false},
		"the draft's encrypted name":   {hello13(sni("www.example.org"), extension(extESNI, []byte{1})), 443, "ECHHidden", true},
		"no name":                      {hello13(ech), 443, "NoName", false},
		"no extensions at all":         {hello13(), 443, "NoName", false},
		"DNS over TLS by its port":     {hello13(sni("dns.example")), 853, "DoT", false},
		"DNS over TLS by its protocol": {hello13(sni("dns.example"), dot), 443, "DoT", false},
	} {
		d := newCollect(Limits{})
		to := addrPort(server, c.port)
		d.raw(syn(client, to, isn), tcp4(client, to, flagACK, isn+1, c.hello))
		if got := d.factNames(); c.facts == "" && len(got) > 0 || c.facts != "" && (len(got) != 1 || got[0] != c.facts) {
			t.Errorf("%s: facts %q, want %q", name, got, c.facts)
		}
		if len(d.seen) > 0 && d.seen[0].Outer != c.outer {
			t.Errorf("%s: outer %v", name, d.seen[0].Outer)
		}
	}
	d := newCollect(Limits{})
	to := addrPort(server, 853)
	d.raw(udp4(client, to, initialA(0, cryptoFrame(0, quicHello(t, "dns.example")))))
	if got := d.factNames(); len(got) != 1 || got[0] != "DoQ" {
		t.Errorf("facts %q, want DoQ", got)
	}
}

// A public name that DNS offered as a cover is one when it comes with ECH.
func TestAPublicNameIsLearnedFromDNS(t *testing.T) {
	config := slices.Concat([]byte{7, 0, 0x20, 0, 32}, make([]byte, 32), []byte{0, 4, 0, 1, 0, 1, 0, 13}, []byte("cover.example"), []byte{0, 0})
	list := slices.Concat([]byte{0, byte(len(config) + 4), 0xfe, 0x0d, 0, byte(len(config))}, config)
	list = slices.Concat(list)
	record := slices.Concat([]byte{0, 1, 0}, []byte{0, svcParamIPv4, 0, 4, 198, 51, 100, 9}, []byte{0, svcParamECH, 0, byte(len(list))}, list,
		[]byte{0, svcParamIPv6, 0, 16}, netip.MustParseAddr("2001:db8::5").AsSlice())
	msg := dnsQuestion(t, "secret.example.", 65)
	msg[2] |= 0x80
	msg[7] = 1
	msg = slices.Concat(msg, []byte{0xc0, 12, 0, 65, 0, 1, 0, 0, 0, 60, 0, byte(len(record))}, record)
	d := newCollect(Limits{})
	ech := extension(extECH, []byte{0, 0})
	d.raw(udp4(resolver, asker, msg), syn(client, server, isn), data(isn+1, hello13(sni("cover.example"), ech)))
	d.want(t, "dns secret.example", "tls cover.example")
	if !d.seen[1].Outer {
		t.Error("the cover is not known as one")
	}
	if got := d.seen[0].Answers; len(got) != 2 || got[0] != netip.MustParseAddr("198.51.100.9") || got[1] != netip.MustParseAddr("2001:db8::5") {
		t.Errorf("answers %v", got)
	}
	for i := range 3 * maxPublic { // what is learned is bounded
		d.public.learn(string(rune('a'+i%26)) + string(rune(i)))
	}
	if len(d.public.learned) > maxPublic {
		t.Errorf("%d public names learned", len(d.public.learned))
	}
}
