package network

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/internal/event"
)

// Tables as Windows lays them out, byte by byte.
const (
	tableIPv4 = "03000000" +
		"05000000" + "c0a80102" + "d4310000" + "c6336407" + "01bb0000" + "68100000" + // 192.168.1.2:54321 198.51.100.7:443, 4200
		"02000000" + "00000000" + "01bb0000" + "00000000" + "00000000" + "04000000" + // a listener
		"05000000" + "7f000001" + "d4320000" + "7f000001" + "1f900000" + "69100000" // loopback, 8080
	tableIPv6 = "01000000" +
		"20010db8000000000000000000000002" + "00000000" + "d4330000" +
		"20010db8000000000000000000000007" + "00000000" + "01bb0000" + "05000000" + "68100000"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTablesOfConnectionsAsWindowsGivesThem(t *testing.T) {
	got := append(tcpConnections(unhex(t, tableIPv4), false), tcpConnections(unhex(t, tableIPv6), true)...)
	want := []connection{
		{4200, 54321, netip.MustParseAddrPort("198.51.100.7:443")},
		{4201, 54322, netip.MustParseAddrPort("127.0.0.1:8080")},
		{4200, 54323, netip.MustParseAddrPort("[2001:db8::7]:443")},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	whole := unhex(t, tableIPv4)
	for n := range whole {
		if got := tcpConnections(whole[:n], false); len(got) > n/24 {
			t.Errorf("%d of %d bytes: %v", n, len(whole), got)
		}
	}
}

func FuzzTCPTable(f *testing.F) {
	f.Add([]byte(tableIPv4), false)
	f.Add([]byte{255, 255, 255, 255, 0}, true)
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		for _, c := range tcpConnections(b, v6) {
			if !c.remote.IsValid() || c.pid < 0 {
				t.Errorf("read %+v", c)
			}
		}
	})
}

// listing is a capture that is told names and can list connections.
type listing struct {
	telling
	all []connection
}

func (l *listing) connections() ([]connection, error) { return l.all, nil }

// programs names what runs by PID.
type programs struct{ accounts }

func (*programs) Complete(o event.Owner) event.Owner {
	o.Process = map[int]string{4200: "Chrome.exe", 4201: "backup.exe", 4202: "firefox.exe"}[o.PID]
	return o
}

func newListingScene() (*scene, *listing) {
	s, l := &scene{out: newSink(), now: began}, &listing{}
	s.watch = newWatch(New(Config{Owners: &programs{}, Now: func() time.Time { return s.now }}), s.out, l, &links{})
	s.watch.now, s.waited = began, true
	return s, l
}

func (l *listing) opens(pid int, to string) {
	l.all = append(l.all, connection{pid, uint16(40000 + len(l.all)), netip.MustParseAddrPort(to)})
}

// What a browser resolves by itself is hidden, and has to be counted.
func TestABrowserThatLooksNamesUpByItselfIsCounted(t *testing.T) {
	s, l := newListingScene()
	l.opens(4200, "203.0.113.1:443") // was there before
	s.after(t, idle)
	s.ends(t, 7, "known.test", 1, 0, "::ffff:198.51.100.7;2001:db8::7;")
	s.after(t, settling+lookEvery)
	l.opens(4200, "198.51.100.7:443")   // asked for
	l.opens(4200, "[2001:db8::7]:443")  // likewise
	l.opens(4201, "203.0.113.2:443")    // no browser
	l.opens(4200, "203.0.113.3:8080")   // no site's port
	l.opens(4200, "192.168.1.9:443")    // the network's own
	l.opens(4200, "203.0.113.4:443")    // hidden
	l.opens(4202, "[2001:db8::99]:443") // hidden
	s.after(t, lookEvery)
	if n := s.src.Status().Hidden[ownResolver]; n != 2 {
		t.Errorf("%d are counted, want 2", n)
	}
	s.after(t, lookEvery)
	if n := s.src.Status().Hidden[ownResolver]; n != 2 {
		t.Errorf("open connections were counted again: %d", n)
	}
}

