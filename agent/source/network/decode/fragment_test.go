package decode

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// split4 cuts an IPv4 packet into fragments at multiples of eight bytes.
func split4(packet []byte, size int) [][]byte {
	var out [][]byte
	body := packet[20:]
	for at := 0; at < len(body); at += size {
		end := min(len(body), at+size)
		f := slices.Concat(packet[:20], body[at:end])
		binary.BigEndian.PutUint16(f[2:], uint16(len(f)))
		binary.BigEndian.PutUint16(f[4:], 77)
		off := uint16(at / 8)
		if end < len(body) {
			off |= 0x2000
		}
		binary.BigEndian.PutUint16(f[6:], off)
		out = append(out, f)
	}
	return out
}

func split6(src, dst netip.Addr, next byte, body []byte, size int) [][]byte {
	var out [][]byte
	for at := 0; at < len(body); at += size {
		end := min(len(body), at+size)
		off := uint16(at)
		if end < len(body) {
			off |= 1
		}
		h := binary.BigEndian.AppendUint16([]byte{next, 0}, off)
		out = append(out, ip6(src, dst, extFragment, slices.Concat(h, []byte{0, 0, 0, 9}, body[at:end])))
	}
	return out
}

func TestFragmentsInAnyOrder(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	parts := split4(data(isn+1, hello), 256)
	a, b := netip.MustParseAddrPort("[2001:db8::7]:40001"), netip.MustParseAddrPort("[2001:db8::9]:53")
	query := append([]byte{protoUDP, 0, 1, 4, 0, 0, 0, 0}, udpDatagram(a, b, dnsQuestion(t, "six.example.org.", 28))...)
	parts6 := split6(a.Addr(), b.Addr(), extDestination, query, 16)
	for range 3 {
		slices.Reverse(parts)
		slices.Reverse(parts6)
		d := newCollect(Limits{})
		d.raw(syn(client, server, isn))
		d.raw(parts...)
		d.raw(parts[1], parts[2]) // copies that come late
		d.raw(parts6...)
		d.want(t, "tls www.example.org", "dns six.example.org")
		d.Expire(start.Add(time.Minute))
		d.want(t, "tls www.example.org", "dns six.example.org")
		parts = append(parts, parts[0]) // a copy that comes early
	}
}

// Two readings of one datagram are a trick; neither is taken (RFC 5722).
func TestFragmentsThatOverlapAreRefused(t *testing.T) {
	parts := split4(udp4(asker, resolver, dnsQuestion(t, "www.example.org.", 1)), 24)
	other := slices.Clone(parts[0])
	other[len(other)-1] ^= 1
	longer := slices.Concat(parts[0], make([]byte, 8))
	binary.BigEndian.PutUint16(longer[2:], uint16(len(longer)))
	for name, trick := range map[string][]byte{"other bytes": other, "a longer part": longer} {
		orders := [][][]byte{{parts[0], trick, parts[1]}, {trick, parts[0], parts[1]}}
		if len(trick) > len(parts[0]) { // it reaches into the next
			orders = append(orders, [][]byte{trick, parts[1]})
		}
		for _, order := range orders {
			d := newCollect(Limits{})
			d.raw(order...)
			if len(d.seen) > 0 || d.Stats().Fragments != 1 {
				t.Errorf("%s: saw %q, %+v", name, d.names(), d.Stats())
			}
			d.Flush()
			if len(d.seen) > 0 || d.Stats().Held != 0 {
				t.Errorf("%s, at the end: saw %q, %+v", name, d.names(), d.Stats())
			}
		}
	}
}

func TestAFirstFragmentAloneTellsWhatItHas(t *testing.T) {
	answer := udp4(resolver, asker, slices.Concat(dnsAnswer(t, "www.example.org.", server.Addr()), make([]byte, 2000)))
	first := split4(answer, 1400)[0]
	d := newCollect(Limits{})
	d.raw(first)
	d.want(t)
	d.Expire(start.Add(d.flows.limits.Wait + 1))
	d.want(t, "dns www.example.org")
	if s := d.Stats(); s.Held != 0 || s.Fragments != 1 {
		t.Errorf("left %+v", s)
	}
}

func TestAHelloOfWhichOneFragmentCame(t *testing.T) {
	hello := hello13(sni("www.example.org"), extension(99, make([]byte, 900)))
	d := newCollect(Limits{})
	d.raw(syn(client, server, isn), split4(data(isn+1, hello), 400)[0])
	d.want(t)
	d.Expire(start.Add(d.flows.limits.Wait + 1))
	d.want(t, "tls www.example.org")
	if !d.seen[0].Partial || d.Stats().Held != 0 {
		t.Errorf("%+v, %+v", d.seen[0], d.Stats())
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	d := newCollect(Limits{})
	body := make([]byte, 1400)
	for i := range 2000 {
		f := ip4(client.Addr(), server.Addr(), protoUDP, body)
		binary.BigEndian.PutUint16(f[4:], uint16(i/40))
		binary.BigEndian.PutUint16(f[6:], uint16(0x2000|(1+i%40)*175))
		d.raw(f)
		if held := d.Stats().Held; held > maxFragmentHeld+maxDatagram {
			t.Fatalf("%d bytes held", held)
		}
		if n := len(d.frags.byKey); n > maxDatagrams {
			t.Fatalf("%d datagrams held", n)
		}
	}
	beyond := ip4(client.Addr(), server.Addr(), protoUDP, body)
	binary.BigEndian.PutUint16(beyond[6:], 0x1fff)
	d.raw(beyond) // reaches past the longest datagram there can be
	d.Expire(start.Add(time.Minute))
	if s := d.Stats(); s.Held != 0 {
		t.Errorf("left %+v", s)
	}
}

func FuzzFragments(f *testing.F) {
	f.Add([]byte{1, 0, 3, 0x20, 2, 9, 0, 1, 8, 5})
	f.Fuzz(func(t *testing.T, plan []byte) {
		packet := udp4(asker, resolver, dnsQuestion(t, "www.example.org.", 1))
		parts := split4(packet, 16)
		d := newCollect(Limits{})
		for i := 0; i+1 < len(plan); i += 2 {
			p := slices.Clone(parts[int(plan[i])%len(parts)])
			p[6] ^= plan[i+1] & 0x20
			p[7] ^= plan[i+1] & 0x3
			d.raw(p)
		}
		d.Flush()
		for _, s := range d.seen {
			normal(t, s.Name)
		}
		if d.Stats().Held != 0 {
			t.Errorf("left %+v", d.Stats())
		}
	})
}
