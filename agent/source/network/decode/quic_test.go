package decode

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"safelight/agent/source/network/initial"
)

// sealInitial protects frames as a client's Initial, the other way round from
// initial.Keys.Open. Pad frames so that there is a sample to take.
func sealInitial(version uint32, keyID, dcid, scid, token []byte, number uint32, frames []byte) []byte {
	s := initial.SuiteOf(version)
	keys := s.Derive(keyID)
	first := byte(0xc3)
	if s.Renumbers {
		first = 0xd3
	}
	b := binary.BigEndian.AppendUint32([]byte{first}, version)
	b = append(append(b, byte(len(dcid))), dcid...)
	b = append(append(b, byte(len(scid))), scid...)
	b = append(b, 0x40|byte(len(token)>>8), byte(len(token)))
	b = append(b, token...)
	size := initial.NumberSize + len(frames) + initial.TagSize
	b = append(b, 0x40|byte(size>>8), byte(size))
	return keys.Seal(b, number, frames)
}

func cryptoFrame(at int, data []byte) []byte {
	b := []byte{frameCrypto, 0x80 | byte(at>>24), byte(at >> 16), byte(at >> 8), byte(at)}
	b = append(b, 0x40|byte(len(data)>>8), byte(len(data)))
	return append(b, data...)
}

// quicHello is the handshake message that a real client sends, without its
// record.
func quicHello(t testing.TB, name string) []byte { return helloFor(t, name)[recordHeader:] }

var (
	dcidA = []byte("chosenA1")
	dcidB = []byte("chosenB2")
)

func fromClient(b []byte) []byte { return udp4(client, server, b) }

func initialA(number uint32, frames ...[]byte) []byte {
	all := slices.Concat(frames...)
	if len(all) < 32 {
		all = append(all, make([]byte, 32-len(all))...)
	}
	return sealInitial(initial.V1, dcidA, dcidA, nil, nil, number, all)
}

func TestTheNameIsReadOfEveryVersion(t *testing.T) {
	frames := append(cryptoFrame(0, quicHello(t, "www.example.org")), make([]byte, 20)...)
	for _, version := range []uint32{initial.V1, initial.V2, 0xff00001d, 0xff000020, 0xff00001b, 0xff000022, 0x1a2a3a4a, initial.Facebook + 2} {
		c := newCollect(Limits{})
		c.raw(fromClient(sealInitial(version, dcidA, dcidA, dcidB, nil, 0, frames)))
		c.want(t, "quic www.example.org")
		if s := c.seen[0]; s.Client != client || s.Server != server || s.Proto != UDP {
			t.Errorf("version %x: %+v", version, s)
		}
	}
}

func TestCryptoFramesShuffledOverlappingAndSpread(t *testing.T) {
	hello := quicHello(t, "www.example.org")
	for round := range 200 {
		r := rand.New(rand.NewPCG(7, uint64(round)))
		var frames [][]byte
		for at := 0; at < len(hello); {
			n := min(len(hello)-at, 1+r.IntN(400))
			from := max(0, at-r.IntN(30))
			frames = append(frames, cryptoFrame(from, hello[from:at+n]))
			at += n
		}
		r.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		half := len(frames) / 2
		first := slices.Concat(append([][]byte{{framePing, framePadding}}, frames[:half]...)...)
		second := slices.Concat(append(slices.Clone(frames[half:]), []byte{frameACK, 0, 0, 0, 0})...)
		c := newCollect(Limits{})
		c.raw(fromClient(initialA(0, first)), fromClient(initialA(0, first)), fromClient(initialA(1, second)))
		c.want(t, "quic www.example.org")
		if held := c.Stats().Held; held != 0 {
			t.Fatalf("%d bytes held after the name was told", held)
		}
	}
}

func TestWhatIsSentTwiceDifferentlyStandsAsItCameFirst(t *testing.T) {
	hello := quicHello(t, "www.example.org")
	other := bytes.ReplaceAll(hello, []byte("www.example.org"), []byte("not.example.org"))
	c := newCollect(Limits{})
	c.raw(fromClient(initialA(0, cryptoFrame(0, hello[:len(hello)-9]))), fromClient(initialA(1, cryptoFrame(0, other))))
	c.want(t, "quic www.example.org")
}

