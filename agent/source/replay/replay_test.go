package replay

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

var captured = time.Date(2026, 11, 21, 9, 0, 0, 123_456_789, time.UTC)

// frames are a question and a request for the same name, each sent twice, as
// Ethernet frames.
func frames() [][]byte {
	dns := []byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03WWW\x07example\x03org\x00\x00\x0f\x00\x01")
	udp := append([]byte{156, 64, 0, 53, 0, byte(8 + len(dns)), 0, 0}, dns...)
	http := "GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
	tcp := append([]byte{156, 64, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x18, 4, 0, 0, 0, 0, 0}, http...)
	one, two := ethernet(17, udp), ethernet(6, tcp)
	return [][]byte{one, two, one, two}
}

func ethernet(proto byte, body []byte) []byte {
	ip := append([]byte{0x45, 0, 0, byte(20 + len(body)), 0, 0, 0, 0, 64, proto, 0, 0, 192, 0, 2, 7, 192, 0, 2, 1}, body...)
	return append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}, ip...)
}

// classic writes a pcap file.
func classic(order binary.AppendByteOrder, magic, link uint32, packets ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint32(b, 0x00040002)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(order.AppendUint32(b, 65535), link)
	for _, p := range packets {
		frac := captured.Nanosecond()
		if magic != magicNano {
			frac /= 1000
		}
		b = order.AppendUint32(order.AppendUint32(b, uint32(captured.Unix())), uint32(frac))
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(p))), uint32(len(p)))
		if magic == magicModified {
			b = append(b, make([]byte, 8)...)
		}
		b = append(b, p...)
	}
	return b
}

// block writes a pcapng block.
func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	body = append(slices.Clone(body), make([]byte, -len(body)&3)...)
	size := uint32(12 + len(body))
	b := order.AppendUint32(order.AppendUint32(nil, kind), size)
	return order.AppendUint32(append(b, body...), size)
}

func section(order binary.AppendByteOrder) []byte {
	b := order.AppendUint32(nil, orderMagic)
	b = order.AppendUint16(order.AppendUint16(b, 1), 0)
	return block(order, blockSection, append(b, 255, 255, 255, 255, 255, 255, 255, 255))
}

func iface(order binary.AppendByteOrder, link uint16, options ...byte) []byte {
	b := order.AppendUint16(order.AppendUint16(nil, link), 0)
	return block(order, blockInterface, append(order.AppendUint32(b, 0), options...))
}

func enhanced(order binary.AppendByteOrder, face uint32, stamp uint64, p []byte) []byte {
	b := order.AppendUint32(nil, face)
	b = order.AppendUint32(order.AppendUint32(b, uint32(stamp>>32)), uint32(stamp))
	b = order.AppendUint32(order.AppendUint32(b, uint32(len(p))), uint32(len(p)))
	return block(order, blockPacket, append(b, p...))
}

func ng(order binary.AppendByteOrder) []byte {
	b := append(section(order), iface(order, 1)...)
	for _, p := range frames() {
		b = append(b, enhanced(order, 0, uint64(captured.UnixMicro()), p)...)
	}
	return b
}

func read(b []byte) (seen []string, sum Summary, err error) {
	sum, err = Names(bytes.NewReader(b), func(o event.Observation) {
		seen = append(seen, string(o.Via)+" "+o.Name)
	})
	return seen, sum, err
}

var (
	bothWays = []string{"dns www.example.org", "http www.example.org"}
	little   = binary.LittleEndian
	big      = binary.BigEndian
)

func TestEachNameOnceForEachWay(t *testing.T) {
	for name, b := range map[string][]byte{
		"pcap": classic(little, magicMicro, 1, frames()...), "pcap, big end first": classic(big, magicMicro, 1, frames()...),
		"pcap, nanoseconds": classic(little, magicNano, 1, frames()...), "pcap, both": classic(big, magicNano, 1, frames()...),
		"pcap, modified":                    classic(little, magicModified, 1, frames()...),
		"pcap, flags beside the link":       classic(little, magicMicro, 0x14000001, frames()...),
		"pcapng":                            ng(little),
		"pcapng, big end first":             ng(big),
		"pcapng, a section of other endian": slices.Concat(ng(big), ng(little)),
	} {
		seen, sum, err := read(b)
		if err != nil || sum.Cut || sum.Skipped > 0 || !slices.Equal(seen, bothWays) {
			t.Errorf("%s: saw %q, %+v, %v; want %q", name, seen, sum, err, bothWays)
		}
	}
}

