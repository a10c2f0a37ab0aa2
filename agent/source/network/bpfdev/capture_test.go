package bpfdev

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"
)

// mac is a Mac that is told what it has.
type mac struct {
	faces  []Interface
	deny   map[string]error
	links  map[string]Link
	opened []string
	live   map[string]*dev
	waits  int
	closed bool
	size   int // of a read
}

func newMac(names ...string) *mac {
	m := &mac{size: 4096, deny: map[string]error{}, links: map[string]Link{}, live: map[string]*dev{}}
	for i, name := range names {
		m.faces = append(m.faces, Interface{Name: name, Index: i + 1, MAC: []byte{2, 0, 0, 0, 0, byte(i)}})
		m.links[name] = Ethernet
	}
	return m
}

func (m *mac) Interfaces() ([]Interface, error) { return slices.Clone(m.faces), nil }
func (m *mac) Wait([]Device, time.Duration) error {
	m.waits++
	return nil
}
func (*mac) Wake() {}
func (m *mac) Close() error {
	m.closed = true
	return nil
}

func (m *mac) Open(i Interface) (Device, error) {
	if err := m.deny[i.Name]; err != nil {
		return nil, err
	}
	m.opened = append(m.opened, i.Name)
	d := &dev{mac: m, name: i.Name, link: m.links[i.Name]}
	m.live[i.Name] = d
	return d, nil
}

type dev struct {
	mac    *mac
	name   string
	link   Link
	queue  [][]byte
	fail   error
	lost   uint64
	closed bool
}

func (d *dev) Link() Link   { return d.link }
func (d *dev) Size() int    { return d.mac.size }
func (d *dev) Lost() uint64 { return d.lost }
func (d *dev) Close() error {
	d.closed = true
	delete(d.mac.live, d.name)
	return nil
}

func (d *dev) Read(b []byte) (int, error) {
	if len(b) != d.Size() {
		return 0, errors.New("the kernel takes no other size than its own")
	}
	if len(d.queue) == 0 {
		return 0, d.fail
	}
	n := copy(b, d.queue[0])
	d.queue = d.queue[1:]
	return n, nil
}

