package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// pupil is the account of an invented pupil.
const pupil = "pupil1"

// The trial school's one category: each visit and program here is of another name,
// since repeats within a minute are folded into one.
const category = `category: gambling
title: Gambling
noun: gambling
about: Sites for betting.
purpose: safeguarding
risk: ordinary
severity: medium
owner: DSL
why: Betting is not for children.
phrases: [{id: ga-001, text: lucky crate}]
domains: [bets.example]
programs: [betclient, betclient2]
tests: {hit: [lucky crate, {domain: bets.example}, {process: betclient}], miss: [milk crate, {domain: notbets.example}, {process: bash}]}
first_steps: [Ask what it is about.]
`

// packages builds both programs and their packages in two versions.
func (m *machine) build(t *testing.T) {
	t.Helper()
	programs := t.TempDir()
	for _, version := range []string{before, after} {
		for _, which := range []string{"agent", "collector"} {
			program := filepath.Join(programs, which)
			here(t, "go", "-C", "../../..", "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace",
				"-ldflags", "-s -w -X safelight/internal/version.Version="+version, "-o", program, "./"+which)
			here(t, "../build", which, version, runtime.GOARCH, program, m.packages)
		}
		browsers := filepath.Join(programs, "browsers")
		here(t, "go", "-C", "../../..", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X safelight/internal/version.Version="+version, "-o", browsers, "./installer/policies/merge")
		here(t, "../../policies/package/build", version, runtime.GOARCH, browsers, m.packages)
	}
	rules := filepath.Join(m.packages, "rules")
	must(t, os.MkdirAll(rules, 0o755))
	for name, text := range map[string]string{
		"rules/pack.yaml":     "pack: our-school\ntitle: Our school\nversion: 1\n",
		"rules/gambling.yaml": category,
		"roster.csv":          "account,name,role,year\n" + pupil + ",Demo Pupil,pupil,9\n",
	} {
		must(t, os.WriteFile(filepath.Join(m.packages, name), []byte(text), 0o644))
	}
}

// The two versions that are installed.
const before, after = "1.0.0", "1.1.0"

func (m *machine) deb(which, version string) string {
	return fmt.Sprintf("/mnt/pkg/safelight-%s_%s_%s.deb", which, version, runtime.GOARCH)
}

func (m *machine) rpm(which, version string) string {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return fmt.Sprintf("/mnt/pkg/safelight-%s-%s-1.%s.rpm", which, version, arch)
}

// collector runs a verb of the collector, as its account.
func (m *machine) collector(t *testing.T, verb string) string {
	t.Helper()
	return m.run(t, "runuser -u safelight-collector -- safelight-collector %s", verb)
}

// found makes a school of one pupil, whose rules are in force.
func (m *machine) found(t *testing.T) {
	t.Helper()
	m.run(t, "useradd --create-home %s", pupil)
	m.until(t, "the collector to answer", func() (bool, string) {
		out, err := m.try("runuser -u safelight-collector -- safelight-collector user list")
		return err == nil, out
	})
	m.collector(t, `user add --name "Demo DSL" --email dsl@trial-school.example --duty dsl`)
	m.collector(t, `user add --name "Demo IT" --email it@trial-school.example --duty it`)
	m.collector(t, "roster import /mnt/pkg/roster.csv")
	proposal := one[struct{ Proposal string }](t, m.collector(t, `rules propose /mnt/pkg/rules --as "Demo IT" --reason Trial --necessity "The test wants it" --json`))
	m.collector(t, fmt.Sprintf(`rules publish %s --as "Demo DSL" --reason Trial`, proposal.Proposal))
	m.run(t, `cd /srv && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout site.key -out site.pem -subj /CN=bets.example -days 2 2>&1`)
	m.run(t, "systemd-run --quiet --unit site openssl s_server -accept 8445 -cert /srv/site.pem -key /srv/site.key -www")
}

func one[T any](t *testing.T, text string) (v T) {
	t.Helper()
	must(t, json.Unmarshal([]byte(text), &v))
	return v
}

// visit has the pupil visit a name that stands for this machine.
func (m *machine) visit(t *testing.T, host string) {
	t.Helper()
	m.asPupil(t, fmt.Sprintf("curl --silent --insecure --noproxy '*' --max-time 20 --retry 5 --retry-connrefused --resolve %s:8445:127.0.0.1 --output /dev/null https://%s:8445/", host, host))
}

// play has the pupil run a program of that name.
func (m *machine) play(t *testing.T, program string) {
	t.Helper()
	m.run(t, "cp /bin/sleep /usr/local/bin/%s", program)
	m.asPupil(t, "/usr/local/bin/"+program+" 3")
}

// told is an event as the collector prints it.
type told struct{ Kind, Name, Via, User, Role, Process, Device string }

func (m *machine) events(t *testing.T) []told {
	t.Helper()
	all, err := trialschool.Lines[told]([]byte(m.collector(t, `events --as "Demo DSL" --json`)))
	must(t, err)
	return all
}

// arrives waits for the one event of a name, and checks how it was seen.
func (m *machine) arrives(t *testing.T, name, via string) {
	t.Helper()
	var got []told
	m.until(t, name+" to arrive", func() (bool, string) {
		got = nil
		for _, e := range m.events(t) {
			if e.Name == name {
				got = append(got, e)
			}
		}
		return len(got) > 0, "no such event"
	})
	if len(got) != 1 || got[0].Via != via || got[0].User != pupil || got[0].Role != "pupil" {
		t.Errorf("%s: told %+v, want one by %s of the pupil", name, got, via)
	}
}

func (m *machine) status(t *testing.T) (st trialschool.AgentStatus, err error) {
	t.Helper()
	out, err := m.try("runuser -u safelight-agent -- safelight-agent status --json")
	if err != nil {
		return st, fmt.Errorf("%w: %s", err, out)
	}
	return st, json.Unmarshal([]byte(out), &st)
}

// ready waits for the agent, and checks by which way it sees.
func (m *machine) ready(t *testing.T, network, process string) {
	t.Helper()
	var st trialschool.AgentStatus
	m.until(t, "the agent to be ready", func() (bool, string) {
		var err error
		st, err = m.status(t)
		return err == nil && st.Ready(), fmt.Sprintf("%+v %v", st, err)
	})
	want := map[string]string{"network": network, "process": process}
	for _, s := range st.Sources {
		if s.Way != want[s.Name] {
			t.Errorf("%s is seen by %s, want %s: %s", s.Name, s.Way, want[s.Name], s.Detail)
		}
	}
	if uid := m.run(t, "stat -c %%U /proc/%s", m.property(t, agent, "MainPID")); uid != agent {
		t.Errorf("the agent runs as %s", uid)
	}
}

// enrol lays the enrolment file down as a management tool would.
func (m *machine) enrol(t *testing.T) {
	t.Helper()
	made := one[struct{ Token string }](t, m.collector(t, "token create --uses 1 --json"))
	if !strings.HasPrefix(made.Token, "SL1.") {
		t.Fatal("no token was made")
	}
	must(t, os.WriteFile(filepath.Join(m.root, "etc/safelight/enrol.conf"), []byte("token: "+made.Token+"\ncollector: localhost:7443\n"), 0o600))
}