func TestCoalescedPacketsAndZeroRTTAhead(t *testing.T) {
	hello := quicHello(t, "www.example.org")
	zeroRTT := slices.Concat([]byte{0xd0, 0, 0, 0, 1, 8}, dcidA, []byte{0, 20}, make([]byte, 20))
	early := slices.Clone(zeroRTT)
	one, two := initialA(0, cryptoFrame(0, hello[:700])), initialA(1, cryptoFrame(700, hello[700:]))
	for name, datagrams := range map[string][][]byte{
		"0-RTT in a datagram before":   {early, one, two},
		"0-RTT before, in the same":    {slices.Concat(zeroRTT, one), two},
		"both in one":                  {slices.Concat(one, two)},
		"segmentation offload's zeros": {slices.Concat(one, make([]byte, 100), two, make([]byte, 50))},
		"a short packet behind":        {slices.Concat(one, []byte{0x41, 1, 2, 3}), two},
	} {
		c := newCollect(Limits{})
		for _, b := range datagrams {
			c.raw(fromClient(b))
		}
		if got := c.names(); len(got) != 1 || got[0] != "quic www.example.org" {
			t.Errorf("%s: saw %q", name, got)
		}
	}
}

func TestARetryTellsTheNameOnce(t *testing.T) {
	hello := cryptoFrame(0, quicHello(t, "www.example.org"))
	retry := slices.Concat([]byte{0xf0, 0, 0, 0, 1, 0, 8}, dcidB, make([]byte, 40))
	c := newCollect(Limits{})
	c.raw(fromClient(initialA(0, hello)), udp4(server, client, retry),
		fromClient(sealInitial(initial.V1, dcidB, dcidB, nil, []byte("token"), 1, hello)))
	c.want(t, "quic www.example.org")
}

// The server chose an id after the first of two Initials: the keys stay.
func TestTheClientTakesTheServersID(t *testing.T) {
	hello := quicHello(t, "www.example.org")
	c := newCollect(Limits{})
	c.raw(fromClient(initialA(0, cryptoFrame(0, hello[:700]))),
		fromClient(sealInitial(initial.V1, dcidA, dcidB, nil, nil, 1, cryptoFrame(700, hello[700:]))),
		fromClient(sealInitial(initial.V1, dcidA, dcidB, nil, nil, 2, make([]byte, 40))),
		fromClient(sealInitial(initial.V1, dcidA, []byte("third id"), nil, nil, 3, make([]byte, 40))))
	c.want(t, "quic www.example.org")
}

func TestSeveralConnectionsFromOnePort(t *testing.T) {
	c := newCollect(Limits{})
	one, two := quicHello(t, "one.example.org"), quicHello(t, "two.example.org")
	b := func(n uint32, frame []byte) []byte {
		return fromClient(sealInitial(initial.V1, dcidB, dcidB, nil, nil, n, frame))
	}
	c.raw(fromClient(initialA(0, cryptoFrame(0, one[:700]))), b(0, cryptoFrame(0, two[:700])),
		fromClient(initialA(1, cryptoFrame(700, one[700:]))), b(1, cryptoFrame(700, two[700:])))
	c.want(t, "quic one.example.org", "quic two.example.org")
}

func TestAServersInitialBeforeTheClientsIsNotTakenForIt(t *testing.T) {
	c := newCollect(Limits{})
	c.raw(udp4(server, client, slices.Concat([]byte{0xc0, 0, 0, 0, 1, 0, 8}, dcidB, []byte{0, 0x40, 60}, make([]byte, 60))))
	c.raw(fromClient(initialA(0, cryptoFrame(0, quicHello(t, "www.example.org")))))
	c.want(t, "quic www.example.org")
}

