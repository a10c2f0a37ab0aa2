package health

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"safelight/agent/source"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestADeviceOnWhichNothingChangesTellsNothing(t *testing.T) {
	d := newDevice(t)
	d.sources = []source.Status{{Name: "network", State: source.Running, Way: "bpf"}}
	d.start()
	d.pass(3 * 60)
	d.stop()
	d.wait(20 * time.Second)
	d.start()
	d.pass(5)
	d.expect(0)
}

func TestG15AChangedHostsFileIsAFactAndNobodysDoing(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.write("hosts", "127.0.0.1 localhost\n192.0.2.7 printer.school.example\n")
	d.pass(1)
	d.expect(1, "hosts-file: The hosts file changed. The collector’s own name is not in it.")
	d.pass(70)
	d.write("hosts", "0.0.0.0 ads.example Collector.School.Example. # not today\n0.0.0.0\tchildline.org.uk\n")
	d.pass(1)
	d.expect(1, "The collector’s own name is in it, so the device may not reach the collector.", "The name of a helpline’s site is in it")
}

func TestAHostsFileInTheWayIsToldAtTheFirstLookAndOneChangedMeanwhileToo(t *testing.T) {
	d := newDevice(t)
	d.write("hosts", "0.0.0.0 collector.school.example\n")
	d.start()
	d.expect(1, "gives addresses for names that matter", "own name is in it")
	d.stop()
	d.wait(time.Minute)
	d.write("hosts", "127.0.0.1 localhost\n# 0.0.0.0 collector.school.example\n")
	d.wait(2 * time.Hour)
	d.boot, d.mono = "boot-2", time.Minute
	d.start()
	d.expect(1, "The hosts file changed. The collector’s own name is not in it.")
}

func TestOtherNameServersAreToldOnTheSameNetworkAlone(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.network, d.servers = "198.51.100.0/24", []string{"198.51.100.1"} // home
	d.pass(1)
	d.network, d.servers = "", nil // on the way
	d.pass(1)
	d.network, d.servers = "192.0.2.0/24", []string{"192.0.2.53"}
	d.pass(1)
	d.expect(0)
	d.servers = []string{"203.0.113.9", "203.0.113.10"}
	d.pass(2)
	d.expect(1, "name-servers: The device asks other name servers than before (2 of them) though its network is the same.")
}

func TestAReplacedProgramIsToldUnlessItsVersionSaysSo(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.stop()
	d.wait(time.Minute)
	d.write("program", "another agent")
	d.start()
	d.expect(1, "program-changed: The agent’s program is another file than when it last ran, though its version is the same.")
	d.stop()
	d.wait(time.Minute)
	d.write("program", "a newer agent")
	d.write("unit", "ExecStart=agent --newer")
	d.Version = "1.1.0"
	d.start()
	d.pass(2)
	d.expect(1, "upgraded: The agent’s version is another one: 1.0.0 before, 1.1.0 now.")
}

func TestAProgramReplacedUnderARunningAgentIsGivenTimeToStart(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.write("program", "a newer agent, which its installer is about to start")
	d.pass(9)
	d.expect(0)
	d.pass(60)
	d.expect(1, "program-changed: The agent’s program was replaced or removed while it runs, and was not started again.")
	must(t, os.Remove(d.path("program")))
	d.pass(60)
	d.expect(0) // told once
}

func TestAnotherWayOfStartingTheAgentIsTold(t *testing.T) {
	d := newDevice(t)
	d.start()
	must(t, os.MkdirAll(d.path("unit.d"), 0o700))
	must(t, os.WriteFile(filepath.Join(d.path("unit.d"), "override.conf"), []byte("[Service]\nRestart=no\n"), 0o600))
	d.pass(1)
	d.expect(1, "unit-changed: The way in which the system starts the agent was changed.")
}

func TestAClockThatIsSetIsToldAndOneThatIsCorrectedIsNot(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.wall = d.wall.Add(90 * time.Second) // a time service
	d.pass(1)
	d.expect(0)
	d.wall = d.wall.Add(-26 * time.Hour)
	d.pass(1)
	d.expect(1, "clock: The device’s clock was set back by 26 hours.")
	d.wait(2 * time.Hour) // asleep: the monotonic clock goes on
	d.pass(1)
	d.expect(0)
	d.wall = d.wall.Add(3 * time.Hour)
	d.pass(1)
	d.expect(1, "set forward by 3 hours")
}

