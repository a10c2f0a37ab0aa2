package network

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"safelight/agent/source"
	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

func (s *sink) next(t *testing.T) event.Observation {
	t.Helper()
	select {
	case o := <-s.got:
		return o
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was seen for 10 s")
	}
	return event.Observation{}
}

func (s *sink) nothing(t *testing.T) {
	t.Helper()
	select {
	case o := <-s.got:
		t.Errorf("saw %s via %s besides", o.Name, o.Via)
	default:
	}
}

// split writes the first of what it is given in two halves.
type split struct {
	net.Conn
	done bool
}

func (s *split) Write(b []byte) (int, error) {
	if s.done {
		return s.Conn.Write(b)
	}
	s.done = true
	n, err := s.Conn.Write(b[:len(b)/2])
	if err != nil {
		return n, err
	}
	m, err := s.Conn.Write(b[len(b)/2:])
	return n + m, err
}

func tlsServer(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen(network, addr, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l
}

func visit(t *testing.T, l net.Listener, name string) string {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := tls.Client(&split{Conn: conn}, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	return conn.LocalAddr().String()
}

func TestAHelloInHalvesIsSeenLive(t *testing.T) {
	if !namespace(t) {
		return
	}
	who := &owners{}
	src, out := watching(t, Config{Owners: who})
	l4, l6 := tlsServer(t, "tcp4", "127.0.0.1:0"), tlsServer(t, "tcp6", "[::1]:0")
	for _, l := range []net.Listener{l4, l6} {
		name := "www." + l.Addr().Network() + l.Addr().String()[:1] + ".example.org"
		name = strings.NewReplacer("[", "six", "1", "four").Replace(name)
		from := visit(t, l, name)
		o := out.next(t)
		if o.Name != name || o.Via != event.ViaTLS || o.Client != from || o.Server != l.Addr().String() ||
			o.User != "pupil07" || o.Attempt || time.Since(o.Time) > time.Minute {
			t.Errorf("saw %+v; want %s from %s", o, name, from)
		}
		if src.Status().Way == string(Packet) {
			if want := "tcp " + from + " " + l.Addr().String(); !who.wasAsked(want) {
				t.Errorf("was not asked for the owner of %q", want)
			}
			continue
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if o.PID != os.Getpid() || o.UID == nil || int(*o.UID) != os.Getuid() || o.Exe != self ||
			o.Process != filepath.Base(self) || o.PPID != os.Getppid() {
			t.Errorf("saw the owner %+v of this process", o.Owner())
		}
	}
	out.nothing(t)
	if st := src.Status(); st.Seen != 2 || st.Dropped != 0 {
		t.Errorf("status %+v; want 2 seen: loopback must not show each packet twice", st)
	}
}

// elsewhere is an address of the test's own that is not loopback's: an answer
// with one of those is a sink-hole's.
const elsewhere = "198.51.100.9"

func addElsewhere(t *testing.T) {
	t.Helper()
	ip(t, "address", "add", elsewhere+"/32", "dev", "lo")
}

// ip runs the tool of that name.
func ip(t *testing.T, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("ip")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// answering is a resolver that answers every question with one address.
func answering(t *testing.T, with string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.53:53")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response = true
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(with).As4()},
			}}
			if b, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
}

func ask(t *testing.T, name string, kind dnsmessage.Type) {
	t.Helper()
	conn, err := net.Dial("udp", "127.0.0.53:53")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}}}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
}

func TestAVisitAfterItsQuestionIsToldOnceAndAtOnce(t *testing.T) {
	if !namespace(t) {
		return
	}
	answering(t, elsewhere)
	l := tlsServer(t, "tcp4", "127.0.0.1:0")
	_, out := watching(t, Config{Grace: time.Hour}) // so that only the visit can bring it out
	ask(t, "www.example.org.", dnsmessage.TypeA)
	for range 5 {
		visit(t, l, "www.example.org")
	}
	visit(t, l, "end.example.org")
	o := out.next(t)
	if o.Via != event.ViaTLS || o.Name != "www.example.org" || o.Attempt || !slices.Equal(o.Also, []event.Via{event.ViaDNS}) {
		t.Errorf("saw %+v; want one visit, also seen by DNS", o)
	}
	if o := out.next(t); o.Name != "end.example.org" {
		t.Errorf("saw %+v; want the repeats folded", o)
	}
	out.nothing(t)
}

