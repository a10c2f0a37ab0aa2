package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// streamed feeds a stream in segments of size.
func streamed(limits Limits, stream []byte, size int) *collect {
	d := newCollect(limits)
	d.raw(syn(client, server, isn))
	for at := 0; at < len(stream); at += size {
		d.raw(data(isn+1+uint32(at), stream[at:min(len(stream), at+size)]))
	}
	return d
}

func TestEveryRequestOfAConnection(t *testing.T) {
	get := func(host string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }
	body := get("not.example.org") // what looks like a request in a body is none
	long := strings.Repeat("x", 70_000)
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"pipelined":              {get("a.example") + get("b.example") + get("b.example") + get("a.example"), []string{"a.example", "b.example", "a.example"}},
		"a body of known length": {fmt.Sprintf("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%s", len(body), body) + get("b.example"), []string{"a.example", "b.example"}},
		"a long body":            {fmt.Sprintf("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%s", len(long), long) + get("b.example"), []string{"a.example", "b.example"}},
		"a chunked body":         {fmt.Sprintf("POST / HTTP/1.1\r\ntransfer-encoding: gzip, Chunked\r\nHost: a.example\r\n\r\n%x;ext=1\r\n%s\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", len(body), body) + get("b.example"), []string{"a.example", "b.example"}},
		"empty lines between":    {get("a.example") + "\r\n\r\n" + get("b.example"), []string{"a.example", "b.example"}},
		"line feeds alone":       {strings.ReplaceAll(get("a.example")+get("b.example"), "\r", ""), []string{"a.example", "b.example"}},
		"absolute form":          {"GET http://user@a.example:8080/x?y HTTP/1.1\r\nHost: proxy.example\r\n\r\n" + get("b.example"), []string{"a.example", "proxy.example", "b.example"}},
		"absolute form, same":    {"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", []string{"a.example"}},
		"a URL in the path":      {"GET /?u=http://not.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", []string{"a.example"}},
		"CONNECT, then HTTP":     {"CONNECT a.example:80 HTTP/1.1\r\n\r\n" + get("b.example"), []string{"a.example", "b.example"}},
		"CONNECT, refused":       {"CONNECT a.example:443 HTTP/1.1\r\n\r\nCONNECT a.example:443 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n", []string{"a.example"}},
		"a space before a colon": {"GET / HTTP/1.1\r\nHOST \t: a.example \r\n\r\n", []string{"a.example"}},
		"two Hosts":              {"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", []string{"a.example", "b.example"}},
		"spaces in the target":   {"GET /a b c HTTP/1.0\r\nHost: a.example\r\n\r\n", []string{"a.example"}},
		"HTTP in the target":     {"GET /a HTTP/x b HTTP/1.1\r\nHost: a.example\r\n\r\n", []string{"a.example"}},
		"an unknown method":      {"M-SEARCH * HTTP/1.1\r\nHost: a.example\r\n\r\n", []string{"a.example"}},
		"another protocol":       {"INVITE sip:a SIP/2.0\r\nHost: not.example\r\n\r\n", nil},
		"a bad length":           {"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: -1\r\n\r\n", []string{"a.example"}},
	} {
		for _, size := range []int{1, 13, 1400, 100_000} {
			if len(c.stream) > 60_000 && size != 1400 {
				continue
			}
			d := streamed(Limits{}, []byte(c.stream), size)
			var got []string
			for _, s := range d.seen {
				got = append(got, s.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s in segments of %d: saw %q, want %q", name, size, got, c.want)
			}
		}
	}
}

func TestAHeadWithoutEndIsBounded(t *testing.T) {
	d := streamed(Limits{}, []byte("GET / HTTP/1.1\r\nHost: a.example\r\nX: "+strings.Repeat("x", maxHead+5000)), 1400)
	d.want(t, "http a.example")
	if !d.seen[0].Partial || d.Stats().Held != 0 {
		t.Errorf("%+v, %+v", d.seen[0], d.Stats())
	}
}

