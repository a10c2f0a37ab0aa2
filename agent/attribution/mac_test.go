package attribution

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"safelight/agent/macos"
	"safelight/internal/event"
)

// aMac is a Mac with people and programs of a school day.
type aMac struct {
	at        time.Time
	sockets   map[string][]macos.Socket
	processes map[int]macos.Process
	exes      map[int]string
	screen    uint32
	signed    []macos.SignedIn
	reads     int
	fail      error

	proving, moved bool
	proofs         int
	noOwn          error
}

var selfHere, selfThere = netip.MustParseAddrPort("127.0.0.1:60001"), netip.MustParseAddrPort("127.0.0.1:60002")

var dayStart = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func newAMac() *aMac {
	a := &aMac{at: dayStart.Add(time.Hour), sockets: map[string][]macos.Socket{}, processes: map[int]macos.Process{}, exes: map[int]string{}, screen: 501}
	a.runs(1, 0, 0, "launchd", "/sbin/launchd")
	a.runs(90, 1, 65, "mDNSResponder", "/usr/sbin/mDNSResponder")
	a.runs(612, 1, 501, "Safari", "/Applications/Safari.app/Contents/MacOS/Safari")
	a.runs(640, 1, 501, "com.apple.WebKit", "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.Networking.xpc/Contents/MacOS/com.apple.WebKit.Networking")
	a.runs(700, 1, 501, "Terminal", "/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal")
	a.runs(701, 700, 501, "zsh", "/bin/zsh")
	a.runs(702, 701, 0, "sudo", "/usr/bin/sudo")
	a.runs(703, 702, 0, "curl", "/usr/bin/curl")
	a.runs(800, 1, 0, "sshd", "/usr/sbin/sshd")
	a.runs(801, 800, 502, "zsh", "/bin/zsh")
	a.runs(802, 801, 502, "curl", "/usr/bin/curl")
	a.runs(900, 1, 0, "softwareupdated", "/System/Library/CoreServices/Software Update.app/Contents/Resources/softwareupdated")
	return a
}

func (a *aMac) runs(pid, parent int, uid uint32, name, exe string) {
	a.processes[pid] = macos.Process{PID: pid, Parent: parent, UID: uid, Name: name, Started: dayStart.Add(time.Duration(pid) * time.Second)}
	a.exes[pid] = exe
}

func (a *aMac) has(proto, local, remote string, uid uint32, pid, acting int) {
	s := macos.Socket{Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote), UID: uid, PID: pid, For: acting}
	a.sockets[proto] = append(a.sockets[proto], s)
}

func (a *aMac) resolver() *mac {
	return newMac(macSystem{
		sockets: func(proto string) ([]macos.Socket, error) {
			if a.proving {
				own := macos.Socket{Local: selfHere, Remote: selfThere, UID: 0, PID: 77}
				if a.moved {
					own.UID, own.PID = 77, 0 // a field took another's place
				}
				return append([]macos.Socket{own}, a.sockets[proto]...), a.fail
			}
			a.reads++
			return a.sockets[proto], a.fail
		},
		own: func(proto string) (ownSocket, error) {
			a.proving = true
			a.proofs++
			return ownSocket{macFlow(proto, selfHere, selfThere), 77, 0, func() error {
				a.proving = false
				return nil
			}}, a.noOwn
		},
		process: func(pid int) (macos.Process, bool) {
			p, ok := a.processes[pid]
			return p, ok
		},
		exe:     func(pid int) string { return a.exes[pid] },
		console: func() (uint32, bool) { return a.screen, a.screen != 0 },
		people:  func() []macos.SignedIn { return a.signed },
	}, func() time.Time { return a.at })
}

func tcp(local, remote string) flow {
	return macFlow("tcp", netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote))
}

func udp(local, remote string) flow {
	return macFlow("udp", netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote))
}

const (
	here = "192.168.1.2:54321"
	site = "203.0.113.10:443"
)

