package macos

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// table is a socket table as XNU writes it.
type table struct{ b []byte }

func newTable() *table {
	head := make([]byte, 24)
	binary.LittleEndian.PutUint32(head, 24)
	binary.LittleEndian.PutUint32(head[4:], kindPCB) // the count: one that looks like a kind
	return &table{head}
}

func (t *table) record(kind uint32, length int, fill func(b []byte)) *table {
	b := make([]byte, (length+7)&^7)
	binary.LittleEndian.PutUint32(b, uint32(length))
	binary.LittleEndian.PutUint32(b[4:], kind)
	if fill != nil {
		fill(b)
	}
	t.b = append(t.b, b...)
	return t
}

// socket adds the records of one socket: of UDP five, of TCP six.
func (t *table) socket(s Socket, versions byte, tcp bool) *table {
	t.record(kindPCB, 104, func(b []byte) {
		binary.BigEndian.PutUint16(b[16:], s.Remote.Port())
		binary.BigEndian.PutUint16(b[18:], s.Local.Port())
		b[44] = versions
		put := func(at []byte, a netip.Addr) {
			if a.Is4() {
				copy(at[12:], a.AsSlice())
			} else {
				copy(at, a.AsSlice())
			}
		}
		put(b[48:64], s.Remote.Addr())
		put(b[64:80], s.Local.Addr())
	})
	t.record(kindSocket, 76, func(b []byte) {
		binary.LittleEndian.PutUint32(b[64:], s.UID)
		binary.LittleEndian.PutUint32(b[68:], uint32(s.PID))
		binary.LittleEndian.PutUint32(b[72:], uint32(s.For))
	})
	t.record(0x02, 32, nil).record(0x04, 32, nil).record(0x08, 136, nil)
	if tcp {
		t.record(0x20, 204, nil)
	}
	return t
}

func (t *table) end() []byte { return append(t.b, t.b[:24]...) }

func ends(local, remote string, uid uint32, pid, by int) Socket {
	return Socket{netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote), uid, pid, by}
}

func TestASocketIsThatOfItsProcessAndAccount(t *testing.T) {
	want := []Socket{
		ends("192.168.1.2:54321", "203.0.113.10:443", 501, 612, 612),
		ends("[2001:db8::7]:54322", "[2001:db8::2]:443", 502, 700, 88),
		ends("0.0.0.0:5353", "0.0.0.0:0", 65, 210, 0),
		ends("[fe80::1c2d]:5000", "[fe80::1]:53", 501, 613, 613),
	}
	for _, tcp := range []bool{true, false} {
		b := newTable().socket(want[0], version4, tcp).socket(want[1], version6, tcp).
			socket(want[2], version4, tcp).socket(want[3], version6, tcp).end()
		if got := ParseSockets(b); !slices.Equal(got, want) {
			t.Errorf("tcp %v:\ngot  %+v\nwant %+v", tcp, got, want)
		}
	}
}

// macOS 13 put more statistics into each socket, and the next will do the like.
func TestRecordsThatGrewAreReadAllTheSame(t *testing.T) {
	want := ends("192.168.1.2:54321", "203.0.113.10:443", 501, 612, 612)
	whole := newTable().socket(want, version4, true)
	b := newTable()
	b.record(kindPCB, 140, func(at []byte) { copy(at[16:80], whole.b[24+16:24+80]) })
	b.record(0x80, 12, nil) // of a kind nobody knows
	b.record(kindSocket, 99, func(at []byte) { copy(at[64:76], whole.b[24+104+64:24+104+76]) })
	if got := ParseSockets(b.end()); !slices.Equal(got, []Socket{want}) {
		t.Errorf("got %+v", got)
	}
}

func TestALinkLocalAddressIsWithoutItsInterface(t *testing.T) {
	s := ends("[fe80:4::1c2d]:5000", "[fe80:4::1]:53", 501, 613, 0)
	got := ParseSockets(newTable().socket(s, version6, false).end())
	if len(got) != 1 || got[0].Local.Addr() != netip.MustParseAddr("fe80::1c2d") {
		t.Errorf("got %+v", got)
	}
}