func TestTimesInEveryUnit(t *testing.T) {
	p := frames()[0]
	micro := captured.Truncate(time.Microsecond)
	resol := func(v byte, more ...byte) []byte {
		return append([]byte{optTSResol, 0, 1, 0, v, 0, 0, 0}, more...)
	}
	one := func(options []byte, stamp uint64) []byte {
		return slices.Concat(section(little), iface(little, 1, options...), enhanced(little, 0, stamp, p))
	}
	offset := []byte{optTSOffset, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0}
	for name, c := range map[string]struct {
		file []byte
		want time.Time
	}{
		"pcap, microseconds":   {classic(little, magicMicro, 1, p), micro},
		"pcap, nanoseconds":    {classic(big, magicNano, 1, p), captured},
		"pcapng, microseconds": {one(nil, uint64(captured.UnixMicro())), micro},
		"pcapng, nanoseconds":  {one(resol(9), uint64(captured.UnixNano())), captured},
		"pcapng, seconds":      {one(resol(0), uint64(captured.Unix())), captured.Truncate(time.Second)},
		"pcapng, 1/1024 s":     {one(resol(0x80|10), uint64(captured.Unix())<<10|512), captured.Truncate(time.Second).Add(time.Second / 2)},
		"pcapng, an offset":    {one(append(resol(6), offset...), uint64(captured.UnixMicro())), micro.Add(100 * time.Second)},
		"pcapng, after an end": {one(append([]byte{optEnd, 0, 0, 0}, resol(9)...), uint64(captured.UnixMicro())), micro},
	} {
		n := 0
		if err := Frames(bytes.NewReader(c.file), func(f Frame) {
			n++
			if !f.Time.Equal(c.want) {
				t.Errorf("%s: %v, want %v", name, f.Time, c.want)
			}
		}); err != nil || n != 1 {
			t.Errorf("%s: %d packets, %v", name, n, err)
		}
	}
}

func TestSectionsInterfacesAndOlderBlocks(t *testing.T) {
	f := frames()
	raw := f[0][14:]
	simple := block(little, blockSimple, append(little.AppendUint32(nil, uint32(len(f[1]))), f[1]...))
	old := slices.Concat([]byte{1, 0, 0, 0}, make([]byte, 8), little.AppendUint32(little.AppendUint32(nil, uint32(len(raw))), uint32(len(raw))), raw)
	file := slices.Concat(
		section(little), block(little, 5, make([]byte, 20)), iface(little, 1), iface(little, 101), iface(little, 105), // 105 is Wi-Fi
		simple, block(little, blockPacketOld, old), block(little, 0x0bad, []byte("anything")),
		enhanced(little, 2, 0, f[0]),
		section(big), iface(big, 101), enhanced(big, 0, 0, raw),
	)
	seen, sum, err := read(file)
	if err != nil || !slices.Equal(seen, []string{"http www.example.org", "dns www.example.org"}) || sum.Packets != 4 || sum.Skipped != 1 {
		t.Errorf("saw %q, %+v, %v", seen, sum, err)
	}
}

func TestACaptureThatEndsInTheMiddleTellsWhatItHas(t *testing.T) {
	for name, b := range map[string][]byte{"pcap": classic(little, magicMicro, 1, frames()...), "pcapng": ng(big)} {
		for cut := 1; cut < 60; cut++ {
			seen, sum, err := read(b[:len(b)-cut])
			if err != nil || !sum.Cut || sum.Packets != 3 || !slices.Equal(seen, bothWays) {
				t.Fatalf("%s without its last %d bytes: saw %q, %+v, %v", name, cut, seen, sum, err)
			}
		}
	}
}

func TestAFileThatIsNoCaptureOrDamaged(t *testing.T) {
	huge := classic(little, magicMicro, 1, frames()[0])
	little.PutUint32(huge[32:], maxFrame+1)
	for name, b := range map[string]string{
		"empty": "", "short": "ab", "text": "1795302901.123 245 192.0.2.7 TCP_TUNNEL/200 5120\n",
		"half a header":                "\xd4\xc3\xb2\xa1\x02\x00",
		"a length that cannot be":      string(huge),
		"a byte order that is neither": "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x01\x02\x03\x04",
		"a block of no length":         string(section(little)) + "\x06\x00\x00\x00\x04\x00\x00\x00",
		"a block of odd length":        string(section(little)) + "\x06\x00\x00\x00\x0d\x00\x00\x00",
		"an interface never described": string(section(little)) + string(enhanced(little, 3, 0, frames()[0])),
		"a packet longer than a block": string(section(little)) + string(iface(little, 1)) + string(block(little, blockPacket, append(make([]byte, 12), 255, 0, 0, 0, 255, 0, 0, 0))),
	} {
		if seen, _, err := read([]byte(b)); err == nil || len(seen) > 0 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: saw %q, error %v; want an error of one line", name, seen, err)
		}
	}
}

