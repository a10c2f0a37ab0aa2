package decode

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// message packs an answer to a question for name.
func answerTo(t testing.TB, name string, code dnsmessage.RCode, bodies ...dnsmessage.ResourceBody) []byte {
	t.Helper()
	n := dnsmessage.MustNewName(name)
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true, RCode: code},
		Questions: []dnsmessage.Question{{Name: n, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	for _, b := range bodies {
		h := dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET, TTL: 60}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: b})
		if alias, ok := b.(*dnsmessage.CNAMEResource); ok {
			n = alias.CNAME
		}
	}
	opt := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: 1232}
	_ = opt.SetEDNS0(1232, code, true)
	m.Additionals = append(m.Additionals, dnsmessage.Resource{Header: opt, Body: &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: 10, Data: make([]byte, 8)}}}})
	return pack(t, m)
}

func TestG10AnswersThatLeadNowhere(t *testing.T) {
	a := func(s string) dnsmessage.ResourceBody {
		return &dnsmessage.AResource{A: netip.MustParseAddr(s).As4()}
	}
	null6, loop6 := &dnsmessage.AAAAResource{}, &dnsmessage.AAAAResource{AAAA: netip.IPv6Loopback().As16()}
	for name, c := range map[string]struct {
		msg   []byte
		rcode uint8
		sunk  bool
		given int
	}{
		"an address":         {answerTo(t, "www.example.org.", 0, a("198.51.100.4")), 0, false, 1},
		"no such name":       {answerTo(t, "www.example.org.", dnsmessage.RCodeNameError), 3, false, 0},
		"refused":            {answerTo(t, "www.example.org.", dnsmessage.RCodeRefused), 5, false, 0},
		"0.0.0.0":            {answerTo(t, "www.example.org.", 0, a("0.0.0.0")), 0, true, 1},
		"loopback":           {answerTo(t, "www.example.org.", 0, a("127.0.0.1"), loop6), 0, true, 2},
		"the null address":   {answerTo(t, "www.example.org.", 0, null6), 0, true, 1},
		"one of them serves": {answerTo(t, "www.example.org.", 0, null6, a("198.51.100.4")), 0, false, 2},
		"no address at all":  {answerTo(t, "www.example.org.", 0), 0, false, 0},
	} {
		d := newCollect(Limits{})
		d.raw(udp4(resolver, asker, c.msg))
		d.want(t, "dns www.example.org")
		if s := d.seen[0]; s.RCode != c.rcode || s.Sunk != c.sunk || len(s.Answers) != c.given || s.Partial {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestAChainOfAliases(t *testing.T) {
	alias := func(s string) dnsmessage.ResourceBody {
		return &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(s)}
	}
	d := newCollect(Limits{})
	d.raw(udp4(resolver, asker, answerTo(t, "www.example.org.", 0, alias("WWW.Edge.example.net."), alias("a1.cdn.example."), &dnsmessage.AResource{A: [4]byte{198, 51, 100, 4}})))
	d.want(t, "dns www.example.org")
	if s := d.seen[0]; !slices.Equal(s.Aliases, []string{"www.edge.example.net", "a1.cdn.example"}) || len(s.Answers) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestNamesThatPointInCircles(t *testing.T) {
	head := []byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	tail := "\x00\x01\x00\x01"
	long := strings.Repeat("\x01a", 130)
	for name, c := range map[string]struct {
		question string
		want     bool
	}{
		"to itself":               {"\xc0\x0c", false},
		"to its own label":        {"\x01a\xc0\x0c", false},
		"forward":                 {"\xc0\x20", false},
		"into the header":         {"\x03www\x07example\xc0\x02", false},
		"over the end":            {"\x3fwww", false},
		"a label of another kind": {"\x80www\x00", false},
		"too long in all":         {long + "\x00", false},
		"the root":                {"\x00", false},
		"a dot within a label":    {"\x03a.b\x00", false},
		"a plain name":            {"\x03www\x07example\x00", true},
	} {
		d := newCollect(Limits{})
		d.raw(udp4(asker, resolver, slices.Concat(head, []byte(c.question), []byte(tail))))
		if got := len(d.seen) == 1; got != c.want {
			t.Errorf("%s: saw %q", name, d.names())
		}
	}
	d := newCollect(Limits{}) // two records whose names point at each other
	msg := slices.Concat(dnsQuestion(t, "www.example.org.", 1), []byte("\xc0\x24\x00\x05\x00\x01\x00\x00\x00\x00\x00\x02\xc0\x2d"))
	msg[2], msg[7] = 0x80, 1
	d.raw(udp4(resolver, asker, msg))
	d.want(t, "dns www.example.org")
	if len(d.seen[0].Aliases) > 0 {
		t.Errorf("aliases %q", d.seen[0].Aliases)
	}
}

func TestAnAnswerCutToFit(t *testing.T) {
	msg := answerTo(t, "www.example.org.", 0)
	msg[2] |= 2
	d := newCollect(Limits{})
	d.raw(udp4(resolver, asker, msg[:33]))
	d.want(t, "dns www.example.org")
	if s := d.seen[0]; !s.Truncated || s.Partial {
		t.Errorf("%+v", s)
	}
}

func TestResolversBesidePort53(t *testing.T) {
	query := dnsQuestion(t, "www.example.org.", dnsmessage.TypeA)
	for port, want := range map[uint16]int{53: 1, 5335: 1, 9953: 1, 5353: 0, 5355: 0, 137: 0, 4000: 0} {
		d := newCollect(Limits{})
		d.raw(udp4(asker, addrPort(resolver, port), query))
		if len(d.seen) != want {
			t.Errorf("port %d: saw %q, want %d names", port, d.names(), want)
		}
	}
	d := newCollect(Limits{}) // what is not DNS's own port must look the more like it
	odd := slices.Clone(query)
	odd[2] = 0x28
	d.raw(udp4(asker, addrPort(resolver, 5335), odd))
	d.want(t)
	for _, p := range DNSPorts {
		if !isDNSPort(p) {
			t.Errorf("port %d is listed and not read", p)
		}
	}
}

func TestAHelloOnDNSsPortIsRead(t *testing.T) {
	d := newCollect(Limits{})
	hello := helloFor(t, "tunnel.example")
	d.raw(syn(asker, resolver, isn), tcp4(asker, resolver, flagACK, isn+1, hello))
	d.raw(udp4(asker, resolver, initialA(0, cryptoFrame(0, quicHello(t, "quic.example")))))
	other := addrPort(asker, 50)
	d.raw(syn(other, resolver, isn), tcp4(other, resolver, flagACK, isn+1, []byte("GET / HTTP/1.1\r\nHost: web.example\r\n\r\n")))
	d.want(t, "tls tunnel.example", "quic quic.example", "http web.example")
}

func TestANameIsNormalOnceAndForAll(t *testing.T) {
	d := newCollect(Limits{})
	for range 2 {
		for raw, want := range map[string]string{
			"WWW.Example.ORG": "www.example.org", "www.example.org.": "www.example.org", "bücher.example": "xn--bcher-kva.example",
			"": "", "not a name": "", "-.-": "-.-", "a..b": "",
		} {
			if got, ok := d.Decoder.names.normal([]byte(raw)); got != want || ok != (want != "") {
				t.Errorf("%q is %q, %v; want %q", raw, got, ok, want)
			}
		}
	}
}
