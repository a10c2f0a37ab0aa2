package decode

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

var isn uint32 = 0xfffffc00 // so that sequence numbers wrap within a hello

func syn(src, dst netip.AddrPort, seq uint32) []byte { return tcp4(src, dst, flagSYN, seq, nil) }

func data(seq uint32, b []byte) []byte { return tcp4(client, server, flagACK, seq, b) }

func TestAHelloInOneSegment(t *testing.T) {
	c := newCollect(Limits{})
	c.raw(syn(client, server, isn), data(isn+1, helloFor(t, "Www.Example.ORG")))
	c.want(t, "tls www.example.org")
	if s := c.seen[0]; s.Client != client || s.Server != server || s.Proto != "tcp" || !s.Time.Equal(start) {
		t.Errorf("got %+v", s)
	}
	if c.Stats().Held != 0 {
		t.Errorf("%d bytes are still held", c.Stats().Held)
	}
}

func TestAHelloInTwoSegmentsInEitherOrder(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	half := len(hello) / 2
	first, second := data(isn+1, hello[:half]), data(isn+1+uint32(half), hello[half:])
	for name, order := range map[string][][]byte{
		"in order":      {first, second},
		"out of order":  {second, first},
		"retransmitted": {first, first, second, second, first},
		"duplicated":    {second, second, first, first},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollect(Limits{})
			c.raw(syn(client, server, isn), syn(client, server, isn))
			c.raw(order...)
			c.want(t, "tls www.example.org")
			if c.Stats().Held != 0 {
				t.Errorf("%d bytes are still held", c.Stats().Held)
			}
		})
	}
}

func TestAHelloByteByByte(t *testing.T) {
	c := newCollect(Limits{})
	c.raw(syn(client, server, isn))
	for i, b := range helloFor(t, "www.example.org") {
		c.raw(data(isn+1+uint32(i), []byte{b}))
	}
	c.want(t, "tls www.example.org")
}

func TestSegmentsThatOverlapAnyhow(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var packets [][]byte
		for at := 0; at < len(hello); {
			n := 1 + rng.IntN(400)
			from := max(0, at-rng.IntN(50))
			to := min(len(hello), at+n)
			packets = append(packets, data(isn+1+uint32(from), hello[from:to]))
			at = to
		}
		rng.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
		c := newCollect(Limits{})
		c.raw(syn(client, server, isn))
		c.raw(packets...)
		if len(c.seen) != 1 || c.seen[0].Name != "www.example.org" {
			t.Fatalf("seed %d: saw %q of %d segments", seed, c.names(), len(packets))
		}
	}
}

func TestAHelloAcrossRecords(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	var stream []byte
	for body := hello[recordHeader:]; len(body) > 0; {
		n := min(100, len(body))
		stream = append(append(stream, 22, 3, 1, 0, byte(n)), body[:n]...)
		body = body[n:]
	}
	c := newCollect(Limits{})
	c.raw(syn(client, server, isn), data(isn+1, stream[:333]), data(isn+1+333, stream[333:]))
	c.want(t, "tls www.example.org")
}

// Keyed by addresses and ports alone, a flow that was told stays told, and the
// next connection on the same port is never read.
func TestAPortThatIsUsedAgainIsANewConnection(t *testing.T) {
	c := newCollect(Limits{})
	var want []string
	for i := range 50 {
		name := fmt.Sprintf("site%d.example.org", i)
		seq := uint32(i) * 7919
		c.raw(syn(client, server, seq), data(seq+1, helloFor(t, name)))
		want = append(want, "tls "+name)
	}
	c.want(t, want...)
	if c.Stats().Flows != 1 {
		t.Errorf("%d flows remembered, want 1", c.Stats().Flows)
	}
}

func TestAPortThatIsUsedAgainWithoutItsSYN(t *testing.T) {
	c := newCollect(Limits{})
	c.raw(data(1000, helloFor(t, "one.example.org")), data(900_000_000, helloFor(t, "two.example.org")))
	c.want(t, "tls one.example.org", "tls two.example.org")
}

func TestAConnectionThatWasOpenBeforeCaptureBegan(t *testing.T) {
	c := newCollect(Limits{})
	c.raw(data(5000, []byte("the middle of something")), data(9000, helloFor(t, "www.example.org")))
	c.want(t, "tls www.example.org")
}

func TestAnUploadAfterTheHelloIsPassedOver(t *testing.T) {
	c := newCollect(Limits{})
	hello := helloFor(t, "www.example.org")
	c.raw(syn(client, server, isn), data(isn+1, hello))
	body := make([]byte, 1400)
	for i := range 1000 {
		c.raw(data(isn+1+uint32(len(hello)+i*len(body)), body))
	}
	c.want(t, "tls www.example.org")
	if c.Stats().Held != 0 {
		t.Errorf("%d bytes of the upload are held", c.Stats().Held)
	}
}