func open(t *testing.T, m *mac, only string) *Capture {
	t.Helper()
	c, err := Open(m, only)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func packets(t *testing.T, c *Capture) (all []string) {
	t.Helper()
	err := c.Read(t.Context(), time.Second, func(packet []byte, _ time.Time) { all = append(all, string(packet)) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func ethernet(packet string) []byte { return append(make([]byte, 14), packet...) }

func TestPacketsOfEveryInterfaceAreReadInOneGo(t *testing.T) {
	m := newMac("en0", "utun3", "ppp0")
	m.links["utun3"], m.links["ppp0"] = Null, PPP
	c := open(t, m, "")
	m.live["en0"].queue = [][]byte{
		padded(record(at, 14, ethernet("first"), 19), record(at, 14, ethernet("second"), 20)),
		record(at, 14, ethernet("third"), 19),
	}
	m.live["utun3"].queue = [][]byte{record(at, 4, []byte("\x02\x00\x00\x00inside"), 10)}
	m.live["ppp0"].queue = [][]byte{padded(record(at, 4, []byte("\xff\x03\x00\x21dialled"), 11), record(at, 4, []byte("no framing"), 10))}
	got := packets(t, c)
	slices.Sort(got)
	if want := []string{"dialled", "first", "inside", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if m.waits != 0 {
		t.Error("it waited while there was something to read")
	}
	if len(packets(t, c)) != 0 || m.waits != 1 {
		t.Errorf("with nothing there it waited %d times, want once", m.waits)
	}
}

// A docking station, a VPN, a Wi-Fi that changes its private address.
func TestInterfacesThatComeGoAndChangeAreFollowed(t *testing.T) {
	m := newMac("en0")
	c := open(t, m, "")
	first := m.live["en0"]
	first.lost = 3
	m.faces = append(m.faces, Interface{Name: "utun4", Index: 9})
	m.links["utun4"] = Null
	if err := c.Changed(); err != nil || m.live["utun4"] == nil || first.closed {
		t.Fatalf("a VPN came up: %v, opened %v", err, m.opened)
	}
	m.faces[0].MAC = []byte{2, 0, 0, 0, 0, 99}
	if err := c.Changed(); err != nil || !first.closed || m.live["en0"] == nil {
		t.Errorf("another address: %v; its filter goes by the old one", err)
	}
	m.live["en0"].lost = 4
	m.faces = m.faces[1:]
	if err := c.Changed(); err != nil || m.live["en0"] != nil {
		t.Errorf("an interface went: %v", err)
	}
	if c.Lost() != 7 {
		t.Errorf("lost %d, want the 7 of both devices", c.Lost())
	}
	m.faces = nil
	if err := c.Changed(); err == nil {
		t.Error("with no interface there is nothing to see, and it does not say so")
	}
	if err := c.Close(); err != nil || !m.closed || len(m.live) != 0 {
		t.Errorf("closing: %v, %v left open", err, m.live)
	}
}

// The interface goes while it is read, before anybody was told.
func TestADeviceThatFailsIsClosedAndTheOthersGoOn(t *testing.T) {
	m := newMac("en0", "en1")
	c := open(t, m, "")
	m.live["en0"].fail = errors.New("device not configured")
	m.live["en1"].queue = [][]byte{record(at, 14, ethernet("still here"), 24)}
	if got := packets(t, c); !slices.Equal(got, []string{"still here"}) {
		t.Errorf("got %q", got)
	}
	if m.live["en0"] != nil {
		t.Error("the device that failed is still open")
	}
	if err := c.Changed(); err != nil || m.live["en0"] == nil {
		t.Errorf("it was not opened again: %v", err)
	}
}

func TestWhoMayNotIsToldSo(t *testing.T) {
	m := newMac("en0", "lo0")
	m.deny["en0"], m.deny["lo0"] = ErrPrivilege, ErrPrivilege
	if _, err := Open(m, ""); !errors.Is(err, ErrPrivilege) || !m.closed {
		t.Errorf("got %v; closed: %v", err, m.closed)
	}
}

func TestAnInterfaceOfAnUnknownLinkIsLeftOutAndNamed(t *testing.T) {
	m := newMac("en0", "fw0")
	_, unread := Program(138, nil)
	m.deny["fw0"] = unread
	c := open(t, m, "")
	if left := c.Left(); !strings.Contains(left, "fw0") || !strings.Contains(left, "138") {
		t.Errorf("it says %q", left)
	}
	m.deny["fw0"] = nil
	if err := c.Changed(); err != nil || slices.Contains(m.opened, "fw0") {
		t.Errorf("it tries again and again: %v", m.opened)
	}
	m.faces[1].Index++ // another one of that name
	if err := c.Changed(); err != nil || !slices.Contains(m.opened, "fw0") || c.Left() != "" {
		t.Errorf("opened %v, left %q", m.opened, c.Left())
	}
}

func TestATakenDeviceIsTriedAgain(t *testing.T) {
	m := newMac("en0", "en1")
	m.deny["en1"] = ErrNone
	c := open(t, m, "")
	delete(m.deny, "en1")
	if err := c.Changed(); err != nil || m.live["en1"] == nil || c.Left() != "" {
		t.Errorf("%v, opened %v, left %q", err, m.opened, c.Left())
	}
}

func TestOnlyTheInterfaceThatWasAskedForIsWatched(t *testing.T) {
	m := newMac("en0", "en1")
	c := open(t, m, "en1")
	if !slices.Equal(m.opened, []string{"en1"}) {
		t.Fatalf("opened %v", m.opened)
	}
	m.faces = m.faces[:1]
	if err := c.Changed(); err == nil || !strings.Contains(err.Error(), "en1") {
		t.Errorf("it went: %v", err)
	}
	if _, err := Open(newMac("en0"), "en7"); err == nil {
		t.Error("an interface that is not there can be watched")
	}
}

func TestAReadThatIsNotUnderstoodIsCountedAsLost(t *testing.T) {
	m := newMac("en0")
	c := open(t, m, "")
	bad := record(at, 14, ethernet("hidden"), 20)
	bad[16] = 0
	m.live["en0"].queue = [][]byte{padded(record(at, 14, ethernet("seen"), 18), bad)}
	if got := packets(t, c); !slices.Equal(got, []string{"seen"}) || c.Lost() != 1 {
		t.Errorf("got %q, lost %d", got, c.Lost())
	}
}

func TestAReadEndsWithItsContext(t *testing.T) {
	m := newMac("en0")
	c := open(t, m, "")
	m.live["en0"].queue = [][]byte{record(at, 14, ethernet("late"), 18)}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := c.Read(ctx, time.Hour, func([]byte, time.Time) {}); err != nil || m.waits != 0 {
		t.Errorf("%v, waited %d times", err, m.waits)
	}
}

// A promiscuous card would hand over other people's packets.
func TestG11NoCardIsMadePromiscuous(t *testing.T) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "system_darwin.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			calls++
			if strings.Contains(strings.ToLower(name.Name), "promisc") {
				t.Errorf("%s: %s", fset.Position(name.Pos()), name.Name)
			}
		}
		return true
	})
	if calls < 100 {
		t.Errorf("read %d names: this test sees nothing", calls)
	}
}
