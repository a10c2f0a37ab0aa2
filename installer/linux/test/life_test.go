package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	agent     = "safelight-agent"
	collector = "safelight-collector"
	worst     = 3.0                        // exposure, as systemd reckons it
	back      = 5 * time.Second            // after SIGKILL
	judge     = "systemd-analyze security" //nolint:misspell // a program's name
)

// One device's life, and its server's, in order: each step stands on the one before.
func TestPackagesOnARealSystemd(t *testing.T) {
	needed(t)
	m := unpack(t)
	m.build(t)
	steps := []struct {
		name string
		do   func(*testing.T)
	}{
		{"installs into an image and starts at boot", m.image},
		{"runs without root behind a sandbox", m.sandbox},
		{"enrols by the file and takes the token out", m.enrols},
		{"tells everybody who uses it what it records", m.tellsEverybody},
		{"tells of a visit and a program, by BPF", m.sees},
		{"tells of them by packets alone, with fewer rights", m.seesByPackets},
		{"is back after SIGKILL", m.killed},
		{"cannot be stopped or read by a pupil", m.pupilCannot},
		{"keeps configuration and spool over an upgrade", m.upgraded},
		{"keeps what it knows when removed and installed again", m.removed},
		{"leaves nothing when purged", m.purged},
		{"does the same from an rpm", m.fromRPM},
		{"is installed as the guide says", m.byApt},
		{"asks browsers beside the school's own policies, and takes it back", m.browsers},
	}
	for _, s := range steps {
		if !t.Run(s.name, s.do) {
			return
		}
		if m.nspawn == nil {
			m.boot(t)
		}
	}
}

func (m *machine) image(t *testing.T) {
	m.asImage(t, "dpkg -i "+m.deb("agent", before)+" "+m.deb("collector", before))
	for _, unit := range []string{agent, collector} {
		link := filepath.Join(m.root, "etc/systemd/system/multi-user.target.wants", unit+".service")
		if _, err := os.Lstat(link); err != nil {
			t.Errorf("it would not start at boot: %v", err)
		}
	}
}

func (m *machine) sandbox(t *testing.T) {
	for _, unit := range []string{agent, collector} {
		m.until(t, unit+" to run", func() (bool, string) {
			state := m.property(t, unit, "ActiveState")
			return state == "active", state
		})
		if user := m.property(t, unit, "User"); user != unit {
			t.Errorf("%s runs as %q", unit, user)
		}
		said := m.run(t, "%s --no-pager %s", judge, unit)
		found := regexp.MustCompile(`exposure level for \S+ (\d+\.\d+)`).FindStringSubmatch(said)
		if found == nil {
			t.Fatalf("no score in %s", said)
		}
		score, err := strconv.ParseFloat(found[1], 64)
		must(t, err)
		t.Logf("%s %s: %.1f", judge, unit, score)
		if score > worst {
			t.Errorf("%s scores %.1f, worse than %.1f:\n%s", unit, score, worst, said)
		}
	}
	if caps := m.run(t, "grep CapEff /proc/%s/status", m.property(t, collector, "MainPID")); !strings.HasSuffix(caps, "0000000000000000") {
		t.Errorf("the collector has capabilities: %s", caps)
	}
}

func (m *machine) enrols(t *testing.T) {
	m.found(t)
	m.enrol(t)
	m.ready(t, "bpf", "bpf")
	rest := m.run(t, "cat /etc/safelight/enrol.conf")
	if strings.Contains(rest, "SL1") || !strings.Contains(rest, "collector: localhost:7443") {
		t.Errorf("the enrolment file says %q", rest)
	}
	if journal := m.run(t, "journalctl --no-pager"); strings.Contains(journal, "SL1.") {
		t.Error("the journal holds the token")
	}
}

// everybodys lists what tells people of the agent.
const everybodys = "ls -d /etc/issue.d/safelight.issue /usr/lib/motd.d/safelight /etc/xdg/autostart/safelight-notice.desktop " +
	"/usr/share/applications/safelight-about.desktop /var/cache/safelight-agent 2>/dev/null"

