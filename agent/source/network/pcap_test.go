package network

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"safelight/internal/event"
)

// frames are a question and a request for the same name, each sent twice.
func frames(t *testing.T) [][]byte {
	t.Helper()
	ip := layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: []byte{192, 0, 2, 7}, DstIP: []byte{192, 0, 2, 1}}
	udp := layers.UDP{SrcPort: 40000, DstPort: 53}
	dns := layers.DNS{RD: true, Questions: []layers.DNSQuestion{{Name: []byte("WWW.example.org"), Type: layers.DNSTypeMX, Class: layers.DNSClassIN}}}
	ipTCP := ip
	ipTCP.Protocol = layers.IPProtocolTCP
	tcp := layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 1, ACK: true, Window: 1024}
	ether := layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	one := serial(t, &ether, &ip, &udp, &dns)
	two := serial(t, &ether, &ipTCP, &tcp, gopacket.Payload("GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"))
	return [][]byte{one, two, one, two}
}

func serial(t *testing.T, parts ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, parts...); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(buf.Bytes())
}

var captured = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func classicCapture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames(t) {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: captured, CaptureLength: len(f), Length: len(f)}, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func ngCapture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames(t) {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: captured, CaptureLength: len(f), Length: len(f)}, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (seen []string, err error) {
	err = ReadPcap(bytes.NewReader(b), func(o event.Observation) {
		seen = append(seen, string(o.Via)+" "+o.Name)
	})
	return seen, err
}

var bothWays = []string{"dns www.example.org", "http www.example.org"}

func TestEachNameOnceForEachWay(t *testing.T) {
	for name, b := range map[string][]byte{"pcap": classicCapture(t), "pcapng": ngCapture(t)} {
		seen, err := read(b)
		if err != nil || !slices.Equal(seen, bothWays) {
			t.Errorf("%s: saw %q, %v; want %q", name, seen, err, bothWays)
		}
	}
}

func TestACaptureThatEndsInTheMiddleTellsWhatItHas(t *testing.T) {
	for name, b := range map[string][]byte{"pcap": classicCapture(t), "pcapng": ngCapture(t)} {
		for _, cut := range []int{1, 5, 40} {
			seen, err := read(b[:len(b)-cut])
			if err == nil || !strings.Contains(err.Error(), "packet 4") {
				t.Errorf("%s without its last %d bytes: %v; want an error that names packet 4", name, cut, err)
			}
			if !slices.Equal(seen, bothWays) {
				t.Errorf("%s without its last %d bytes: saw %q", name, cut, seen)
			}
		}
	}
}

func TestAFileThatIsNoCapture(t *testing.T) {
	for name, b := range map[string]string{
		"empty": "", "short": "ab", "text": "1795302901.123 245 192.0.2.7 TCP_TUNNEL/200 5120\n", "a header of pcapng alone": "\x0a\x0d\x0d\x0a",
	} {
		if seen, err := read([]byte(b)); err == nil || len(seen) > 0 {
			t.Errorf("%s: saw %q, error %v; want an error", name, seen, err)
		}
	}
}

func FuzzReadPcap(f *testing.F) {
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00"))
	f.Add([]byte("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = read(b) })
}