func TestAPortThatIsUsedAgainIsSeenLive(t *testing.T) {
	if !namespace(t) {
		return
	}
	l := tlsServer(t, "tcp4", "127.0.0.1:0")
	src, out := watching(t, Config{Unfolded: true})
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40404}, Control: reuse}
	for i := range 20 {
		conn, err := dialer.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // so that the port is free at once
			t.Fatal(err)
		}
		name := "site" + string(rune('a'+i)) + ".example.org"
		c := tls.Client(&split{Conn: conn}, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if o := out.next(t); o.Name != name || o.Client != "127.0.0.1:40404" {
			t.Fatalf("connection %d: saw %s from %s", i, o.Name, o.Client)
		}
	}
	if st := src.Status(); st.Seen != 20 {
		t.Errorf("status %+v, want 20 seen", st)
	}
}

func reuse(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }); e != nil {
		return e
	}
	return err
}

func TestStoppingWhileNoPacketComes(t *testing.T) {
	if !namespace(t) {
		return
	}
	watching(t, Config{}) // its clean-up fails if Run does not return
}

func TestAnUnknownInterfaceIsSaidSo(t *testing.T) {
	if !namespace(t) {
		return
	}
	src := New(Config{Interface: "none0", Capture: Way(os.Getenv(testCapture)), Cgroup: os.Getenv(testCgroup)})
	err := src.Run(t.Context(), nil, newSink())
	if !errors.Is(err, errUnavailable) || !strings.Contains(err.Error(), "interface") {
		t.Errorf("got %v", err)
	}
	if st := src.Status(); st.State != source.Unavailable || st.Detail == "" {
		t.Errorf("status %+v", st)
	}
}

func TestWithoutLeaveToCaptureTheMendIsNamed(t *testing.T) {
	err := unavailable("opening a packet socket", unix.EPERM)
	if !errors.Is(err, errUnavailable) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("got %v", err)
	}
}

// promiscuity is how many have asked for loopback to be promiscuous.
func promiscuity(t *testing.T) uint32 {
	t.Helper()
	const attribute = 30 // IFLA_PROMISCUITY
	rib, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		t.Fatal(err)
	}
	total := uint32(0)
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWLINK {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range attrs {
			if a.Attr.Type == attribute {
				total += binary.NativeEndian.Uint32(a.Value)
			}
		}
	}
	return total
}

func TestG11TheSocketIsNeverPromiscuous(t *testing.T) {
	if !namespace(t) {
		return
	}
	fd := packetSocket(t)
	member := unix.PacketMreq{Ifindex: 1, Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &member); err != nil {
		t.Fatal(err)
	}
	if promiscuity(t) == 0 {
		t.Fatal("the test does not see what it looks for")
	}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_DROP_MEMBERSHIP, &member); err != nil {
		t.Fatal(err)
	}
	watching(t, Config{})
	if n := promiscuity(t); n != 0 {
		t.Errorf("%d have made an interface promiscuous", n)
	}
}

func packetSocket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// A hotspot's or a bridge's packets leave through this host's interfaces, and
// are neither from it nor to it.
func TestG11PacketsThatAreOnlyPassedOnAreNotDecoded(t *testing.T) {
	if !namespace(t) {
		return
	}
	answering(t, elsewhere)
	src, out := watching(t, Config{Unfolded: true})
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("theirs.example.org."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}
	question, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	foreign := make([]byte, 28, 28+len(question))
	foreign[0], foreign[8], foreign[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(foreign[2:], uint16(28+len(question)))
	copy(foreign[12:], []byte{192, 0, 2, 99, 192, 0, 2, 1})
	binary.BigEndian.PutUint16(foreign[20:], 40000)
	binary.BigEndian.PutUint16(foreign[22:], 53)
	binary.BigEndian.PutUint16(foreign[24:], uint16(8+len(question)))
	to := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: 1}
	if err := unix.Sendto(packetSocket(t), append(foreign, question...), 0, to); err != nil {
		t.Fatal(err)
	}
	ask(t, "ours.example.org.", dnsmessage.TypeA)
	if o := out.next(t); o.Name != "ours.example.org" {
		t.Errorf("saw %+v", o)
	}
	if st := src.Status(); st.Dropped != 0 {
		t.Errorf("status %+v", st)
	}
}

func TestDNSIsSeenAtEachPortThatTheDecoderReads(t *testing.T) {
	if !namespace(t) {
		return
	}
	_, out := watching(t, Config{Unfolded: true})
	for _, port := range decode.DNSPorts {
		conn, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
		if err != nil {
			t.Fatal(err)
		}
		name := "port" + strconv.Itoa(int(port)) + ".example.org"
		m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if o := out.next(t); o.Name != name || o.Via != event.ViaDNS {
			t.Errorf("saw %+v", o)
		}
	}
}
