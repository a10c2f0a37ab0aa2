package decode

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"safelight/agent/source/hostname"
)

func FuzzDNS(f *testing.F) {
	f.Add(dnsQuestion(f, "www.example.org.", dnsmessage.TypeA))
	f.Add(dnsAnswer(f, "www.example.org.", netip.MustParseAddr("198.51.100.4")))
	f.Add([]byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01")) // a name that points at itself
	f.Fuzz(func(t *testing.T, msg []byte) {
		c := newCollect(Limits{})
		c.raw(udp4(asker, resolver, msg), udp4(resolver, asker, msg))
		if len(msg) >= 1<<16 {
			return
		}
		stream := append([]byte{byte(len(msg) >> 8), byte(len(msg))}, msg...)
		one, many := newCollect(Limits{}), newCollect(Limits{})
		one.raw(syn(asker, resolver, isn), tcp4(asker, resolver, flagACK, isn+1, stream))
		many.raw(syn(asker, resolver, isn))
		for i := range stream {
			many.raw(tcp4(asker, resolver, flagACK, isn+1+uint32(i), stream[i:i+1]))
		}
		if len(one.seen) != len(many.seen) {
			t.Errorf("%q byte by byte, %q at once", many.names(), one.names())
		}
		for _, s := range slices.Concat(c.seen, one.seen) {
			normal(t, s.Name)
			for _, alias := range s.Aliases {
				normal(t, alias)
			}
		}
	})
}

// FuzzClientHello holds that how a stream is cut into segments changes nothing.
func FuzzClientHello(f *testing.F) {
	hello := helloFor(f, "www.example.org")
	f.Add(hello, uint16(len(hello)/2), uint16(0))
	f.Add(hello, uint16(1), uint16(7))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"), uint16(9), uint16(3))
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), uint16(5), uint16(0))
	f.Fuzz(func(t *testing.T, stream []byte, cut, overlap uint16) {
		if len(stream) == 0 || len(stream) > 60_000 {
			return
		}
		at := int(cut) % len(stream)
		from := max(0, at-int(overlap))
		once, orderly, reversed := newCollect(Limits{}), newCollect(Limits{}), newCollect(Limits{})
		first, second := data(isn+1, stream[:at]), data(isn+1+uint32(from), stream[from:])
		for _, c := range []*collect{once, orderly, reversed} {
			c.raw(syn(client, server, isn))
		}
		once.raw(data(isn+1, stream))
		orderly.raw(first, second)
		reversed.raw(second, first)
		if from == 0 {
			return // the second segment is the whole stream
		}
		for how, c := range map[string]*collect{"in order": orderly, "out of order": reversed} {
			// Segments may show a further request where one segment hides it.
			if len(c.seen) < len(once.seen) || (len(once.seen) > 0 && c.seen[0].Name != once.seen[0].Name) {
				t.Errorf("%s: saw %q, in one segment %q", how, c.names(), once.names())
			}
			for _, s := range c.seen {
				normal(t, s.Name)
			}
		}
	})
}

func FuzzPacket(f *testing.F) {
	f.Add(uint8(Ethernet), join(make([]byte, 12), []byte{8, 0}, udp4(asker, resolver, dnsQuestion(f, "www.example.org.", dnsmessage.TypeA))))
	f.Add(uint8(Raw), syn(client, server, 1))
	f.Fuzz(func(t *testing.T, link uint8, b []byte) {
		c := newCollect(Limits{})
		c.Packet(Link(link), b, start)
		for _, s := range c.seen {
			normal(t, s.Name)
		}
	})
}

// normal holds that a name is in the one form that names have.
func normal(t *testing.T, name string) {
	t.Helper()
	again, ok := hostname.Normalise(name)
	if (!ok || again != name) && !netip.MustParseAddr(name).IsValid() {
		t.Errorf("%q is not in its normal form", name)
	}
}