func TestQUICThatCannotBeOpenedIsPassedOver(t *testing.T) {
	good := initialA(0, cryptoFrame(0, quicHello(t, "www.example.org")))
	for i := range good {
		c := newCollect(Limits{})
		c.raw(fromClient(good[:i])) // cut anywhere
		if i > 0 {
			bad := slices.Clone(good)
			bad[i] ^= 0x10
			c.raw(fromClient(bad))
		}
		if len(c.seen) > 0 && i > 0 {
			t.Errorf("byte %d changed: saw %q", i, c.names())
		}
	}
}

func TestAHelloOverQUICWhoseEndNeverCame(t *testing.T) {
	hello := quicHello(t, "www.example.org")
	at := bytes.Index(hello, []byte("www.example.org"))
	c := newCollect(Limits{})
	c.raw(fromClient(initialA(0, cryptoFrame(0, hello[:at+15]))))
	c.want(t)
	c.Expire(start.Add(c.flows.limits.Wait + 1))
	c.want(t, "quic www.example.org")
	if s := c.seen[0]; !s.Partial {
		t.Error("it is not said to be partial")
	}
	c.Expire(start.Add(c.flows.limits.Idle + 1))
	c.want(t, "quic www.example.org")
	if s := c.Stats(); s.Flows != 0 || s.Held != 0 {
		t.Errorf("left %+v", s)
	}
}

func TestWhatQUICHoldsIsBounded(t *testing.T) {
	c := newCollect(Limits{Flows: 50, Bytes: 256 << 10})
	for i := range 400 {
		from := client
		from = addrPort(from, uint16(20000+i))
		c.raw(udp4(from, server, initialA(0, cryptoFrame(30_000, []byte("far away")), cryptoFrame(0, []byte{clientHello}))))
		if s := c.Stats(); s.Flows > 50 || s.Held > 256<<10 {
			t.Fatalf("after %d: %+v", i, s)
		}
	}
	if c.Stats().Evicted == 0 {
		t.Error("nothing counted as evicted")
	}
}

func TestTooManyOrForbiddenFramesEndTheConnection(t *testing.T) {
	var many []byte
	for i := range 200 {
		many = append(many, cryptoFrame(10+i*2, []byte{1})...)
	}
	stream := append(cryptoFrame(0, []byte{clientHello, 0, 1}), 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for name, frames := range map[string][]byte{"spans": many, "a STREAM frame": stream, "too far": cryptoFrame(maxCrypto, []byte("x"))} {
		c := newCollect(Limits{})
		c.raw(fromClient(initialA(0, frames)))
		if len(c.seen) != 0 || c.Stats().Held != 0 {
			t.Errorf("%s: saw %q, %+v", name, c.names(), c.Stats())
		}
	}
}

func TestQUICOfAnUnknownVersionIsCounted(t *testing.T) {
	c := newCollect(Limits{})
	b := append([]byte{0xc0, 1, 2, 3, 4, 8}, make([]byte, quicSize)...)
	c.raw(fromClient(b), udp4(server, client, b), fromClient(b[:100]))
	if got := c.factNames(); strings.Join(got, " ") != "QUICUnknown" {
		t.Errorf("facts %q", got)
	}
}

func FuzzQUIC(f *testing.F) {
	hello := quicHello(f, "www.example.org")
	f.Add(cryptoFrame(0, hello), uint16(0), true)
	f.Add(slices.Concat(cryptoFrame(700, hello[700:]), cryptoFrame(0, hello[:700])), uint16(900), true)
	f.Add([]byte{frameACKECN, 4, 0, 1, 0, 0, 0, 1, 1, 1, frameClose}, uint16(0), true)
	f.Add(initialA(0, cryptoFrame(0, hello)), uint16(0), false)
	f.Fuzz(func(t *testing.T, b []byte, cut uint16, seal bool) {
		if len(b) > 8000 {
			return
		}
		c := newCollect(Limits{})
		if !seal {
			c.raw(fromClient(b))
		} else {
			at := min(int(cut), len(b))
			c.raw(fromClient(initialA(0, b[:at])), fromClient(initialA(1, b[at:])), fromClient(initialA(2, b)))
		}
		c.Flush()
		for _, s := range c.seen {
			normal(t, s.Name)
		}
		if s := c.Stats(); s.Held != 0 || s.Flows != 0 {
			t.Errorf("left %+v", s)
		}
	})
}