func TestAMacsConnectionIsItsAccountsAndAppsNotTheScreens(t *testing.T) {
	for _, c := range []struct {
		what          string
		uid           uint32
		pid, acting   int
		wantUID       uint32
		process, app  string
		seat          string
		remote        event.Remote
		as            bool
		reason        event.Reason
		wantNoProcess bool
	}{
		{what: "a browser", uid: 501, pid: 612, wantUID: 501, process: "Safari", app: "bundle:Safari", seat: "console"},
		{what: "its network service", uid: 501, pid: 640, acting: 612, wantUID: 501, process: "Safari", app: "bundle:Safari", seat: "console"},
		{what: "a service for another person's program", uid: 501, pid: 640, acting: 802, wantUID: 501, process: "com.apple.WebKit.Networking", seat: "console"},
		{what: "sudo", uid: 0, pid: 703, wantUID: 501, process: "curl", seat: "console", as: true},
		{what: "somebody by ssh", uid: 502, pid: 802, wantUID: 502, process: "curl", remote: event.RemoteSSH},
		{what: "the system", uid: 0, pid: 900, wantUID: 0, process: "softwareupdated", app: "bundle:Software Update"},
		{what: "the resolver", uid: 65, pid: 90, process: "mDNSResponder", reason: event.ReasonResolver},
		{what: "the resolver for a person", uid: 65, pid: 90, acting: 612, process: "mDNSResponder", reason: event.ReasonResolver},
		{what: "a program that ended", uid: 501, pid: 4711, wantUID: 501, seat: "console", wantNoProcess: true},
	} {
		a := newAMac()
		a.has("tcp", here, site, c.uid, c.pid, c.acting)
		owner, w := a.resolver().lookup(tcp(here, site))
		switch {
		case w == nil:
			t.Errorf("%s: not found: %+v", c.what, owner)
			continue
		case c.reason != "" && (w.known || w.reason != c.reason):
			t.Errorf("%s: %+v, want reason %s", c.what, *w, c.reason)
		case c.reason == "" && (!w.known || w.uid != c.wantUID || (w.as != nil) != c.as):
			t.Errorf("%s: %+v, want uid %d", c.what, *w, c.wantUID)
		}
		if owner.Process != c.process || owner.App != c.app || owner.Seat != c.seat || owner.Remote != c.remote {
			t.Errorf("%s: %+v", c.what, owner)
		}
		if c.wantNoProcess && (owner.PID != c.pid || owner.Unknown != whyGone) {
			t.Errorf("%s: %+v, want it said that the process is gone", c.what, owner)
		}
	}
}

// curl has closed its socket when the name is told.
func TestAMacsConnectionIsRememberedFromItsBeginning(t *testing.T) {
	a := newAMac()
	a.has("tcp", here, site, 501, 612, 0)
	m := a.resolver()
	m.opened(tcp(here, site))
	delete(a.sockets, "tcp")
	a.at = a.at.Add(1500 * time.Millisecond)
	if owner, w := m.lookup(tcp(here, site)); w == nil || w.uid != 501 || owner.Process != "Safari" {
		t.Errorf("%+v", owner)
	}
	a.at = a.at.Add(time.Second)
	if owner, w := m.lookup(tcp(here, site)); w != nil || owner.Reason != event.ReasonExited {
		t.Errorf("long after: %+v; the ports may be another's", owner)
	}
}

func TestANewConnectionOnOldPortsIsItsOwn(t *testing.T) {
	a := newAMac()
	a.has("tcp", here, site, 501, 612, 0)
	m := a.resolver()
	m.opened(tcp(here, site))
	a.sockets["tcp"] = nil
	a.has("tcp", here, site, 502, 802, 0)
	a.at = a.at.Add(1100 * time.Millisecond)
	m.opened(tcp(here, site))
	if owner, w := m.lookup(tcp(here, site)); w == nil || w.uid != 502 || owner.Process != "curl" {
		t.Errorf("%+v", owner)
	}
}