// After a gap the next segment that begins a request is read, and those that
// came while the gap was waited for.
func TestARequestAfterAGap(t *testing.T) {
	get := func(host string) []byte { return []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n") }
	d := newCollect(Limits{})
	d.raw(syn(client, server, isn), data(isn+1, []byte("POST / HTTP/1.1\r\nHost: a.example\r\nConte")))
	d.raw(data(isn+5000, get("b.example")))
	d.want(t)
	d.raw(data(isn+200_000, get("c.example")))
	d.want(t, "http a.example", "http b.example", "http c.example")
	d.raw(data(isn+200_000, get("c.example")), data(isn+300_000, []byte("lost")), data(isn+400_000, get("d.example")))
	d.want(t, "http a.example", "http b.example", "http c.example", "http d.example")
}

func TestAnUploadByHTTPCostsNothing(t *testing.T) {
	d := newCollect(Limits{})
	head := "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 400000000\r\n\r\n"
	d.raw(syn(client, server, isn), data(isn+1, []byte(head)))
	at := isn + 1 + uint32(len(head))
	body := data(at, make([]byte, 1400))
	if n := testing.AllocsPerRun(1000, func() {
		at += 1400
		body[24], body[25], body[26], body[27] = byte(at>>24), byte(at>>16), byte(at>>8), byte(at)
		d.Packet(Raw, body, start)
	}); n != 0 || d.Stats().Held != 0 {
		t.Errorf("%v allocations a segment, %+v", n, d.Stats())
	}
}

func TestAHelloAfterAnotherProtocolsGreeting(t *testing.T) {
	d := newCollect(Limits{})
	hello := helloFor(t, "mail.example")
	at := isn + 1
	for _, s := range []string{"EHLO client.example\r\n", "STARTTLS\r\n"} {
		d.raw(data(at, []byte(s)))
		at += uint32(len(s))
	}
	d.raw(syn(client, server, isn))
	at = isn + 1
	for _, s := range []string{"EHLO client.example\r\n", "STARTTLS\r\n"} {
		d.raw(data(at, []byte(s)))
		at += uint32(len(s))
	}
	d.raw(data(at, hello[:600]), data(at+600, hello[600:]))
	d.want(t, "tls mail.example")
}

func TestAServersWordsAreNoRequest(t *testing.T) {
	d := newCollect(Limits{})
	d.raw(syn(client, server, isn), tcp4(server, client, flagACK, 500, []byte("GET / HTTP/1.1\r\nHost: not.example\r\n\r\n")))
	d.want(t)
}

func TestARecordThatCannotBeIsNotWaitedFor(t *testing.T) {
	d := newCollect(Limits{})
	d.raw(syn(client, server, isn), data(isn+1, []byte{recordHandshake, 3, 1, 0xff, 0xff, clientHello, 0, 9}))
	d.raw(data(isn+9, helloFor(t, "www.example.org")))
	d.want(t, "tls www.example.org")
}

const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

func h2Frame(kind, flags byte, stream uint32, b []byte) []byte {
	n := len(b)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, byte(stream >> 8), byte(stream)}, b...)
}

// h2Requests is a client's side of a connection that names each host, with the
// header block spread, padded and of shared state.
func h2Requests(hosts ...string) []byte {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	stream := append([]byte(h2Preface), h2Frame(4, 0, 0, nil)...)
	for i, host := range hosts {
		block.Reset()
		for _, f := range []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":authority", Value: host}, {Name: "x-long", Value: strings.Repeat("y", 300)}} {
			_ = enc.WriteField(f)
		}
		b := block.Bytes()
		id := uint32(2*i + 1)
		half := len(b) / 2
		switch i % 3 {
		case 0:
			stream = append(stream, h2Frame(h2Headers, h2EndHeaders, id, b)...)
		case 1:
			padded := slices.Concat([]byte{7, 0, 0, 0, 0, 9}, b[:half], make([]byte, 7))
			stream = append(stream, h2Frame(h2Headers, h2Padded|h2Priority, id, padded)...)
			stream = append(stream, h2Frame(h2Continuation, h2EndHeaders, id, b[half:])...)
		case 2:
			stream = append(stream, h2Frame(h2Headers, 0, id, nil)...)
			stream = append(stream, h2Frame(h2Continuation, 0, id, b[:half])...)
			stream = append(stream, h2Frame(h2Continuation, h2EndHeaders, id, b[half:])...)
		}
		stream = append(stream, h2Frame(0, 1, id, make([]byte, 3000))...) // DATA
	}
	return stream
}