func TestASocketOfBothVersionsHasTheAddressItUses(t *testing.T) {
	four := ends("192.168.1.2:54321", "203.0.113.10:443", 501, 612, 0)
	either := ends("[::]:54322", "[::]:0", 501, 612, 0)
	got := ParseSockets(newTable().socket(four, version4|version6, false).socket(either, version4|version6, false).end())
	if !slices.Equal(got, []Socket{four, either}) {
		t.Errorf("got %+v", got)
	}
}

func TestATableThatIsBrokenEndsWhereItBreaks(t *testing.T) {
	one := ends("192.168.1.2:54321", "203.0.113.10:443", 501, 612, 612)
	whole := newTable().socket(one, version4, true).socket(one, version4, true).end()
	for cut := range whole {
		if got := ParseSockets(whole[:cut]); len(got) > 2 {
			t.Fatalf("cut to %d bytes: %d sockets", cut, len(got))
		}
	}
	if got := ParseSockets(whole[:24+104+80+32]); len(got) != 1 {
		t.Errorf("cut behind the first socket: %+v", got)
	}
	endless := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(endless[24:], 0)
	if got := ParseSockets(endless); len(got) != 0 {
		t.Errorf("a record of no length: %+v", got)
	}
	huge := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(huge, 1<<32-1)
	if got := ParseSockets(huge); len(got) != 0 {
		t.Errorf("a head of any length: %+v", got)
	}
}

func TestOnlyTheProgramsPathIsTakenFromItsArguments(t *testing.T) {
	for _, c := range []struct{ what, bytes, want string }{
		{"a program", "\x02\x00\x00\x00/usr/bin/curl\x00\x00\x00curl\x00https://secret.example\x00", "/usr/bin/curl"},
		{"with spaces", "\x01\x00\x00\x00/Applications/Tor Browser.app/Contents/MacOS/firefox\x00", "/Applications/Tor Browser.app/Contents/MacOS/firefox"},
		{"a relative one", "\x01\x00\x00\x00./game\x00", ""},
		{"none", "\x01\x00\x00\x00\x00curl\x00", ""},
		{"cut short", "\x01\x00\x00\x00/usr/bin/cu", ""},
		{"nothing", "", ""},
	} {
		if got, ok := parseArgs([]byte(c.bytes)); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.what, got, ok, c.want)
		}
	}
}

func TestAProgramBelongsToTheOutermostApp(t *testing.T) {
	for exe, want := range map[string]string{
		"/Applications/Safari.app/Contents/MacOS/Safari":                                                              "Safari",
		"/System/Cryptexes/App/System/Applications/Safari.app/Contents/MacOS/Safari":                                  "Safari",
		"/Users/demo/Downloads/Tor Browser.app/Contents/MacOS/firefox":                                                "Tor Browser",
		"/Applications/A.app/Contents/Frameworks/A.framework/Versions/9/Helpers/A Helper.app/Contents/MacOS/A Helper": "A",
		"/usr/bin/curl":                                            "",
		"/Users/demo/thing.app/thing":                              "",
		"/.app/Contents/MacOS/nameless":                            "",
		"/Users/demo/not.apps/Contents/x":                          "",
		"/" + strings.Repeat("long", 60) + ".app/Contents/MacOS/x": "",
		"": "",
	} {
		if got := App(exe); got != want {
			t.Errorf("%s: %q, want %q", exe, got, want)
		}
	}
}

func TestANameThatTheKernelCutIsTakenFromTheFile(t *testing.T) {
	for _, c := range []struct{ name, exe, want string }{
		{"Google Chrome He", "/Applications/x/Google Chrome Helper", "Google Chrome Helper"},
		{"Safari", "/Applications/Safari.app/Contents/MacOS/Safari", "Safari"},
		{"login", "/usr/bin/other", "login"},
		{"exactlysixteen!!", "/usr/bin/other", "exactlysixteen!!"},
		{"", "/usr/bin/curl", "curl"},
		{"curl", "", "curl"},
	} {
		if got := FullName(c.name, c.exe); got != c.want {
			t.Errorf("%q of %s: %q, want %q", c.name, c.exe, got, c.want)
		}
	}
}

