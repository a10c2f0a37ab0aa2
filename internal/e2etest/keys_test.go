package e2etest

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/pki"
	"safelight/internal/trialschool"
)

// serveAs starts the collector under other names or at another address.
func serveAs(t *testing.T, s *trialschool.School, listen string, names, addresses []string) *trialschool.Program {
	t.Helper()
	conf := fmt.Sprintf("school: {name: Trial school}\npublic_url: %s\nlisten: {agents: %q, console: %q, public: \"127.0.0.1:0\", metrics: %q}\nagent_addresses: [%s]\nserver_names: [%s]\n",
		s.ConsoleURL, listen, strings.Replace(s.ConsoleURL, "https://localhost", "127.0.0.1", 1), strings.TrimPrefix(s.MetricsURL, "http://"),
		`"`+strings.Join(addresses, `", "`)+`"`, strings.Join(names, ", "))
	check(t, os.WriteFile(filepath.Join(s.CollectorDir(), "collector.yaml"), []byte(conf), 0o600))
	return must[*trialschool.Program](t)(trialschool.Start(t.Context(), s.Ended, `"ready"`, s.Collector, "serve", "--dir", s.CollectorDir()))
}

func rotate(t *testing.T, s *trialschool.School, args ...string) {
	t.Helper()
	must[[]byte](t)(s.Verb(t.Context(), append([]string{"key", "rotate"}, args...)...))
}

// retire waits until every device has followed: before, the verb refuses.
func retire(t *testing.T, s *trialschool.School, what string) {
	t.Helper()
	check(t, trialschool.Until(t.Context(), "the devices to have followed", func() (bool, string) {
		_, err := s.Verb(t.Context(), "key", "rotate", what, "--retire")
		return err == nil, fmt.Sprint(err)
	}))
}

// shows waits until the device's chain is another than before, and returns it.
func shows(t *testing.T, s *trialschool.School, before []*x509.Certificate) []*x509.Certificate {
	t.Helper()
	var chain []*x509.Certificate
	check(t, trialschool.Until(t.Context(), "the device to renew", func() (bool, string) {
		var err error
		chain, err = pki.LoadCerts(filepath.Join(s.AgentDir(), "device.crt"))
		return err == nil && len(chain) > 1 && (before == nil || !chain[1].Equal(before[1])), fmt.Sprint(err)
	}))
	return chain
}

func untilPolicy(t *testing.T, s *trialschool.School, epoch, serial uint64) {
	t.Helper()
	check(t, trialschool.Until(t.Context(), "the policy", func() (bool, string) {
		st, err := s.Status(t.Context(), s.AgentDir())
		return err == nil && st.Policy != nil && st.Policy.Epoch == epoch && st.Policy.Serial == serial, fmt.Sprintf("%+v %v", st.Policy, err)
	}))
}

