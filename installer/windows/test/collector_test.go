package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

const (
	collector      = "safelight-collector"
	collectorExe   = `C:\Program Files\Safelight\collector\safelight-collector.exe`
	collectorState = "ProgramData/Safelight/collector"
)

// host is a Windows with the collector on it.
type host struct {
	*machine
	packages packages
	ready    string // the address that says whether it is
}

// A school's server in order: each step stands on the one before.
func TestTheCollectorsPackageUnderWine(t *testing.T) {
	needed(t)
	s := &host{packages: build(t, "collector"), machine: newMachine(t)}
	for _, step := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"installs, makes a trial school and serves", s.installs},
		{"stops and starts", s.stopsAndStarts},
		{"keeps the school over an upgrade", s.upgraded},
		{"leaves the school when uninstalled, and nothing when purged", s.removed},
	} {
		if !t.Run(step.name, step.do) {
			t.Logf("log:\n%s", s.lastWords())
			return
		}
	}
}

// installs beside a configuration that is there before, with ports that are free.
func (s *host) installs(t *testing.T) {
	ports, err := trialschool.FreePorts(3)
	must(t, err)
	conf := fmt.Sprintf("school: {name: Trial school}\npublic_url: https://localhost:%s\nlisten: {agents: \"127.0.0.1:%s\", console: \"127.0.0.1:%s\", metrics: \"127.0.0.1:%s\"}\n",
		ports[1], ports[0], ports[1], ports[2])
	must(t, os.MkdirAll(s.file(collectorState), 0o700))
	must(t, os.WriteFile(filepath.Join(s.file(collectorState), "collector.yaml"), []byte(conf), 0o600))
	s.ready = "http://127.0.0.1:" + ports[2] + "/readyz"
	s.install(t, before)
	s.verb(t, "user", "add", "--name", "Demo DSL", "--email", "dsl@trial-school.example", "--duty", "dsl")
	if made := s.verb(t, "token", "create", "--uses", "1"); !strings.Contains(made, "SL1.") {
		t.Errorf("no token in %s", made)
	}
	if got := s.read(t, collectorState+"/collector.yaml"); got != conf {
		t.Errorf("collector.yaml is now %q", got)
	}
}

func (s *host) install(t *testing.T, version string) {
	t.Helper()
	s.run(t, "msiexec", "/i", s.packages["collector"+version], "/qn")
	s.serves(t)
	if said := s.run(t, collectorExe, "version"); !strings.Contains(said, version) {
		t.Errorf("it says %q", said)
	}
}

// serves waits until it says that it is ready.
func (s *host) serves(t *testing.T) {
	t.Helper()
	s.is(t, collector, "RUNNING")
	s.until(t, "the collector to be ready", func() (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		ask, err := http.NewRequestWithContext(ctx, http.MethodGet, s.ready, nil)
		must(t, err)
		answer, err := http.DefaultClient.Do(ask)
		if err != nil {
			return false, err.Error()
		}
		return answer.StatusCode == http.StatusOK, fmt.Sprint(answer.Status, answer.Body.Close())
	})
}

// verb runs a verb beside the service, as an administrator would.
func (s *host) verb(t *testing.T, verb ...string) string {
	t.Helper()
	return s.run(t, append([]string{collectorExe}, verb...)...)
}

func (s *host) users(t *testing.T) (names []string) {
	t.Helper()
	all, err := trialschool.Lines[struct{ Name string }]([]byte(s.verb(t, "user", "list", "--json")))
	must(t, err)
	for _, u := range all {
		names = append(names, u.Name)
	}
	return names
}

func (s *host) knowsItsPeople(t *testing.T) {
	t.Helper()
	if got, err := json.Marshal(s.users(t)); err != nil || string(got) != `["Demo DSL"]` {
		t.Errorf("its people are %s, %v", got, err)
	}
}

func (s *host) stopsAndStarts(t *testing.T) {
	s.run(t, "net", "stop", collector)
	s.is(t, collector, "STOPPED")
	s.run(t, "net", "start", collector)
	s.serves(t)
	s.knowsItsPeople(t)
}

func (s *host) upgraded(t *testing.T) {
	s.install(t, after)
	s.knowsItsPeople(t)
	if out, err := s.try("msiexec", "/i", s.packages["collector"+before], "/qn"); err == nil {
		t.Errorf("an older version was taken: %s", out)
	}
	s.serves(t)
}

func (s *host) removed(t *testing.T) {
	s.uninstall(t)
	for _, name := range []string{"collector.yaml", "safelight.db"} {
		s.read(t, collectorState+"/"+name)
	}
	s.install(t, after)
	s.knowsItsPeople(t)
	s.uninstall(t, "PURGE=1")
	if left := s.below("ProgramData/Safelight"); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

func (s *host) uninstall(t *testing.T, properties ...string) {
	t.Helper()
	s.run(t, "net", "stop", collector) // as of the agent
	s.is(t, collector, "STOPPED")
	s.run(t, append([]string{"msiexec", "/x", s.packages["collector"+after], "/qn"}, properties...)...)
	s.is(t, collector, "none")
	if left := s.below("Program Files/Safelight"); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}
