package network

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

var (
	began   = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	here    = netip.MustParseAddrPort("127.0.0.1:40007")
	here2   = netip.MustParseAddrPort("127.0.0.1:40008")
	content = netip.MustParseAddrPort("198.51.100.7:443")
)

// still is a capture of which nothing comes: the test hands packets to take.
type still struct{}

func (still) read(context.Context, time.Duration, func(*arrival)) error { return nil }
func (still) wake()                                                     {}
func (still) lost() uint64                                              { return 0 }
func (still) changed() error                                            { return nil }
func (still) check() error                                              { return nil }
func (still) way() Way                                                  { return BPF }
func (still) detail() string                                            { return "" }
func (still) close() error                                              { return nil }

// scene is a watch with a clock, and what it told.
type scene struct {
	*watch
	out *sink
	now time.Time
}

func newScene(cfg Config) *scene {
	s := &scene{out: newSink(), now: began}
	cfg.Now = func() time.Time { return s.now }
	s.watch = newWatch(New(cfg), s.out, still{}, &links{})
	s.watch.now, s.waited = began, true
	return s
}

// after lets time pass and does what the loop does after a read.
func (s *scene) after(t *testing.T, d time.Duration) {
	t.Helper()
	s.now = s.now.Add(d)
	if err := s.settle(); err != nil {
		t.Fatal(err)
	}
	s.waited = true
}

func (s *scene) sends(key decode.Key, uid uint32, data []byte) {
	p := &arrival{data: data, at: s.now, key: key}
	if uid != 0 {
		p.owner = &event.Owner{PID: int(uid), Process: "browser", UID: &uid}
	}
	s.take(p)
}

func (s *scene) told() (all []event.Observation) {
	for {
		select {
		case o := <-s.out.got:
			all = append(all, o)
		default:
			return all
		}
	}
}

// uidOf is whose name is told to be, of those told.
func uidOf(t *testing.T, told []event.Observation, name string) (uint32, event.Observation) {
	t.Helper()
	for _, o := range told {
		if o.Name != name {
			continue
		}
		if o.UID == nil {
			return 0, o
		}
		return *o.UID, o
	}
	t.Fatalf("%s was not told; told %+v", name, told)
	return 0, event.Observation{}
}

func clientHello(t *testing.T, name string) []byte {
	t.Helper()
	near, far := net.Pipe()
	got := make(chan []byte)
	go func() {
		buf := make([]byte, 1<<16)
		n, _ := far.Read(buf)
		far.Close()
		got <- buf[:n]
	}()
	_ = tls.Client(near, &tls.Config{ServerName: name}).HandshakeContext(t.Context())
	near.Close()
	return <-got
}

const syn, ack = 0x02, 0x10

func tcpPacket(from, to netip.AddrPort, flags byte, number uint32, payload []byte) []byte {
	b := ipPacket(from, to, 6, 20, payload)
	binary.BigEndian.PutUint32(b[24:], number)
	b[32], b[33] = 5<<4, flags
	return b
}

func udpPacket(from, to netip.AddrPort, payload []byte) []byte {
	b := ipPacket(from, to, 17, 8, payload)
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	return b
}

