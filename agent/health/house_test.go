package health

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/agent/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// device is a made-up device that a Watcher looks at.
type device struct {
	t testing.TB
	Parts
	dir string

	wall      time.Time
	mono      time.Duration
	boot      string
	facts     []Fact
	full      bool // the spool takes nothing
	servers   []string
	network   string
	sources   []source.Status
	connected bool
	names     uint64
	mended    []string

	watcher *Watcher
}

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func newDevice(t testing.TB) *device {
	t.Helper()
	d := &device{t: t, dir: t.TempDir(), wall: monday, mono: time.Hour, boot: "boot-1", servers: []string{"192.0.2.53"}, network: "192.0.2.0/24", connected: true}
	d.write("hosts", "127.0.0.1 localhost\n")
	d.write("program", "the agent")
	d.write("unit", "ExecStart=agent")
	d.write("notice", "Safelight is here")
	d.Parts = Parts{
		Dir: d.dir, Version: "1.0.0", SleepCounts: true,
		Places:   Places{Hosts: d.path("hosts"), Program: d.path("program"), Units: []string{d.path("unit"), d.path("unit.d")}, Notices: []string{d.path("notice")}},
		Clock:    func() (time.Time, string, time.Duration) { return d.wall, d.boot, d.mono },
		Put:      d.put,
		Own:      func() []string { return []string{"collector.school.example"} },
		Helpline: func(name string) bool { return name == "childline.org.uk" },
		Servers:  func() []string { return d.servers }, Network: func() string { return d.network },
		Sources:   func() []source.Status { return d.sources },
		Connected: func() bool { return d.connected }, Names: func() uint64 { return d.names },
		Lay: func() ([]string, error) { m := d.mended; d.mended = nil; return m, nil },
		Log: slog.New(slog.DiscardHandler),
	}
	return d
}

func (d *device) put(f Fact) error {
	if d.full {
		return errors.New("the disk is full")
	}
	d.facts = append(d.facts, f)
	return nil
}

func (d *device) path(name string) string { return filepath.Join(d.dir, "files", name) }

func (d *device) write(name, text string) {
	d.t.Helper()
	must(d.t, os.MkdirAll(filepath.Dir(d.path(name)), 0o700))
	must(d.t, os.WriteFile(d.path(name), []byte(text), 0o600))
}

// start begins a run of the agent and looks once.
func (d *device) start() {
	d.watcher = New(d.Parts)
	d.watcher.Look(d.t.Context())
}

// pass lets so many minutes go by, with a look in each.
func (d *device) pass(minutes int) {
	for range minutes {
		d.wait(time.Minute)
		d.watcher.Look(d.t.Context())
	}
}

func (d *device) wait(length time.Duration) {
	d.wall, d.mono = d.wall.Add(length), d.mono+length
}

// stop ends the run as a service manager does.
func (d *device) stop() {
	bye := d.watcher.now()
	bye.Goodbye = true
	must(d.t, writeMark(d.watcher.markFile(), bye))
}

// told takes the facts told so far, as "topic: detail" a line.
func (d *device) told() string {
	var lines []string
	for _, f := range d.facts {
		lines = append(lines, f.Topic+": "+f.Detail)
	}
	d.facts = nil
	return strings.Join(lines, "\n")
}

// expect holds what was told: each of parts stands in it, and there are so many facts.
func (d *device) expect(n int, parts ...string) {
	d.t.Helper()
	count := len(d.facts)
	got := d.told()
	if count != n {
		d.t.Errorf("%d facts, want %d:\n%s", count, n, got)
	}
	for _, part := range parts {
		if !strings.Contains(got, part) {
			d.t.Errorf("it does not say %q:\n%s", part, got)
		}
	}
}