func TestMemoryStaysBounded(t *testing.T) {
	limits := Limits{Flows: 100, Bytes: 64 << 10}
	c := newCollect(limits)
	hello := helloFor(t, "www.example.org")
	for i := range 5000 { // half a hello each, and a piece that came too early
		from := netip.AddrPortFrom(client.Addr(), uint16(10000+i))
		c.raw(syn(from, server, isn),
			tcp4(from, server, flagACK, isn+1, hello[:len(hello)/2]),
			tcp4(from, server, flagACK, isn+5000, hello))
	}
	if c.Stats().Flows > limits.Flows || c.Stats().Held > limits.Bytes {
		t.Errorf("%d flows and %d bytes held; want at most %d and %d", c.Stats().Flows, c.Stats().Held, limits.Flows, limits.Bytes)
	}
	from := netip.AddrPortFrom(client.Addr(), 9)
	c.seen = nil // what was let go was told if its name had come
	c.raw(syn(from, server, isn), tcp4(from, server, flagACK, isn+1, hello))
	c.want(t, "tls www.example.org")
	c.Expire(start.Add(time.Hour))
	if c.Stats().Flows != 0 || c.Stats().Held != 0 {
		t.Errorf("after an hour %d flows and %d bytes are held", c.Stats().Flows, c.Stats().Held)
	}
}

func TestAHelloThatTheCaptureCutShort(t *testing.T) {
	hello := helloFor(t, "www.example.org")
	whole := data(isn+1, hello)
	c := newCollect(Limits{})
	c.raw(syn(client, server, isn), whole[:len(whole)-20:len(whole)-20])
	if len(c.seen) == 0 { // the name stood in the part that is missing: at the end it is settled
		c.Flush()
	}
	for _, n := range c.names() {
		if n != "tls www.example.org" {
			t.Errorf("saw %q", n)
		}
	}
	c.raw(data(isn+1, nil))
	if c.Stats().Held != 0 {
		t.Errorf("%d bytes held after the end", c.Stats().Held)
	}
}

func TestAConnectionInUseIsNotForgotten(t *testing.T) {
	c := newCollect(Limits{})
	hello := helloFor(t, "www.example.org")
	c.raw(syn(client, server, isn), data(isn+1, hello))
	for minute := range 10 {
		now := start.Add(time.Duration(minute) * time.Minute)
		c.Packet(Raw, data(isn+1+uint32(len(hello)+minute), []byte("x")), now)
		c.Expire(now)
	}
	if n := c.Stats().Flows; n != 1 {
		t.Errorf("%d flows remembered", n)
	}
}

func TestHTTPHosts(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"a request":             {"GET / HTTP/1.1\r\nUser-Agent: x\r\nHost: WWW.example.org:8080\r\n\r\n", []string{"http www.example.org"}},
		"Host is the last line": {"POST /a HTTP/1.1\r\nhost:www.example.org\r\n\r\nGET", []string{"http www.example.org"}},
		"no Host":               {"GET / HTTP/1.0\r\nAccept: */*\r\n\r\nHost: not.example.org\r\n", nil},
		"not HTTP":              {"HELLO there\r\nHost: not.example.org\r\n\r\n", nil},
		"an address":            {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", []string{"http 2001:db8::1"}},
	} {
		for _, size := range []int{1, 7, 10_000} {
			t.Run(fmt.Sprintf("%s in segments of %d", name, size), func(t *testing.T) {
				d := newCollect(Limits{})
				d.raw(syn(client, server, isn))
				for at := 0; at < len(c.stream); at += size {
					end := min(len(c.stream), at+size)
					d.raw(data(isn+1+uint32(at), []byte(c.stream[at:end])))
				}
				d.want(t, c.want...)
			})
		}
	}
}

func TestALaterRequestMayNameAnotherHost(t *testing.T) {
	c := newCollect(Limits{})
	one, two := "GET / HTTP/1.1\r\nHost: one.example.org\r\n\r\n", "GET / HTTP/1.1\r\nHost: two.example.org\r\n\r\n"
	c.raw(syn(client, server, isn), data(isn+1, []byte(one)), data(isn+1+uint32(len(one)), []byte(two)))
	c.want(t, "http one.example.org", "http two.example.org")
}

func TestAConnectionThroughAProxyIsSeenAsTheVisitItIs(t *testing.T) {
	c := newCollect(Limits{})
	connect := "CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n"
	hello := helloFor(t, "www.example.org")
	at := isn + 1 + uint32(len(connect))
	c.raw(syn(client, server, isn), data(isn+1, []byte(connect)), data(at, hello[:200]), data(at+200, hello[200:]), data(at, hello))
	c.want(t, "http www.example.org", "tls www.example.org")
}
