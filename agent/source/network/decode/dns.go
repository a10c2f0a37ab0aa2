package decode

import (
	"encoding/binary"
	"net/netip"

	"safelight/internal/event"
)

// The question types that a visit makes.
const (
	TypeA     = uint16(1)
	TypeAAAA  = uint16(28)
	TypeHTTPS = uint16(65)

	typeCNAME = 5
	typeSVCB  = 64
	classIN   = 1
)

const dnsPort = 53

// DNSPorts are the ports at which messages are read as DNS: DNS's own, and
// those at which resolvers commonly listen beside it. mDNS and LLMNR are not
// among them: they ask neighbours, and visit nothing.
var DNSPorts = []uint16{dnsPort, 1053, 5053, 5054, 5335, 9953}

func isDNSPort(port uint16) bool {
	switch port {
	case dnsPort, 1053, 5053, 5054, 5335, 9953:
		return true
	}
	return false
}

// maxQuestions and maxRecords bound the work one message can ask for. Real
// messages have one question and a handful of addresses.
const (
	maxQuestions = 8
	maxRecords   = 64
	dnsHeader    = 12
)

// dnsScratch is the room that reading a message needs.
type dnsScratch struct {
	name    [256]byte
	answers []netip.Addr
	aliases []string
	asked   [maxQuestions]question
}

type question struct {
	name string
	kind uint16
}

// message reads one DNS message and tells its questions, in order. A message
// that is cut after its questions (a fragment, a short capture) still tells
// them. It returns false for what is no DNS message.
func (d *Decoder) message(msg []byte, p *packet, proto string) bool {
	if len(msg) < dnsHeader {
		return false
	}
	response := msg[2]&0x80 != 0
	questions := int(binary.BigEndian.Uint16(msg[4:]))
	if questions == 0 {
		return false
	}
	if opcode := msg[2] >> 3 & 0xf; !wellKnown(p) && (opcode != 0 || msg[3]&0x40 != 0 || questions != 1) {
		return false
	}
	n, at, whole := d.questions(msg, questions)
	if n == 0 {
		return whole
	}
	s := &d.s
	*s = Sighting{Time: p.at, Key: p.key, Via: event.ViaDNS, Proto: proto, Client: p.src, Server: p.dst, Partial: !whole}
	if response {
		s.Response, s.RCode, s.Truncated = true, msg[3]&0xf, msg[2]&2 != 0
		if isDNSPort(p.src.Port()) {
			s.Client, s.Server = p.dst, p.src
		}
		if whole && questions == 1 {
			d.records(msg, at, int(binary.BigEndian.Uint16(msg[6:])), s)
		}
	}
	for i := range n {
		s.Name, s.Type = d.dns.asked[i].name, d.dns.asked[i].kind
		d.hooks.Name(s)
	}
	return true
}

// wellKnown says whether one end of p is DNS's own port, so that doubt counts
// for the message.
func wellKnown(p *packet) bool { return p.src.Port() == dnsPort || p.dst.Port() == dnsPort }

// questions reads up to count questions. n is how many name a host, at is
// where they end, and whole says that all were there.
func (d *Decoder) questions(msg []byte, count int) (n, at int, whole bool) {
	at = dnsHeader
	for range min(count, maxQuestions) {
		name, next, ok := readName(msg, at, d.dns.name[:0])
		if !ok || next+4 > len(msg) {
			return n, at, false
		}
		kind, class := binary.BigEndian.Uint16(msg[next:]), binary.BigEndian.Uint16(msg[next+2:])&0x7fff
		at = next + 4
		if class == 0 || class > 4 && class < 254 {
			return n, at, false
		}
		if host, ok := d.names.normal(name); ok {
			d.dns.asked[n] = question{host, kind}
			n++
		}
	}
	return n, at, true
}