// tellsEverybody looks with a pupil's eyes (D20).
func (m *machine) tellsEverybody(t *testing.T) {
	const as = "runuser -u " + pupil + " -- "
	m.until(t, "the school's page to be on the device", func() (bool, string) {
		said, err := m.try(as + "safelight-agent about")
		return err == nil && strings.Contains(said, "Gambling") && strings.Contains(said, "0800 1111"), said
	})
	if all := m.run(t, "%s", everybodys); strings.Count(all, "\n") != 4 {
		t.Errorf("people are told by %q alone", all)
	}
	for file, want := range map[string]string{
		"/etc/issue.d/safelight.issue": "safelight-agent about", "/usr/lib/motd.d/safelight": "0800 1111",
		"/etc/xdg/autostart/safelight-notice.desktop": "about --notify", "/var/cache/safelight-agent/about.html": "0800 1111",
	} {
		if said := m.run(t, as+"cat %s", file); !strings.Contains(said, want) {
			t.Errorf("%s says %q", file, said)
		}
	}
	if out, err := m.try(as + "rm /var/cache/safelight-agent/about.txt"); err == nil {
		t.Errorf("a pupil can remove what others read: %s", out)
	}
	if page := m.run(t, as+"curl -ks https://localhost:8444/"); !strings.Contains(page, "Gambling") || !strings.Contains(page, "0800 1111") {
		t.Errorf("the school's page says %q", page)
	}
}

func (m *machine) sees(t *testing.T) {
	m.visit(t, "one.bets.example")
	m.play(t, "betclient")
	m.arrives(t, "one.bets.example", "tls")
	m.arrives(t, "betclient", "exec")
}

func (m *machine) seesByPackets(t *testing.T) {
	const dropIn = "/etc/systemd/system/safelight-agent.service.d"
	m.run(t, "mkdir -p %s && cp /usr/share/doc/safelight-agent/examples/packets-only.conf %s/", dropIn, dropIn)
	m.run(t, "printf 'network: {enabled: true, capture: packet}\\nprocess: {enabled: true}\\n' >/etc/safelight/agent.yaml")
	m.run(t, "systemctl daemon-reload && systemctl restart %s", agent)
	m.ready(t, "packet", "polling")
	m.visit(t, "two.bets.example")
	m.play(t, "betclient2")
	m.arrives(t, "two.bets.example", "tls")
	m.arrives(t, "betclient2", "poll")
	m.run(t, "rm -r %s /etc/safelight/agent.yaml && systemctl daemon-reload && systemctl restart %s", dropIn, agent)
	m.ready(t, "bpf", "bpf")
}

func (m *machine) killed(t *testing.T) {
	for _, unit := range []string{agent, collector} {
		pid, began := m.property(t, unit, "MainPID"), time.Now()
		m.run(t, "kill -KILL %s", pid)
		m.until(t, unit+" to be back", func() (bool, string) {
			now := m.property(t, unit, "MainPID")
			return now != "0" && now != pid && m.property(t, unit, "ActiveState") == "active", now
		})
		took := time.Since(began)
		t.Logf("%s was back %s after SIGKILL", unit, took.Round(100*time.Millisecond))
		if took > back {
			t.Errorf("%s took %s to be back, the bar is %s", unit, took, back)
		}
	}
	m.ready(t, "bpf", "bpf")
}

func (m *machine) pupilCannot(t *testing.T) {
	pid := m.property(t, agent, "MainPID")
	for _, attempt := range []string{
		"systemctl stop " + agent, "systemctl disable " + agent, "kill -KILL " + pid, "cat /proc/" + pid + "/environ",
		"ls /var/lib/safelight-agent", "cat /etc/safelight/enrol.conf", "ls /var/lib/safelight-collector",
		"safelight-agent status --dir /var/lib/safelight-agent", "rm /etc/safelight/enrol.conf",
	} {
		if out, err := m.try("runuser -u " + pupil + " -- " + attempt); err == nil {
			t.Errorf("a pupil can %s: %s", attempt, out)
		}
	}
	if now := m.property(t, agent, "MainPID"); now != pid {
		t.Error("the agent was stopped by a pupil")
	}
}