func TestHTTP2WithoutTLS(t *testing.T) {
	stream := h2Requests("a.example", "b.example:8080", "c.example", "a.example", "b.example")
	want := []string{"http a.example", "http b.example", "http c.example", "http a.example", "http b.example"}
	for _, size := range []int{1, 11, 1400, 50_000} {
		streamed(Limits{}, stream, size).want(t, want...)
	}
	upgrade := "GET / HTTP/1.1\r\nHost: up.example\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
	streamed(Limits{}, append([]byte(upgrade), stream...), 1400).want(t, append([]string{"http up.example"}, want...)...)
}

func TestHTTP2ThatCannotBeReadIsGivenUp(t *testing.T) {
	for name, tail := range map[string][]byte{
		"a bad block":           h2Frame(h2Headers, h2EndHeaders, 1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
		"padding without bytes": h2Frame(h2Headers, h2Padded|h2EndHeaders, 1, []byte{9, 1}),
		"priority cut short":    h2Frame(h2Headers, h2Priority|h2EndHeaders, 1, []byte{9}),
		"a block without end":   bytes.Repeat(h2Frame(h2Continuation, 0, 1, make([]byte, 16<<10)), 6),
		"no preface":            nil,
	} {
		stream := append([]byte(h2Preface), tail...)
		if tail == nil {
			stream = []byte("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n....")
		}
		d := streamed(Limits{}, stream, 1400)
		if len(d.seen) > 0 || d.Stats().Held != 0 {
			t.Errorf("%s: saw %q, %+v", name, d.names(), d.Stats())
		}
	}
}

// FuzzStreams holds that neither segments nor their order change what is told
// of a stream.
func FuzzStreams(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: b.example\r\n\r\n"), uint64(1))
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a.example\r\n\r\n3\r\nabc\r\n0\r\n\r\nCONNECT b.example:1 HTTP/1.1\r\n\r\n"), uint64(2))
	f.Add(h2Requests("a.example", "b.example"), uint64(3))
	f.Add(append([]byte("CONNECT a.example:443 HTTP/1.1\r\n\r\n"), helloFor(f, "www.example.org")...), uint64(4))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		if len(stream) == 0 || len(stream) > 20_000 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		type part struct{ from, to int }
		var parts []part
		for at := 0; at < len(stream); {
			n := 1 + r.IntN(len(stream)/8+1)
			parts = append(parts, part{max(0, at-r.IntN(20)), min(len(stream), at+n)})
			at += n
		}
		orderly, shuffled := newCollect(Limits{}), newCollect(Limits{})
		orderly.raw(syn(client, server, isn))
		shuffled.raw(syn(client, server, isn))
		for _, p := range parts {
			orderly.raw(data(isn+1+uint32(p.from), stream[p.from:p.to]))
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		for _, p := range parts {
			shuffled.raw(data(isn+1+uint32(p.from), stream[p.from:p.to]))
		}
		for _, d := range []*collect{orderly, shuffled} {
			d.Flush()
			for _, s := range d.seen {
				normal(t, s.Name)
			}
			if s := d.Stats(); s.Held != 0 || s.Flows != 0 {
				t.Errorf("left %+v", s)
			}
		}
		// While a stream is understood the order of its segments is nothing;
		// once it is not, whatever segment looks like a beginning is taken.
		if understood(stream) && !slices.Equal(orderly.names(), shuffled.names()) {
			t.Errorf("in order %q, shuffled %q", orderly.names(), shuffled.names())
		}
	})
}

// understood says whether one decoder follows the stream to its end.
func understood(stream []byte) bool {
	d := newCollect(Limits{})
	d.raw(syn(client, server, isn), data(isn+1, stream))
	key := keyOf(0, protoTCP, client, server)
	f := d.flows.peek(&key)
	return f.kind != watching && f.kind != settled
}