// wanted is what each capture's clients were told to visit: testdata/lab/capture.sh.
var wanted = map[string][]string{
	"chromium":     {"dns chromium.lab.example", "tls chromium.lab.example"},
	"chromiumquic": {"dns chromiumquic.lab.example", "quic chromiumquic.lab.example"},
	"firefox":      {"dns firefox.lab.example", "tls firefox.lab.example"},
	"go":           {"dns go4.lab.example", "tls go4.lab.example", "dns go-again.lab.example", "tls go-again.lab.example"},
	"openssl":      {"tls openssl12.lab.example", "tls openssl13.lab.example"},
	"dig": {
		"dns dig.lab.example", "dns dig6.lab.example", "dns digtcp.lab.example", "dns alias.lab.example",
		"dns tcpone.lab.example", "dns tcptwo.lab.example", "dns gone.lab.example",
	},
	"curl": {
		"dns curl4.lab.example", "tls curl4.lab.example", "tls curl6.lab.example", "dns curlplain.lab.example", "http curlplain.lab.example",
		"dns curlh2c.lab.example", "http curlh2c.lab.example", "dns curlup.lab.example", "http curlup.lab.example",
		"http curlproxied.lab.example", "tls curlproxied.lab.example", "http curlabsolute.lab.example",
	},
	"quicgo": {
		"quic quicv1.lab.example", "quic quicv2.lab.example", "quic quicretry.lab.example",
		"quic shared1.lab.example", "quic shared2.lab.example", "quic shared3.lab.example",
	},
	"pipeline": {"http pipe1.lab.example", "http pipe2.lab.example", "http pipe3.lab.example", "http pipe4.lab.example", "http pipe5.lab.example"},
}

func TestEveryNameThatRealClientsVisited(t *testing.T) {
	for client, want := range wanted {
		b, err := os.ReadFile(filepath.Join("testdata", client+".pcap"))
		if err != nil {
			t.Fatal(err)
		}
		seen, sum, err := read(b)
		if err != nil || sum.Cut || sum.Stats.Dropped+sum.Stats.Evicted+sum.Stats.Fragments > 0 {
			t.Errorf("%s: %+v, %v", client, sum, err)
		}
		for _, name := range want {
			if !slices.Contains(seen, name) {
				t.Errorf("%s: %q is not among %q", client, name, seen)
			}
		}
	}
}

// A browser's ECH is for show, and none of these names is a cover.
func TestARealClientsECHHidesNothing(t *testing.T) {
	for client := range wanted {
		f, err := os.Open(filepath.Join("testdata", client+".pcap"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode(f, decode.Hooks{
			Name: func(s *decode.Sighting) {
				if s.Outer || s.Partial {
					t.Errorf("%s: %+v", client, *s)
				}
			},
			Fact: func(x *decode.Fact) {
				if x.What != decode.NoName {
					t.Errorf("%s: %+v", client, *x)
				}
			},
		})
		if f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A name that comes again after a Retry, a handshake's second flight or a
// kept connection is told as often as it was visited.
func TestNoVisitIsToldTwice(t *testing.T) {
	for _, client := range []string{"quicgo", "go", "openssl", "chromiumquic"} {
		f, err := os.Open(filepath.Join("testdata", client+".pcap"))
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]int{}
		_, err = Decode(f, decode.Hooks{Name: func(s *decode.Sighting) {
			if s.Via != event.ViaDNS {
				told[string(s.Via)+" "+s.Name+" "+s.Client.String()]++
			}
		}})
		f.Close()
		if err != nil || len(told) == 0 {
			t.Errorf("%s: %v, told %v", client, err, told)
		}
		for what, n := range told {
			if n != 1 {
				t.Errorf("%s: %s told %d times", client, what, n)
			}
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(classic(little, magicMicro, 1, frames()...))
	f.Add(classic(big, magicNano, 113, frames()[0]))
	f.Add(ng(little))
	f.Add(slices.Concat(ng(big), section(little), iface(little, 1, optTSResol, 0, 1, 0, 0xff, 0, 0, 0), enhanced(little, 0, 1<<63, frames()[1])))
	for client := range wanted {
		if b, err := os.ReadFile(filepath.Join("testdata", client+".pcap")); err == nil {
			f.Add(b[:min(len(b), 4000)])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, sum, err := read(b)
		if sum.Stats.Held != 0 || sum.Stats.Flows != 0 {
			t.Errorf("left %+v, %v", sum, err)
		}
	})
}