func TestSleepIsNotTakenForAClockThatWasSetWhereTheOtherClockSleepsToo(t *testing.T) {
	d := newDevice(t)
	d.SleepCounts = false
	d.start()
	d.wall = d.wall.Add(9 * time.Hour) // a night with the lid closed
	d.pass(1)
	d.expect(0)
	d.wall = d.wall.Add(-time.Hour)
	d.pass(1)
	d.expect(1, "set back by 60 minutes")
}

func TestASourceThatSeesNoMoreIsToldAndSoIsItsReturn(t *testing.T) {
	d := newDevice(t)
	set := func(state source.State, way, detail string) {
		d.sources = []source.Status{{Name: "network", State: state, Way: way, Detail: detail}, {Name: "weblog", State: source.Unavailable}}
	}
	set(source.Running, "bpf", "")
	d.start()
	set(source.Stopped, "", "")
	d.pass(1)
	set(source.Running, "bpf", "")
	d.pass(5)
	d.expect(0) // it was mended within a minute; the log never worked, which its status says
	set(source.Unavailable, "", "no permission to capture")
	d.pass(5)
	d.expect(1, "source-lost: The source network sees nothing any more: no permission to capture.")
	set(source.Running, "bpf", "")
	d.pass(1)
	d.expect(1, "source-back: The source network sees again.")
	d.pass(60)
	set(source.Running, "packets", "")
	d.pass(2)
	d.expect(1, "sees by packets now, and no more by bpf.")
}

func TestAFirewallIsToldApartFromANightAtHome(t *testing.T) {
	d := newDevice(t)
	d.start()
	// At home, where the collector was never reached, with a busy network.
	d.connected, d.network, d.servers = false, "198.51.100.0/24", []string{"198.51.100.1"}
	for range 600 {
		d.names += 10
		d.pass(1)
	}
	d.expect(0)
	// Back at school: reached, then not, while nothing else works either.
	d.connected, d.network, d.servers = true, "192.0.2.0/24", []string{"192.0.2.53"}
	d.pass(1)
	d.connected = false
	d.pass(30)
	d.expect(0)
	// And now others do.
	for range 5 {
		d.names += 10
		d.pass(1)
	}
	d.expect(1, "collector-unreachable: The collector is not reached, for 31 minutes now, from a network where it was reached before, while other names are.")
	d.pass(120)
	d.connected = true
	d.pass(1)
	d.expect(1, "collector-reached: The collector is reached again, after 3 hours.")
}

func TestARunThatEndedWithoutGoodbyeIsToldWithHowLongItWasGone(t *testing.T) {
	for name, c := range map[string]struct {
		boot string
		gap  time.Duration
		says string
	}{
		"killed":    {"boot-1", 3 * time.Second, "ended-suddenly: The agent ended without being stopped and was started again, 3 seconds at most after it was last known to run. The device stayed on."},
		"power cut": {"boot-2", 8 * time.Hour, "ended-suddenly: The device went off without the agent being stopped: the power failed, or somebody held the button down. It was last known to run 8 hours before it began again."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			d.start()
			d.pass(2)
			d.wait(c.gap)
			if d.boot != c.boot {
				d.boot, d.mono = c.boot, 30*time.Second
			}
			d.start()
			d.pass(2)
			d.expect(1, c.says)
		})
	}
}

func TestWhoStoppedItIsNotSaidButThatItWasStoppedIs(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.stop()
	d.wait(14 * time.Minute)
	d.start()
	d.expect(1, "stopped: The agent was stopped for 14 minutes and then started again, while the device stayed on.")
	d.stop() // the device is switched off for the night
	d.wait(15 * time.Hour)
	d.boot, d.mono = "boot-2", time.Minute
	d.start()
	d.stop() // an upgrade
	d.wait(10 * time.Second)
	d.start()
	d.expect(0)
}

func TestD20AMissingNoticeIsTold(t *testing.T) {
	d := newDevice(t)
	d.start()
	must(t, os.Remove(d.path("notice")))
	d.pass(1)
	d.expect(0) // a package may be laying it
	d.pass(1)
	d.expect(1, "notice-missing: What tells people of Safelight is missing on this device: "+d.path("notice"))
	d.pass(120)
	d.stop()
	d.wait(time.Minute)
	d.start()
	d.pass(5)
	d.expect(0) // told once, over a restart too
	d.write("notice", "Safelight is here")
	d.pass(1)
	d.expect(1, "notice-back: What tells people of Safelight is there again")
	d.mended = []string{"about.html"}
	d.pass(60)
	d.expect(1, "The page that tells people of Safelight was removed or changed, and is back.")
}

