package filter

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

var (
	ours   = []byte{2, 0, 0, 0, 0, 7}
	theirs = []byte{2, 0, 0, 0, 0, 9}
	others = []byte{2, 0, 0, 0, 0, 11}
	all    = []byte{0x01, 0, 0x5e, 0, 0, 0xfb} // multicast
)

// frame is an Ethernet frame.
func frame(dst, src []byte, packet []byte) []byte {
	b := append(append([]byte{}, dst...), src...)
	kind := uint16(0x0800)
	if packet[0]>>4 == 6 {
		kind = 0x86dd
	}
	return append(binary.BigEndian.AppendUint16(b, kind), packet...)
}

// packet is an IP packet of version 4 (with options, so that its header's length
// counts) or 6.
func packet(version int, proto byte, transport []byte) []byte {
	if version == 4 {
		b := make([]byte, 24)
		b[0], b[9] = 0x46, proto
		binary.BigEndian.PutUint16(b[2:], uint16(24+len(transport)))
		copy(b[12:], netip.MustParseAddr("192.0.2.7").AsSlice())
		return slices.Concat(b, transport)
	}
	b := make([]byte, 40)
	b[0], b[6] = 0x60, proto
	binary.BigEndian.PutUint16(b[4:], uint16(len(transport)))
	return slices.Concat(b, transport)
}

func segment(from, to uint16, flags byte, payload string) []byte {
	b := make([]byte, 24) // with an option
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	b[12], b[13] = 6<<4, flags
	return slices.Concat(b, []byte(payload))
}

func datagram(from, to uint16, payload string) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	return slices.Concat(b, []byte(payload))
}

func run(t *testing.T, raw []bpf.RawInstruction, err error, b []byte) bool {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	program, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program holds instructions that nobody knows")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

const (
	fin, syn, rst, psh, ack = 0x01, 0x02, 0x04, 0x08, 0x10
)

// What passes by the way it goes: sent is let through when outgoing, received
// when incoming.
var rules = []struct {
	what           string
	proto          byte
	transport      []byte
	sent, received bool
}{
	{"a question to DNS", udp, datagram(40000, 53, "question"), true, true},
	{"an answer of DNS", udp, datagram(53, 40000, "answer"), true, true},
	{"DNS over TCP", tcp, segment(53, 40000, ack, "answer"), true, true},
	{"a connection's beginning", tcp, segment(40000, 443, syn, ""), true, true},
	{"a connection's refusal", tcp, segment(443, 40000, rst|ack, ""), true, true},
	{"a ClientHello", tcp, segment(40000, 443, psh|ack, "\x16\x03\x01hello"), true, false},
	{"a request", tcp, segment(40000, 80, psh|ack, "GET / HTTP/1.1\r\n"), true, false},
	{"an acknowledgement", tcp, segment(40000, 443, ack, ""), false, false},
	{"an end", tcp, segment(40000, 443, fin|ack, ""), false, false},
	{"the midst of a transfer", tcp, segment(40000, 443, ack, string(make([]byte, 1400))), false, false},
	{"the end of a transfer", tcp, segment(40000, 443, psh|ack, string(make([]byte, 1400))), true, false},
	{"a long ClientHello", tcp, segment(40000, 443, ack, "\x16"+string(make([]byte, 1400))), true, false},
	{"a long request", tcp, segment(40000, 80, ack, "P"+string(make([]byte, 1400))), true, false},
	{"a QUIC Initial", udp, datagram(40000, 443, "\xc3\x00\x00\x00\x01 initial"), true, false},
	{"a QUIC Initial at another port", udp, datagram(40000, 8443, "\xc3\x00\x00\x00\x01 initial"), true, false},
	{"QUIC's data", udp, datagram(40000, 443, "\x43 more than enough"), false, false},
	{"WireGuard's first word", udp, datagram(40000, 51820, "\x01\x00\x00\x00 handshake"), true, false},
	{"somebody's game", udp, datagram(40000, 27015, "any other datagram"), false, false},
	{"a datagram too short", udp, datagram(40000, 443, "\xc3"), false, false},
}

func TestTheSameRulesHoldOnEveryKindOfInterface(t *testing.T) {
	for _, version := range []int{4, 6} {
		for _, c := range rules {
			b := packet(version, c.proto, c.transport)
			raw, err := Ethernet(ours)
			if got := run(t, raw, err, frame(theirs, ours, b)); got != c.sent {
				t.Errorf("IPv%d: %s, sent: %v, want %v", version, c.what, got, c.sent)
			}
			if got := run(t, raw, err, frame(ours, theirs, b)); got != c.received {
				t.Errorf("IPv%d: %s, received: %v, want %v", version, c.what, got, c.received)
			}
			for _, header := range []int{0, 4} {
				raw, err := Bare(header)
				if got := run(t, raw, err, append(make([]byte, header), b...)); got != c.sent {
					t.Errorf("IPv%d: %s behind %d bytes: %v, want %v", version, c.what, header, got, c.sent)
				}
			}
		}
	}
}

// A card that somebody else made promiscuous, and a hotspot's clients.
func TestG11FramesOfOtherHostsAreDroppedInTheKernel(t *testing.T) {
	for _, version := range []int{4, 6} {
		b := packet(version, udp, datagram(40000, 53, "question"))
		raw, err := Ethernet(ours)
		for what, f := range map[string][]byte{
			"from one stranger to another": frame(others, theirs, b),
			"to everybody":                 frame(all, theirs, b),
			"tagged":                       append(append([]byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7, 0x81, 0, 0, 5, 8, 0}, b...), 0),
			"no IP":                        append([]byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7, 8, 6}, b...),
		} {
			if run(t, raw, err, f) {
				t.Errorf("IPv%d: a frame %s was let through", version, what)
			}
		}
		raw, err = Ethernet(nil)
		if !run(t, raw, err, frame(others, theirs, b)) {
			t.Errorf("IPv%d: without an address to tell by, nothing is seen at all", version)
		}
	}
}

// Later fragments carry no ports, and what stands there in their place must not
// be taken for some.
func TestALaterFragmentIsDropped(t *testing.T) {
	b := packet(4, udp, datagram(40000, 53, "question"))
	b[7] = 185
	raw, err := Bare(0)
	if run(t, raw, err, b) {
		t.Error("a later fragment was let through")
	}
}

func TestAPacketWithoutALengthIsMeasured(t *testing.T) {
	for _, version := range []int{4, 6} {
		for payload, want := range map[string]bool{"\x16hello": true, "": false} {
			b := packet(version, tcp, segment(40000, 443, psh|ack, payload))
			at := map[int]int{4: 2, 6: 4}[version]
			b[at], b[at+1] = 0, 0 // as segmentation offload leaves it
			raw, err := Ethernet(ours)
			if got := run(t, raw, err, frame(theirs, ours, b)); got != want {
				t.Errorf("IPv%d with %q: %v, want %v", version, payload, got, want)
			}
		}
	}
}

// The programs' jumps are told in a byte.
func TestThePacketFilterIsShortEnough(t *testing.T) {
	for name, program := range map[string]func() ([]bpf.RawInstruction, error){
		"cooked":   Cooked,
		"Ethernet": func() ([]bpf.RawInstruction, error) { return Ethernet(ours) },
		"bare":     func() ([]bpf.RawInstruction, error) { return Bare(4) },
	} {
		if raw, err := program(); err != nil || len(raw) > 255 {
			t.Errorf("%s: %d instructions, %v", name, len(raw), err)
		}
	}
}