// upgraded installs the next version of both while an event waits in the spool.
func (m *machine) upgraded(t *testing.T) {
	const conf = "network: {enabled: true}\nprocess: {enabled: true}\n"
	must(t, os.WriteFile(filepath.Join(m.root, "etc/safelight/agent.yaml"), []byte(conf), 0o644))
	m.run(t, "systemctl stop %s", collector)
	m.visit(t, "three.bets.example")
	m.until(t, "the event to wait in the spool", func() (bool, string) {
		st, err := m.status(t)
		return err == nil && st.Waiting() == 1, fmt.Sprintf("%d, %v", st.Waiting(), err)
	})
	pid := m.property(t, agent, "MainPID")
	m.run(t, "dpkg -i %s", m.deb("agent", after))
	if now := m.property(t, agent, "MainPID"); now == pid || now == "0" {
		t.Errorf("the agent was not restarted: process %s, then %s", pid, now)
	}
	m.until(t, "the event, and the fact of the upgrade, to wait after it", func() (bool, string) {
		st, err := m.status(t)
		return err == nil && st.Waiting() == 2, fmt.Sprintf("%d, %v", st.Waiting(), err)
	})
	m.run(t, "dpkg -i %s", m.deb("collector", after))
	for _, program := range []string{agent, collector} {
		if said := m.run(t, "%s version", program); !strings.Contains(said, after) {
			t.Errorf("it says %q", said)
		}
	}
	m.ready(t, "bpf", "bpf")
	m.arrives(t, "three.bets.example", "tls")
	if got := m.run(t, "cat /etc/safelight/agent.yaml"); got+"\n" != conf {
		t.Errorf("agent.yaml is now %q", got)
	}
}

func (m *machine) removed(t *testing.T) {
	identity := m.run(t, "cat /var/lib/safelight-agent/identity.json")
	m.run(t, "dpkg -r %s", agent)
	if out, err := m.try("pgrep -x " + agent); err == nil {
		t.Errorf("it still runs: %s", out)
	}
	if said := m.run(t, "journalctl --no-pager -u %s", agent); !regexp.MustCompile(`last fact about this device.*removed.*heard\W+true`).MatchString(said) {
		t.Error("the collector was not told that the agent is removed")
	}
	if left, _ := m.try(everybodys); left != "" {
		t.Errorf("removed, it still tells people of itself by %s", left)
	}
	if got := m.run(t, "cat /var/lib/safelight-agent/identity.json; ls /etc/safelight"); got != identity+"\nagent.yaml\nenrol.conf" {
		t.Errorf("what is left says %q", got)
	}
	m.run(t, "dpkg -i %s", m.deb("agent", after))
	m.ready(t, "bpf", "bpf")
	if got := m.run(t, "cat /var/lib/safelight-agent/identity.json"); got != identity {
		t.Error("it became another device")
	}
}

func (m *machine) purged(t *testing.T) {
	m.run(t, "dpkg -P %s %s", agent, collector)
	left, _ := m.try(everybodys + "; ls -d /etc/safelight /var/lib/safelight-* /etc/systemd/system/*.wants/safelight-* /usr/bin/safelight-* /usr/share/doc/safelight-* 2>/dev/null; pgrep -l safelight")
	if left != "" {
		t.Errorf("it leaves %s", left)
	}
	if failed := m.run(t, "systemctl --failed --no-legend"); failed != "" {
		t.Errorf("failed units: %s", failed)
	}
}

// fromRPM runs the rpm's scripts by rpm itself, on Debian: what they do is tried,
// and not how a Fedora or a SUSE takes them.
func (m *machine) fromRPM(t *testing.T) {
	const rpm = "rpm --nodeps --force-debian "
	m.run(t, rpm+"-i %s", m.rpm("agent", before))
	if state := m.property(t, agent, "ActiveState"); state != "active" {
		t.Errorf("after installing it is %s", state)
	}
	pid := m.property(t, agent, "MainPID")
	m.run(t, "touch /var/lib/safelight-agent/mark && echo '# mine' >/etc/safelight/agent.yaml")
	m.run(t, rpm+"-U %s", m.rpm("agent", after))
	if now := m.property(t, agent, "MainPID"); now == pid || now == "0" {
		t.Errorf("an upgrade did not restart it: process %s, then %s", pid, now)
	}
	if said := m.run(t, "safelight-agent version"); !strings.Contains(said, after) {
		t.Errorf("it says %q", said)
	}
	m.run(t, rpm+"-e %s", agent)
	m.run(t, "ls /var/lib/safelight-agent/mark /etc/safelight/agent.yaml")
	if left, _ := m.try("ls -d /etc/systemd/system/*.wants/safelight-* /usr/bin/safelight-agent 2>/dev/null; pgrep -l safelight"); left != "" {
		t.Errorf("it leaves %s", left)
	}
}