// TestRootIssuingPolicyKeyAndServerNameAreReplacedAndNoDeviceIsTouched runs one
// agent throughout: it is neither restarted nor enrolled again.
func TestRootIssuingPolicyKeyAndServerNameAreReplacedAndNoDeviceIsTouched(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it waits for heartbeats of real programs")
	}
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	n := 0
	delivers := func(when string) {
		t.Helper()
		n++
		name := fmt.Sprintf("n%d.flagged.example", n)
		appendLine(t, log, name, "demo.pupil")
		untilStored(t, s, name)
		t.Logf("%s: delivered", when)
	}
	restart := func() {
		t.Helper()
		check(t, collector.Stop())
		collector = must[*trialschool.Program](t)(s.StartCollector(t.Context()))
		check(t, s.UntilReady(t.Context(), s.AgentDir()))
	}
	delivers("at first")
	chain := shows(t, s, nil)

	rotate(t, s, "root")
	rotate(t, s, "root", "--use")
	chain = shows(t, s, chain) // certified under the new root
	delivers("with the new root in use")
	retire(t, s, "root")
	restart()
	delivers("with the old root retired")

	rotate(t, s, "issuing")
	shows(t, s, chain)
	retire(t, s, "issuing")
	restart()
	delivers("with the old issuing key retired")

	offline := filepath.Join(s.Dir, "safe")
	check(t, os.Mkdir(offline, 0o700))
	check(t, os.Rename(filepath.Join(s.CollectorDir(), "recovery.key"), filepath.Join(offline, "recovery.key")))
	if _, err := s.Verb(t.Context(), "key", "rotate", "policy"); err == nil {
		t.Error("the policy key was replaced without the recovery key")
	}
	rotate(t, s, "policy", "--recovery", filepath.Join(offline, "recovery.key"))
	untilPolicy(t, s, 2, 1)
	check(t, s.Publish(t.Context(), writeRules(t, s.Dir, "flagged.example", "urgent")))
	untilPolicy(t, s, 2, 2)
	delivers("with the new policy key")
	retire(t, s, "policy")
	restart()
	delivers("with the old policy key retired")

	ports := must[[]string](t)(trialschool.FreePorts(1))
	moved := "127.0.0.1:" + ports[0]
	const was, is = "collector.safelight.internal", "safeguarding.school.example"
	check(t, collector.Stop())
	collector = serveAs(t, s, s.AgentsAddr, []string{was, is}, []string{s.AgentsAddr, moved})
	check(t, s.UntilReady(t.Context(), s.AgentDir()))
	delivers("with both names and addresses")
	check(t, collector.Stop())
	collector = serveAs(t, s, moved, []string{is}, []string{moved})
	check(t, s.UntilReady(t.Context(), s.AgentDir()))
	delivers("under another name, at another address")
	check(t, s.Enrol(t.Context(), filepath.Join(s.Dir, "second"), "network: {enabled: false}\nprocess: {enabled: false}\n"))

	check(t, agent.Stop())
	check(t, collector.Stop())
}

type deviceEvent struct {
	Device string `json:"device"`
	Name   string `json:"name"`
}

// A disk that was copied holds key, certificate and spool: both run on, and each
// has a history of its own.
func TestACopiedDeviceBecomesTwoAndBothDeliver(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it waits for heartbeats of real programs")
	}
	s := newSchool(t)
	ctx := t.Context()
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	check(t, agent.Stop())
	second, secondLog := filepath.Join(s.Dir, "copy"), filepath.Join(s.Dir, "copy.log")
	check(t, copyFolder(s.AgentDir(), second))
	check(t, os.WriteFile(secondLog, nil, 0o600))
	check(t, os.WriteFile(filepath.Join(second, "agent.yaml"), fmt.Appendf(nil, "weblog: [{format: squid, path: %q}]\n", secondLog), 0o600))
	agents := []*trialschool.Program{must[*trialschool.Program](t)(s.StartAgent(ctx, s.AgentDir()))}
	check(t, s.UntilReady(ctx, s.AgentDir()))
	agents = append(agents, must[*trialschool.Program](t)(s.StartAgent(ctx, second)))
	appendLine(t, secondLog, "n1.flagged.example", "demo.pupil") // before anybody noticed
	untilStored(t, s, "n1.flagged.example")
	check(t, trialschool.Until(ctx, "the copy to become a device of its own", func() (bool, string) {
		out, err := s.Verb(ctx, "device", "list", "--json")
		return err == nil && strings.Count(string(out), `"id"`) == 2, fmt.Sprint(string(out), err)
	}))
	check(t, s.UntilReady(ctx, second))
	appendLine(t, log, "n2.flagged.example", "demo.pupil")
	appendLine(t, secondLog, "n3.flagged.example", "demo.pupil")
	untilStored(t, s, "n2.flagged.example")
	untilStored(t, s, "n3.flagged.example")
	of := map[string]string{}
	for _, e := range must[[]deviceEvent](t)(trialschool.Lines[deviceEvent](must[[]byte](t)(s.Verb(ctx, "events", "--as", trialschool.DSLName, "--json")))) {
		of[e.Name] = e.Device
	}
	if len(of) != 3 || of["n2.flagged.example"] == of["n3.flagged.example"] {
		t.Errorf("the histories are not apart: %v", of)
	}
	for _, p := range append(agents, collector) {
		check(t, p.Stop())
	}
}

func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if !d.Type().IsRegular() {
			return nil // a socket
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
}