// A school's proxy looks names up for its browsers: the resolver is asked for nothing,
// and the device would pass for one that is well and whose pupil visits nothing.
func TestABrowserThatIsSetToAWebProxyIsCounted(t *testing.T) {
	s, l := newListingScene()
	l.opens(4200, "10.0.0.8:3128") // was there before
	s.after(t, idle)
	for i := range uint64(5) {
		for range 3 {
			l.opens(4200, "10.0.0.8:3128")
		}
		l.opens(4201, "10.0.0.8:3128")    // no browser
		l.opens(4202, "10.0.0.9:8080")    // a site of the school's own
		l.opens(4202, "198.51.100.7:443") // since others are visited without
		s.after(t, lookEvery)
		want := 3 * (i + 1) // the first two looks' as well, once it is plain what it is
		if i+1 < 3 {
			want = 0
		}
		if hidden := s.src.Status().Hidden; hidden[webProxy] != want || hidden[ownResolver] != 0 {
			t.Errorf("at look %d counted %v, want %d of a web proxy alone", i+1, hidden, want)
		}
	}
	s.after(t, lookEvery)
	if n := s.src.Status().Hidden[webProxy]; n != 15 {
		t.Errorf("open connections were counted again: %d", n)
	}
}

// A notebook in a lesson and a page of the school's own are no web proxy, though no other
// site is open at a look. Ten such connections would call the device one that hides what
// it looks up (G2).
func TestG02APageOfOnesOwnIsNoWebProxy(t *testing.T) {
	s, l := newListingScene()
	s.after(t, idle)
	for range 2 * proxyLooks {
		for range 10 {
			l.opens(4200, "127.0.0.1:8888")
			l.opens(4200, "[::1]:8000")
		}
		s.after(t, lookEvery)
	}
	for look := range 10 {
		for range 10 {
			l.opens(4202, "10.0.0.9:8080")
		}
		open := len(l.all)
		if look%3 == 2 {
			l.opens(4202, "198.51.100.7:443") // and a site beside it, now and then
		}
		s.after(t, lookEvery)
		l.all = l.all[:open]
	}
	if n := s.src.Status().Hidden[webProxy]; n != 0 {
		t.Errorf("%d connections are counted as a web proxy's", n)
	}
}

func TestSuspectedProxiesAreRememberedInBounds(t *testing.T) {
	var u unasked
	to := netip.MustParseAddr("10.0.0.0")
	for range 3 * maxSuspects {
		to = to.Next()
		u.behind(nil, map[proxied]uint64{{"chrome", netip.AddrPortFrom(to, 8080)}: 1})
	}
	if len(u.suspects) > maxSuspects {
		t.Errorf("%d are remembered", len(u.suspects))
	}
}

func TestWhatABrowserWasAnsweredBeforeTheAgentBeganIsNotCounted(t *testing.T) {
	s, l := newListingScene()
	s.after(t, idle)
	for i := range 5 {
		l.opens(4200, fmt.Sprintf("203.0.113.%d:443", 10+i))
		s.after(t, lookEvery)
	}
	if hidden := s.src.Status().Hidden; len(hidden) > 0 {
		t.Errorf("counted %v", hidden)
	}
}

func TestAnswersAreRememberedInBounds(t *testing.T) {
	var u unasked
	at := netip.MustParseAddr("2001:db8::")
	for i := range 3 * maxAnswered {
		at = at.Next()
		u.gave([]netip.Addr{at}, began.Add(time.Duration(i)*time.Millisecond))
	}
	if len(u.answered) > maxAnswered {
		t.Errorf("%d are remembered", len(u.answered))
	}
	if !u.began.After(began) {
		t.Error("addresses were forgotten, and it counts as if none were")
	}
}

func TestBrowsersAreKnownByTheirFiles(t *testing.T) {
	for name, want := range map[string]bool{"chrome.exe": true, "MSEdge.EXE": true, "firefox": true, "chromedriver.exe": false, "": false} {
		if got := looksUp(name); got != want {
			t.Errorf("%q: %v", strings.ToLower(name), got)
		}
	}
}
