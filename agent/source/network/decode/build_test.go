package decode

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

var (
	client = netip.MustParseAddrPort("192.0.2.7:40000")
	server = netip.MustParseAddrPort("198.51.100.4:443")
	start  = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
)

// clientHello returns the first record that a real client sends.
func helloFor(t testing.TB, name string) []byte {
	t.Helper()
	near, far := net.Pipe()
	got := make(chan []byte)
	go func() {
		buf := make([]byte, 1<<16)
		n, _ := far.Read(buf)
		far.Close()
		got <- buf[:n]
	}()
	_ = tls.Client(near, &tls.Config{ServerName: name}).HandshakeContext(context.Background())
	near.Close()
	hello := <-got
	if len(hello) < 100 {
		t.Fatalf("the client sent %d bytes", len(hello))
	}
	return hello
}

func tcp4(src, dst netip.AddrPort, flags byte, seq uint32, payload []byte) []byte {
	return ip4(src.Addr(), dst.Addr(), protoTCP, tcpSegment(src, dst, flags, seq, payload))
}

func tcpSegment(src, dst netip.AddrPort, flags byte, seq uint32, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint32(b[4:], seq)
	b[12], b[13] = 5<<4, flags
	return append(b, payload...)
}

func ip4(src, dst netip.Addr, proto byte, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0], b[9] = 0x45, proto
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	return append(b, payload...)
}

func ip6(src, dst netip.Addr, next byte, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[6] = 0x60, next
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	return append(b, payload...)
}

func udpDatagram(src, dst netip.AddrPort, payload []byte) []byte {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	return append(b, payload...)
}

func udp4(src, dst netip.AddrPort, payload []byte) []byte {
	return ip4(src.Addr(), dst.Addr(), protoUDP, udpDatagram(src, dst, payload))
}

func dnsQuestion(t testing.TB, name string, kind dnsmessage.Type) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}},
	}
	return pack(t, m)
}

func dnsAnswer(t testing.TB, name string, addr netip.Addr) []byte {
	t.Helper()
	n := dnsmessage.MustNewName(name)
	h := dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET, TTL: 60}
	cname := dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("edge.example.net.")}}
	a := dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr.As4()}}
	return pack(t, dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true},
		Questions: []dnsmessage.Question{{Name: n, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers:   []dnsmessage.Resource{cname, a},
	})
}

func pack(t testing.TB, m dnsmessage.Message) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// collect is a Decoder that writes down what it sees.
type collect struct {
	*Decoder
	seen  []Sighting
	conns []Conn
	facts []Fact
}

func newCollect(limits Limits) *collect {
	c := &collect{}
	c.Decoder = New(limits, Hooks{
		Name: func(s *Sighting) {
			kept := *s
			kept.Answers, kept.Aliases = slices.Clone(s.Answers), slices.Clone(s.Aliases)
			c.seen = append(c.seen, kept)
		},
		Conn: func(n *Conn) { c.conns = append(c.conns, *n) },
		Fact: func(f *Fact) { c.facts = append(c.facts, *f) },
	})
	return c
}

func (c *collect) raw(packets ...[]byte) {
	for _, p := range packets {
		c.Packet(Raw, p, start)
	}
}

func (c *collect) names() []string {
	var names []string
	for _, s := range c.seen {
		names = append(names, string(s.Via)+" "+s.Name)
	}
	return names
}

func (c *collect) want(t *testing.T, names ...string) {
	t.Helper()
	got := c.names()
	if len(got) != len(names) {
		t.Fatalf("saw %q, want %q", got, names)
	}
	for i := range names {
		if got[i] != names[i] {
			t.Fatalf("saw %q, want %q", got, names)
		}
	}
}

func (c *collect) outcomes() []Outcome {
	var all []Outcome
	for _, n := range c.conns {
		all = append(all, n.Outcome)
	}
	return all
}

func (c *collect) factNames() []string {
	words := [...]string{DoT: "DoT", DoQ: "DoQ", ECHHidden: "ECHHidden", NoName: "NoName", WireGuard: "WireGuard", OpenVPN: "OpenVPN", IKE: "IKE", QUICUnknown: "QUICUnknown"}
	var all []string
	for _, f := range c.facts {
		all = append(all, words[f.What])
	}
	return all
}

func addrPort(a netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), port)
}