func utmpx(account, line, host string, kind uint16) []byte {
	b := make([]byte, utmpxLength)
	copy(b, account)
	copy(b[utmpxLine:], line)
	binary.LittleEndian.PutUint16(b[utmpxType:], kind)
	copy(b[utmpxHost:], host)
	return b
}

func TestWhoSitsAtTheScreenAndWhoElsewhere(t *testing.T) {
	b := slices.Concat(
		utmpx("utmpx-1.00", "", "", 10), // the file's own mark
		utmpx("", "", "", 2),            // the boot
		utmpx("pupil07", "console", "", userProcess),
		utmpx("pupil07", "ttys001", "", userProcess),
		utmpx("technician", "ttys002", "10.1.2.3", userProcess),
		utmpx("gone", "ttys003", "", 8),
		utmpx("pupil09", "console", "", userProcess)[:600],
	)
	want := []SignedIn{{"pupil07", true, false}, {"pupil07", false, false}, {"technician", false, true}}
	if got := ParseSignedIn(b); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPeopleBeginAt500(t *testing.T) {
	for uid, want := range map[uint32]bool{
		0: false, 65: false, 499: false, 500: true, 501: true, 1000: true, 1234567: true, 1<<32 - 2: false, 1<<32 - 1: false,
	} {
		if Person(uid) != want {
			t.Errorf("%d: %v", uid, !want)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add(newTable().socket(ends("192.168.1.2:54321", "203.0.113.10:443", 501, 612, 612), version4, true).end())
	f.Add(utmpx("pupil07", "console", "", userProcess))
	f.Add([]byte("\x02\x00\x00\x00/Applications/A.app/Contents/MacOS/A\x00A\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(ParseSockets(b)); n*(pcbLength+socketSize) > len(b) {
			t.Fatalf("%d sockets in %d bytes", n, len(b))
		}
		for _, p := range ParseSignedIn(b) {
			if p.Account == "" {
				t.Fatal("somebody without an account")
			}
		}
		if exe, ok := parseArgs(b); ok && exe[0] != '/' {
			t.Fatalf("a path %q", exe)
		}
		if app := App(string(b)); strings.Contains(app, "/") {
			t.Fatalf("an app %q", app)
		}
	})
}

// What a process was started with it may write over, and it may be relative: a game
// would pass for Safari. The kernel's own word returns 0 where it succeeds.
func TestTheKernelsWordOnAProgramsFileCountsBeforeTheProcesssOwn(t *testing.T) {
	const running, claimed = "/Users/pupil07/Games/game", "/Applications/Safari.app/Contents/MacOS/Safari"
	for what, c := range map[string]struct {
		path  string
		errno syscall.Errno
		want  string
	}{
		"the kernel knows it":                  {running, 0, running},
		"it has ended":                         {"", syscall.ESRCH, ""},
		"it is another's":                      {"", syscall.EPERM, ""},
		"its file has no name any more":        {"", syscall.ENOENT, claimed},
		"the kernel says yes and nothing else": {"", 0, claimed},
	} {
		k := kernel{
			info: func(pid int, what uintptr, b []byte) (uintptr, syscall.Errno) {
				if pid != 42 || what != 11 || len(b) != 4096 {
					t.Errorf("asked %d of %d, with room for %d", what, pid, len(b))
				}
				copy(b, c.path)
				return 0, c.errno
			},
			args: func(int) ([]byte, error) { return []byte("\x01\x00\x00\x00" + claimed + "\x00Safari\x00"), nil },
		}
		if got := k.exe(42); got != c.want {
			t.Errorf("%s: got %q, want %q", what, got, c.want)
		}
	}
}