// records collects what count records from at on say of the one question.
func (d *Decoder) records(msg []byte, at, count int, s *Sighting) {
	answers, aliases := d.dns.answers[:0], d.dns.aliases[:0]
	for range min(count, maxRecords) {
		next, ok := skipName(msg, at)
		if !ok || next+10 > len(msg) {
			break
		}
		kind, size := binary.BigEndian.Uint16(msg[next:]), int(binary.BigEndian.Uint16(msg[next+8:]))
		at = next + 10
		if at+size > len(msg) {
			break
		}
		data := msg[at : at+size]
		switch {
		case kind == TypeA && size == 4:
			answers = append(answers, netip.AddrFrom4([4]byte(data)))
		case kind == TypeAAAA && size == 16:
			answers = append(answers, netip.AddrFrom16([16]byte(data)))
		case kind == typeCNAME:
			if alias, _, ok := readName(msg, at, d.dns.name[:0]); ok {
				if host, ok := d.names.normal(alias); ok {
					aliases = append(aliases, host)
				}
			}
		case kind == TypeHTTPS || kind == typeSVCB:
			answers = d.service(msg[:at+size], at, answers)
		}
		at += size
	}
	d.dns.answers, d.dns.aliases = answers, aliases
	s.Answers, s.Aliases, s.Sunk = answers, aliases, sunk(answers)
}

// service reads an HTTPS or SVCB record at at, to the message's end: the
// addresses it hints at, and the names that its ECH hides others behind.
func (d *Decoder) service(msg []byte, at int, answers []netip.Addr) []netip.Addr {
	if at+2 > len(msg) {
		return answers
	}
	next, ok := skipName(msg, at+2)
	if !ok {
		return answers
	}
	svcParams(msg[next:], func(key uint16, value []byte) {
		switch key {
		case svcParamIPv4:
			for ; len(value) >= 4; value = value[4:] {
				answers = append(answers, netip.AddrFrom4([4]byte(value)))
			}
		case svcParamIPv6:
			for ; len(value) >= 16; value = value[16:] {
				answers = append(answers, netip.AddrFrom16([16]byte(value)))
			}
		case svcParamECH:
			publicNamesOf(value, func(raw []byte) {
				if name, ok := d.names.normal(raw); ok {
					d.public.learn(name)
				}
			})
		}
	})
	return answers[:min(len(answers), 4*maxRecords)]
}

// sunk says whether nothing answers at any of the addresses given.
func sunk(answers []netip.Addr) bool {
	for _, a := range answers {
		if !a.IsUnspecified() && !a.IsLoopback() {
			return false
		}
	}
	return len(answers) > 0
}

// readName reads the name at at into buf, as text without a final dot, and
// returns where what follows it begins. A pointer must point before the part
// that it stands in, so none can be followed twice (RFC 1035, 4.1.4).
func readName(msg []byte, at int, buf []byte) (name []byte, next int, ok bool) {
	next = -1
	for lowest := at; ; {
		if at >= len(msg) {
			return nil, 0, false
		}
		switch n := int(msg[at]); {
		case n == 0:
			if next < 0 {
				next = at + 1
			}
			return buf, next, true
		case n >= 0xc0:
			if at+1 >= len(msg) {
				return nil, 0, false
			}
			to := n&0x3f<<8 | int(msg[at+1])
			if next < 0 {
				next = at + 2
			}
			if to >= lowest {
				return nil, 0, false
			}
			at, lowest = to, to
		case n > 63 || at+1+n > len(msg) || len(buf)+1+n > 254:
			return nil, 0, false
		default:
			if len(buf) > 0 {
				buf = append(buf, '.')
			}
			for _, c := range msg[at+1 : at+1+n] {
				if c == '.' { // would read as two labels
					c = 0
				}
				buf = append(buf, c)
			}
			at += 1 + n
		}
	}
}

// skipName returns where what follows the name at at begins.
func skipName(msg []byte, at int) (int, bool) {
	for at < len(msg) {
		switch n := int(msg[at]); {
		case n == 0:
			return at + 1, true
		case n >= 0xc0:
			return at + 2, true
		case n > 63:
			return 0, false
		default:
			at += 1 + n
		}
	}
	return 0, false
}

// takeMessages hands the stream's next bytes to the messages being gathered,
// each behind its length (RFC 1035, 4.2.2).
func (d *Decoder) takeMessages(f *flow, b []byte) {
	if f.work != nil && len(f.work.buf) > 0 {
		f.work.buf = append(f.work.buf, b...)
		b = f.work.buf
	}
	p := &packet{key: f.sock, at: f.seen, src: f.client, dst: f.server}
	for len(b) >= 2 {
		n := int(b[0])<<8 | int(b[1])
		if n < dnsHeader {
			d.settle(f)
			return
		}
		if len(b) < 2+n {
			break
		}
		if !d.message(b[2:2+n], p, TCP) {
			d.settle(f)
			return
		}
		b = b[2+n:]
	}
	if len(b) > 0 || f.work != nil {
		w := d.flows.working(f)
		w.buf = append(w.buf[:0], b...)
	}
}