func TestABoundPortIsOneProgramsOrNobodys(t *testing.T) {
	for _, c := range []struct {
		what    string
		sockets func(a *aMac)
		ask     string
		uid     uint32
		pid     int
		reason  event.Reason
	}{
		{"on any address", func(a *aMac) { a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 501, 612, 0) }, "192.168.1.2:5000", 501, 612, ""},
		{"on any address of either version", func(a *aMac) { a.has("udp", "[::]:5000", "[::]:0", 501, 612, 0) }, "192.168.1.2:5000", 501, 612, ""},
		{"on IPv4 alone", func(a *aMac) { a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 501, 612, 0) }, "[2001:db8::7]:5000", 0, 0, event.ReasonExited},
		{"on another address", func(a *aMac) { a.has("udp", "10.0.0.1:5000", "0.0.0.0:0", 501, 612, 0) }, "192.168.1.2:5000", 0, 0, event.ReasonExited},
		{"connected before bound", func(a *aMac) {
			a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 502, 802, 0)
			a.has("udp", "192.168.1.2:5000", site, 501, 612, 0)
		}, "192.168.1.2:5000", 501, 612, ""},
		{"shared by two programs of a person", func(a *aMac) {
			a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 501, 612, 0)
			a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 501, 700, 0)
		}, "192.168.1.2:5000", 501, 0, ""},
		{"shared by two people", func(a *aMac) {
			a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 501, 612, 0)
			a.has("udp", "0.0.0.0:5000", "0.0.0.0:0", 502, 802, 0)
		}, "192.168.1.2:5000", 0, 0, event.ReasonSeveral},
	} {
		a := newAMac()
		c.sockets(a)
		owner, w := a.resolver().lookup(udp(c.ask, site))
		switch {
		case c.reason != "" && (w != nil || owner.Reason != c.reason):
			t.Errorf("%s: %+v, want reason %s", c.what, owner, c.reason)
		case c.reason == "" && (w == nil || w.uid != c.uid || owner.PID != c.pid):
			t.Errorf("%s: %+v", c.what, owner)
		}
	}
}

func TestAListenerOwnsNoConnection(t *testing.T) {
	a := newAMac()
	a.has("tcp", "0.0.0.0:54321", "0.0.0.0:0", 501, 612, 0)
	if owner, w := a.resolver().lookup(tcp(here, site)); w != nil {
		t.Errorf("%+v", owner)
	}
}

// A storm of connections must not make the agent read tables all day.
func TestTablesAreNotReadForEachConnectionOfAStorm(t *testing.T) {
	a := newAMac()
	m := a.resolver()
	for range 1000 {
		m.lookup(tcp(here, site))
		a.at = a.at.Add(time.Millisecond)
	}
	if most := macBurst + macReads + 1; a.reads > most || a.reads < macReads {
		t.Errorf("%d tables in a second, want %d at most", a.reads, most)
	}
	a.at = a.at.Add(-time.Hour) // a clock that was put back
	a.reads = 0
	m.lookup(tcp(here, site))
	a.at = a.at.Add(time.Second)
	for range 5 {
		m.lookup(udp(here, site))
	}
	if a.reads == 0 {
		t.Error("no table is read after the clock was put back")
	}
}

// A later macOS that moves a field would make somebody else of everybody.
func TestG03ATableThatGetsTheAgentItselfWrongIsBelievedOfNobody(t *testing.T) {
	for what, change := range map[string]func(a *aMac){
		"a field took another's place": func(a *aMac) { a.moved = true },
		"it cannot be read":            func(a *aMac) { a.fail = errors.New("not permitted") },
		"it cannot be tried":           func(a *aMac) { a.noOwn = errors.New("no loopback") },
	} {
		a := newAMac()
		a.has("tcp", here, site, 501, 612, 0)
		change(a)
		m := a.resolver()
		for range 5 {
			if owner, w := m.lookup(tcp(here, site)); w != nil || owner.Reason != event.ReasonUnsupported || owner.UID != nil {
				t.Errorf("%s: %+v", what, owner)
			}
		}
		if a.proofs != 1 {
			t.Errorf("%s: tried %d times at once", what, a.proofs)
		}
		a.moved, a.fail, a.noOwn = false, nil, nil
		a.at = a.at.Add(macAgain)
		if _, w := m.lookup(tcp(here, site)); w == nil || w.uid != 501 {
			t.Errorf("%s: it is not tried again", what)
		}
	}
}

func TestTheAgentsOwnConnectionIsItsOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a Mac's way, and Wine 8 opens no UDP socket for a program of Go's")
	}
	for _, proto := range []string{"tcp", "udp"} {
		own, err := openOwn(proto)
		if err != nil {
			t.Fatal(err)
		}
		if !own.flow.local.Addr().IsLoopback() || own.flow.local == own.flow.remote || own.flow.proto != proto || own.pid != os.Getpid() {
			t.Errorf("%+v", own)
		}
		if err := own.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestATableThatIsRefusedIsSaidToBe(t *testing.T) {
	a := newAMac()
	m := a.resolver()
	m.lookup(tcp(here, site)) // it can be believed
	a.fail = errors.New("operation not permitted")
	if owner, w := m.lookup(tcp(here, site)); w != nil || owner.Reason != event.ReasonNotPermitted {
		t.Errorf("%+v", owner)
	}
}

func TestAStartedProgramOfAMac(t *testing.T) {
	uid := uint32(501)
	for _, c := range []struct {
		what  string
		owner event.Owner
		want  event.Owner
	}{
		{
			"that runs",
			event.Owner{PID: 612, Process: "Safari", Exe: "/Applications/Safari.app/Contents/MacOS/Safari", UID: &uid},
			event.Owner{PID: 612, Process: "Safari", Exe: "/Applications/Safari.app/Contents/MacOS/Safari"},
		},
		{
			"that has ended",
			event.Owner{PID: 4711, Process: "firefox", Exe: "/Users/demo/Tor Browser.app/Contents/MacOS/firefox", UID: &uid},
			event.Owner{PID: 4711, Process: "firefox", Exe: "/Users/demo/Tor Browser.app/Contents/MacOS/firefox", Unknown: whyGone},
		},
		{
			"whose number is another's by now",
			event.Owner{PID: 701, Process: "game", Exe: "/Users/demo/game", UID: &uid},
			event.Owner{PID: 701, Process: "game", Exe: "/Users/demo/game", Unknown: whyGone},
		},
	} {
		got := c.owner
		w := newAMac().resolver().complete(&got)
		if !w.known || w.uid != 501 || got.PID != c.want.PID || got.Process != c.want.Process || got.Exe != c.want.Exe || got.Unknown != c.want.Unknown {
			t.Errorf("%s: %+v, %+v", c.what, got, w)
		}
		if want := macos.App(c.want.Exe); want != "" && got.App != "bundle:"+want {
			t.Errorf("%s: app %q", c.what, got.App)
		}
	}
	got := event.Owner{PID: 4711}
	if w := newAMac().resolver().complete(&got); w.known || w.reason != event.ReasonExited {
		t.Errorf("of which nothing is known: %+v", w)
	}
}

func TestWhoIsBehindTheScreenOrElsewhereIsToldFromTheListOfPeople(t *testing.T) {
	a := newAMac()
	a.screen = 501
	a.signed = []macos.SignedIn{
		{Account: "pupil07", Screen: true},
		{Account: "pupil09", Screen: true},
		{Account: "pupil09", Far: true},
		{Account: "technician", Far: true},
		{Account: "head", Far: true},
		{Account: "head"},
	}
	m := a.resolver()
	for account, want := range map[string]event.Origin{
		"pupil09":    {Seat: "console"}, // another person is in front (fast user switching)
		"technician": {Remote: event.RemoteSSH},
		"head":       {}, // here and elsewhere: who knows
		"nobody":     {},
	} {
		owner := event.Owner{User: account}
		m.signedIn(&owner)
		if owner.Origin != want {
			t.Errorf("%s: %+v, want %+v", account, owner.Origin, want)
		}
	}
}

// A number of the process table that came round again makes a circle.
func TestAncestorsThatAreACircleEnd(t *testing.T) {
	a := newAMac()
	a.runs(50, 51, 0, "a", "/a")
	a.runs(51, 50, 0, "b", "/b")
	p := a.processes[50]
	p.Started = a.processes[51].Started
	a.processes[50] = p
	a.has("tcp", here, site, 0, 50, 0)
	if _, w := a.resolver().lookup(tcp(here, site)); w == nil || w.uid != 0 {
		t.Errorf("%+v", w)
	}
}
