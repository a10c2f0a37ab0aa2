package selfcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

const quicName = "quic.0123." + Domain

// overheard is what our own decoder reads of a client's datagrams.
func overheard(datagrams [][]byte) (seen []string) {
	d := decode.New(decode.Limits{}, decode.Hooks{Name: func(s *decode.Sighting) { seen = append(seen, string(s.Via)+" "+s.Name) }})
	for i, b := range datagrams {
		d.Payload(&decode.Chunk{
			Client: netip.MustParseAddrPort("192.0.2.7:50000"), Server: netip.MustParseAddrPort("198.51.100.9:443"),
			Proto: decode.UDP, Data: b, At: time.Unix(int64(i), 0),
		})
	}
	d.Flush()
	return seen
}

func TestOurDecoderReadsTheNameThatIsSaidOverQUIC(t *testing.T) {
	datagrams, err := quicDatagrams(t.Context(), quicName)
	must(t, err)
	for i, b := range datagrams {
		if len(b) != quicSize {
			t.Errorf("datagram %d has %d bytes; a server drops a client's Initial under %d", i, len(b), quicSize)
		}
	}
	if got := overheard(datagrams); len(got) != 1 || got[0] != string(event.ViaQUIC)+" "+quicName {
		t.Errorf("read %q of %d datagrams", got, len(datagrams))
	}
	if len(datagrams) < 3 {
		t.Errorf("the hello fits one datagram, and a browser's does not: what puts it together is not tried")
	}
}

// TestAQUICServerTakesItForAClient: what only our decoder reads would prove
// nothing of browsers.
func TestAQUICServerTakesItForAClient(t *testing.T) {
	said := make(chan *tls.ClientHelloInfo, 1)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // a test's own
	must(t, err)
	defer packets.Close()
	server := &quic.Transport{Conn: packets}
	defer server.Close() // it waits for what it started, as a listener alone does not
	l, err := server.Listen(&tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			said <- hello
			return nil, errors.New("this test wants no more of it")
		},
	}, nil)
	must(t, err)
	defer l.Close()
	must(t, connect(t.Context(), l.Addr().String(), quicName))
	select {
	case hello := <-said:
		if hello.ServerName != quicName || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != "h3" {
			t.Errorf("the server reads %q, %q", hello.ServerName, hello.SupportedProtos)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server took it for nothing")
	}
}

// TestQUICGoesToTheCollectorsHostAndIsThreeDatagrams, as docs/it-guide.md says to who
// keeps the firewall: no other port is knocked at, and nothing more is sent.
func TestQUICGoesToTheCollectorsHostAndIsThreeDatagrams(t *testing.T) {
	const host = "127.0.8.43" // no other test's, and of the addresses that stay on this machine

	l, err := net.ListenPacket("udp", net.JoinHostPort(host, quicPort)) //nolint:noctx // a test's own
	if err != nil {
		t.Skipf("SKIPPED: listening at UDP port 443 needs root, and Linux: %v", err)
	}
	defer l.Close()
	must(t, connectFar(t.Context(), net.JoinHostPort(host, "7443"), quicName))
	must(t, l.SetReadDeadline(time.Now().Add(200*time.Millisecond))) // on loopback all are here by now
	var got [][]byte
	for {
		b := make([]byte, 2*quicSize)
		n, _, err := l.ReadFrom(b)
		if err != nil {
			break
		}
		got = append(got, b[:n])
	}
	if seen := overheard(got); len(got) != 3 || len(seen) != 1 || seen[0] != string(event.ViaQUIC)+" "+quicName {
		t.Errorf("%d datagrams, of which %q is read", len(got), seen)
	}
}

// Where nobody listens the second datagram meets the refusal of the first.
func TestQUICWhereNobodyListensWasSentWhole(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // a test's own
	must(t, err)
	address := l.LocalAddr().String()
	must(t, l.Close())
	must(t, connect(t.Context(), address, quicName))
	must(t, connectHere(t.Context(), quicName))
}

func TestQUICThatCannotBeSentSaysSo(t *testing.T) {
	for _, address := range []string{"no port", "[::1"} {
		if err := connectFar(t.Context(), address, quicName); err == nil {
			t.Errorf("%q: it was sent", address)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := connect(ended, "127.0.0.1:9", quicName); !errors.Is(err, context.Canceled) {
		t.Errorf("a check that is over: %v", err)
	}
}
