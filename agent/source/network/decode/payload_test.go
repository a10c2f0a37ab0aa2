package decode

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestPayloadWithoutAddresses(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	d := newCollect(Limits{})
	d.Payload(&Chunk{At: start, Key: 7, Proto: TCP, First: true, Data: hello[:500]})
	d.Payload(&Chunk{At: start, Key: 8, Proto: TCP, First: true, Data: helloFor(t, "two.example.org")})
	d.Payload(&Chunk{At: start, Key: 7, Proto: TCP, Data: hello[500:]})
	d.want(t, "tls two.example.org", "tls www.example.org")
	if d.seen[0].Key != 8 || d.seen[1].Key != 7 {
		t.Errorf("keys %d, %d", d.seen[0].Key, d.seen[1].Key)
	}
	if want := []Outcome{Asked, Established, Asked, Established}; !slices.Equal(d.outcomes(), want) {
		t.Errorf("outcomes %v, want %v", d.outcomes(), want)
	}
}

func TestPayloadByNumberInAnyOrder(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	chunk := func(at, to int) *Chunk {
		return &Chunk{At: start, Key: 7, Proto: TCP, Client: client, Server: server, HasSeq: true, Seq: isn + uint32(at), First: at == 0, Data: hello[at:to]}
	}
	d := newCollect(Limits{})
	for _, c := range []*Chunk{chunk(0, 300), chunk(900, len(hello)), chunk(200, 901), chunk(300, 500)} {
		d.Payload(c)
	}
	d.want(t, "tls www.example.org")
	if s := d.seen[0]; s.Client != client || s.Server != server || s.Key != 7 {
		t.Errorf("%+v", s)
	}
}

// With keys, a port may be used again without any SYN being seen.
func TestASocketIsNotTakenForTheLastOneOnItsPort(t *testing.T) {
	d := newCollect(Limits{})
	for key, name := range []string{"one.example.org", "two.example.org", "three.example.org"} {
		d.IP(Key(key+1), data(isn+1, helloFor(t, name)), start)
	}
	d.want(t, "tls one.example.org", "tls two.example.org", "tls three.example.org")
	if d.seen[2].Key != 3 {
		t.Errorf("key %d", d.seen[2].Key)
	}
}

func TestPayloadOfDatagramsBothWays(t *testing.T) {
	d := newCollect(Limits{})
	d.Payload(&Chunk{At: start, Key: 9, Proto: UDP, Client: asker, Server: resolver, Data: dnsQuestion(t, "www.example.org.", dnsmessage.TypeA)})
	d.Payload(&Chunk{At: start, Key: 9, Proto: UDP, Client: asker, Server: resolver, Reply: true, Data: dnsAnswer(t, "www.example.org.", server.Addr())})
	d.Payload(&Chunk{At: start, Key: 10, Proto: UDP, Client: client, Server: server, Data: initialA(0, cryptoFrame(0, quicHello(t, "quic.example.org")))})
	d.want(t, "dns www.example.org", "dns www.example.org", "quic quic.example.org")
	for i, s := range d.seen[:2] {
		if s.Client != asker || s.Server != resolver || s.Key != 9 || s.Response != (i == 1) {
			t.Errorf("%+v", s)
		}
	}
}

func TestDNSOverTCPAsPayload(t *testing.T) {
	a := dnsAnswer(t, "www.example.org.", server.Addr())
	stream := append([]byte{byte(len(a) >> 8), byte(len(a))}, a...)
	d := newCollect(Limits{})
	d.Payload(&Chunk{At: start, Key: 9, Proto: TCP, Client: asker, Server: resolver, Reply: true, First: true, Data: stream[:20]})
	d.Payload(&Chunk{At: start, Key: 9, Proto: TCP, Client: asker, Server: resolver, Reply: true, Data: stream[20:]})
	d.want(t, "dns www.example.org")
	if s := d.seen[0]; !s.Response || s.Client != asker || len(s.Answers) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestPayloadThatWasCutOrEnds(t *testing.T) {
	hello := slices.Clone(hello13(sni("www.example.org"), extension(99, make([]byte, 500))))
	d := newCollect(Limits{})
	d.Payload(&Chunk{At: start, Key: 1, Proto: TCP, First: true, Data: hello[:300], Wire: len(hello)})
	d.Payload(&Chunk{At: start, Key: 2, Proto: TCP, First: true, Data: hello[:300], Last: true})
	d.want(t, "tls www.example.org", "tls www.example.org")
	if !d.seen[0].Partial || d.Stats().Held != 0 {
		t.Errorf("%+v, %+v", d.seen[0], d.Stats())
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), uint8(3), uint8(9), uint16(443))
	f.Add(dnsQuestion(f, "www.example.org.", dnsmessage.TypeA), uint8(0x40), uint8(200), uint16(53))
	f.Fuzz(func(t *testing.T, b []byte, flags, cut uint8, port uint16) {
		d := newCollect(Limits{})
		c := Chunk{At: start, Key: Key(flags & 1), Proto: TCP, Reply: flags&2 != 0, HasSeq: flags&4 != 0, First: flags&8 != 0, Last: flags&16 != 0}
		if flags&32 != 0 {
			c.Client, c.Server = client, addrPort(server, port)
		}
		if flags&64 != 0 {
			c.Proto = UDP
		}
		at := min(int(cut), len(b))
		for _, part := range [][]byte{b[:at], b[at:]} {
			c.Data, c.Wire = part, len(part)+int(flags>>7)
			d.Payload(&c)
			c.Seq += uint32(len(part))
		}
		d.Flush()
		for _, s := range d.seen {
			normal(t, s.Name)
		}
		if s := d.Stats(); s.Held != 0 || s.Flows != 0 {
			t.Errorf("left %+v", s)
		}
	})
}

func TestAHelloThatStallsIsToldAsItStands(t *testing.T) {
	hello := hello13(sni("www.example.org"), extension(99, make([]byte, 500)))
	d := newCollect(Limits{Wait: time.Second})
	d.raw(syn(client, server, isn), data(isn+1, hello[:300]))
	d.Expire(start.Add(time.Second))
	d.want(t)
	d.Expire(start.Add(time.Second + 1))
	d.Expire(start.Add(time.Hour))
	d.want(t, "tls www.example.org")
	if s := d.Stats(); s.Held != 0 || s.Flows != 0 {
		t.Errorf("left %+v", s)
	}
}

// Half a hello each from many clients, all silent at once.
func TestTellingOneOfManyThatStall(t *testing.T) {
	hello := hello13(sni("www.example.org"), extension(99, make([]byte, 500)))
	d := newCollect(Limits{})
	for i := range 50 {
		from := netip.AddrPortFrom(client.Addr(), uint16(2000+i))
		d.raw(syn(from, server, isn), tcp4(from, server, flagACK, isn+1, hello[:300]))
	}
	d.Expire(start.Add(time.Minute))
	if len(d.seen) != 50 {
		t.Errorf("%d told of 50", len(d.seen))
	}
}