func TestWhatGoesOnAndOnIsOneFactAnHourWithANumber(t *testing.T) {
	d := newDevice(t)
	d.start()
	for i := range 180 {
		d.write("hosts", fmt.Sprintf("192.0.2.%d x.example\n", i))
		d.pass(1)
	}
	n := len(d.facts)
	if got := d.told(); n < 3 || n > 4 || !strings.Contains(got, "This was so ") {
		t.Errorf("%d facts in three hours:\n%s", n, got)
	}
}

func TestAFullSpoolLosesNoFactAndKillsNothing(t *testing.T) {
	d := newDevice(t)
	d.start()
	d.full = true
	d.write("hosts", "192.0.2.9 x.example\n")
	d.pass(3)
	d.full = false
	d.pass(1)
	d.expect(1, "The hosts file changed.")
}

func TestATornStateIsBegunAnew(t *testing.T) {
	d := newDevice(t)
	d.start()
	for _, file := range []string{"health.json", "alive.json"} {
		must(t, os.WriteFile(filepath.Join(d.dir, file), []byte(`{"hosts": "a`), 0o600))
	}
	d.wait(time.Minute)
	d.start()
	d.pass(2)
	d.expect(0)
	must(t, os.WriteFile(filepath.Join(d.dir, "health.json"), []byte(`{"told": {"clock": null}}`), 0o600))
	d.start()
}

func TestRunLooksOnceAMinuteAndSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		began := time.Now()
		looked := 0
		d.Clock = func() (time.Time, string, time.Duration) { return time.Now(), "boot-1", time.Since(began) }
		d.Sources = func() []source.Status { looked++; return nil }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		w := New(d.Parts)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if looked != 11 {
			t.Errorf("looked %d times in ten minutes, want 11", looked)
		}
		cancel()
		must(t, <-done)
		var last mark
		if there, err := readJSON(w.markFile(), &last); !there || err != nil || !last.Goodbye {
			t.Errorf("it left %+v, %v", last, err)
		}
	})
}

// IT reads these: no user, no site, no blame, and plain words (G11, G15).
func TestG15NoFactAccuses(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	quoted := regexp.MustCompile(`"[^"\n]*[a-z]{3} [^"\n]*"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		must(t, err)
		for _, said := range quoted.FindAllString(string(text), -1) {
			for _, never := range []string{"tamper", "attack", "suspicious", "violation", "illegal", "malicious", "pupil", "student", "caught", "attempt", "user "} {
				if strings.Contains(strings.ToLower(said), never) {
					t.Errorf("%s says %s", file, said)
				}
			}
		}
	}
}

func TestAFactIsARecordWithoutAUser(t *testing.T) {
	now := func() (time.Time, string, time.Duration) { return monday, "boot-1", time.Hour }
	data, err := Record(Fact{HostsFile, strings.Repeat("é", maxDetail+9)}, now)
	must(t, err)
	var r safelightv1.Record
	must(t, proto.Unmarshal(data, &r))
	h := r.GetHealth()
	if h.GetTopic() != HostsFile || utf8.RuneCountInString(h.GetDetail()) > maxDetail || len(h.GetId()) != 16 || h.GetObserved().GetBootId() != "boot-1" {
		t.Errorf("got %v", h)
	}
}

func TestDurationsReadAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "1 second", 0: "1 second", 3 * time.Second: "3 seconds", 89 * time.Second: "89 seconds", 14 * time.Minute: "14 minutes",
		2 * time.Hour: "2 hours", 26 * time.Hour: "26 hours", 72 * time.Hour: "3 days",
	} {
		if got := duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func FuzzHostsFile(f *testing.F) {
	f.Add("127.0.0.1 localhost\n::1 collector.school.example")
	f.Add("#\n\x00 \t\n0.0.0.0")
	f.Fuzz(func(t *testing.T, text string) {
		w := &Watcher{Parts: Parts{Own: func() []string { return []string{"a.example"} }, Helpline: func(string) bool { return false }}}
		collector, _ := w.namedIn(text)
		if collector && !strings.Contains(strings.ToLower(text), "a.example") {
			t.Errorf("found it in %q", text)
		}
	})
}