func ipPacket(from, to netip.AddrPort, proto byte, header int, payload []byte) []byte {
	b := make([]byte, 20+header, 20+header+len(payload))
	b[0], b[9] = 0x45, proto
	binary.BigEndian.PutUint16(b[2:], uint16(20+header+len(payload)))
	copy(b[12:], from.Addr().AsSlice())
	copy(b[16:], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(b[20:], from.Port())
	binary.BigEndian.PutUint16(b[22:], to.Port())
	return append(b, payload...)
}

// begin opens a connection and sends data on it.
func (s *scene) begin(key decode.Key, uid uint32, from netip.AddrPort, data []byte) {
	s.sends(key, uid, tcpPacket(from, content, syn, 99, nil))
	s.sends(key, uid, tcpPacket(content, from, syn|ack, 499, nil))
	s.sends(key, uid, tcpPacket(from, content, ack, 100, data))
}

// most is a ClientHello whose end is lost.
func most(t *testing.T, name string) []byte {
	b := clientHello(t, name)
	return b[:len(b)-20]
}

// What waited for its end is told when the packet at hand is another pupil's.
func TestANameToldLateIsItsOwnSocketsAndNotThatOfThePacketAtHand(t *testing.T) {
	s := newScene(Config{})
	s.begin(1, 1007, here, most(t, "flagged.test"))
	s.sends(2, 1008, tcpPacket(here2, content, syn, 9, nil))
	s.after(t, 3*time.Second)
	s.after(t, holdFor)
	if uid, o := uidOf(t, s.told(), "flagged.test"); uid != 1007 || o.PID != 1007 {
		t.Errorf("told as %d's: %+v", uid, o)
	}
}

func TestANameToldForWantOfRoomIsItsOwnSockets(t *testing.T) {
	s := newScene(Config{})
	s.begin(1, 1007, here, most(t, "flagged.test"))
	for i := range maxFlows {
		from := netip.AddrPortFrom(here.Addr(), uint16(41000+i%20000))
		s.sends(decode.Key(10+i), 1008, tcpPacket(from, content, syn, 9, nil))
	}
	s.after(t, holdFor)
	if uid, o := uidOf(t, s.told(), "flagged.test"); uid != 1007 {
		t.Errorf("told as %d's: %+v", uid, o)
	}
}

// A socket that nobody knows must not be given to who has its ends by now.
func TestANameToldLateOfAnUnknownSocketIsNobodys(t *testing.T) {
	own := &owners{}
	s := newScene(Config{Owners: own})
	s.begin(1, 0, here, most(t, "flagged.test"))
	s.sends(2, 1008, tcpPacket(here2, content, syn, 9, nil))
	own.asked = nil
	s.after(t, 3*time.Second)
	s.after(t, holdFor)
	if uid, o := uidOf(t, s.told(), "flagged.test"); uid != 0 || o.Reason != event.ReasonExited || len(own.asked) > 0 {
		t.Errorf("told as %d's after asking %q: %+v", uid, own.asked, o)
	}
}

// Without sockets' keys a flow is known by its ends, which another may have.
func TestANameToldAsItsPortIsUsedAgainIsNobodys(t *testing.T) {
	own := &owners{}
	s := newScene(Config{Owners: own})
	s.begin(0, 0, here, most(t, "flagged.test"))
	s.now = s.now.Add(time.Second)
	s.sends(0, 0, tcpPacket(here, content, syn, 70000, nil))
	s.after(t, holdFor)
	if uid, o := uidOf(t, s.told(), "flagged.test"); uid != 0 || o.Reason != event.ReasonExited {
		t.Errorf("told as %d's: %+v", uid, o)
	}
	// What is told in its own packet has its owner.
	s.begin(0, 0, here2, clientHello(t, "other.test"))
	s.after(t, holdFor)
	if uid, o := uidOf(t, s.told(), "other.test"); uid != 1007 {
		t.Errorf("told as %d's: %+v", uid, o)
	}
}

// resolving says of uid 991 that it is the system's resolver.
type resolving struct{ owners }

func (r *resolving) Complete(o event.Owner) event.Owner {
	if o.UID != nil && *o.UID == 991 {
		o.Reason = event.ReasonResolver
		return o
	}
	return r.owners.Complete(o)
}

func message(t *testing.T, name string, answer netip.Addr) []byte {
	t.Helper()
	called := dnsmessage.MustNewName(name + ".")
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true, Response: answer.IsValid()},
		Questions: []dnsmessage.Question{{Name: called, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	if answer.IsValid() {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: called, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: answer.As4()},
		}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// resolves lets the system's resolver ask for name on somebody's behalf.
func (s *scene) resolves(t *testing.T, name string) {
	t.Helper()
	up := netip.MustParseAddrPort("192.0.2.53:53")
	s.sends(50, 991, udpPacket(here, up, message(t, name, netip.Addr{})))
	s.sends(50, 991, udpPacket(up, here, message(t, name, content.Addr())))
}

// Pupil 8 asked, through the system's resolver. Pupil 7 connects to the same
// address for another name, which comes just after the question's grace.
func TestAResolversQuestionIsNotGivenToWhoeverConnectsLast(t *testing.T) {
	for what, hello := range map[string][]byte{"a whole hello": clientHello(t, "other.test"), "most of a hello": most(t, "other.test")} {
		t.Run(what, func(t *testing.T) {
			s := newScene(Config{Owners: &resolving{}})
			s.resolves(t, "flagged.test")
			s.after(t, 1900*time.Millisecond)
			s.sends(1, 1007, tcpPacket(here2, content, syn, 99, nil))
			s.sends(1, 1007, tcpPacket(content, here2, syn|ack, 499, nil))
			s.after(t, 100*time.Millisecond)
			s.now = s.now.Add(50 * time.Millisecond)
			s.sends(1, 1007, tcpPacket(here2, content, ack, 100, hello))
			for range 80 {
				s.after(t, 50*time.Millisecond)
			}
			told := s.told()
			if uid, o := uidOf(t, told, "flagged.test"); uid != 991 || o.Reason != event.ReasonResolver || o.User != "" {
				t.Errorf("the question is told as %d's: %+v", uid, o)
			}
			if uid, o := uidOf(t, told, "other.test"); uid != 1007 {
				t.Errorf("the visit is told as %d's: %+v", uid, o)
			}
		})
	}
}

func TestAConnectionThatTellsNoNameStillShowsWhoAsked(t *testing.T) {
	s := newScene(Config{Owners: &resolving{}})
	s.resolves(t, "mail.test")
	s.after(t, 20*time.Millisecond)
	s.begin(1, 1007, here2, []byte("220 hello\r\n"))
	for range 60 {
		s.after(t, 50*time.Millisecond)
	}
	if uid, o := uidOf(t, s.told(), "mail.test"); uid != 1007 || o.User != "pupil07" || o.Attempt {
		t.Errorf("told as %d's: %+v", uid, o)
	}
}

// The wait for a packet is not part of the grace of the question in it.
func TestG10AQuestionAfterALongSilenceHasItsWholeGrace(t *testing.T) {
	s := newScene(Config{})
	s.now = s.now.Add(idle)
	s.sends(3, 1007, udpPacket(here, netip.MustParseAddrPort("192.0.2.53:53"), message(t, "quiet.test", netip.Addr{})))
	s.after(t, time.Second)
	if told := s.told(); len(told) > 0 {
		t.Errorf("told before its grace was over: %+v", told)
	}
	s.after(t, time.Second)
	if uid, o := uidOf(t, s.told(), "quiet.test"); uid != 1007 || !o.Attempt {
		t.Errorf("told as %d's: %+v", uid, o)
	}
}

// failing is a capture that comes to an end after one packet.
type failing struct {
	still
	packet arrival
}

func (f failing) read(_ context.Context, _ time.Duration, take func(*arrival)) error {
	take(&f.packet)
	return errors.New("the capture was taken off")
}

func TestWhatWaitsWhenCaptureFailsIsTold(t *testing.T) {
	uid := uint32(1007)
	s := newScene(Config{})
	s.capture = failing{packet: arrival{
		data: udpPacket(here, netip.MustParseAddrPort("192.0.2.53:53"), message(t, "last.test", netip.Addr{})),
		at:   began, key: 3, owner: &event.Owner{UID: &uid},
	}}
	if err := s.loop(t.Context()); err == nil {
		t.Error("the loop ended well")
	}
	if uid, _ := uidOf(t, s.told(), "last.test"); uid != 1007 {
		t.Errorf("told as %d's", uid)
	}
}

func TestSendersAreRememberedWhileInUseAndMemoryIsBounded(t *testing.T) {
	var s senders
	for i := range 5 * maxSenders {
		uid := uint32(i)
		s.note(decode.Key(i+1), &event.Owner{UID: &uid})
	}
	if n := len(s.young) + len(s.old); n > 2*maxSenders {
		t.Errorf("%d are remembered", n)
	}
	if o, ok := s.find(5 * maxSenders); !ok || *o.UID != 5*maxSenders-1 {
		t.Errorf("the last is %+v, %v", o, ok)
	}
	if _, ok := s.find(1); ok {
		t.Error("the first is remembered still")
	}
}
