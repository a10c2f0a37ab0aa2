package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const policies = "safelight-browser-policies"

// byApt types the guide's commands for one device.
func (m *machine) byApt(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/it-guide.md")
	must(t, err)
	block := regexp.MustCompile(`(?s)## Plain apt and dnf.*?\n\n((?:    [^\n]*\n)+)`).FindSubmatch(guide)
	if block == nil || !strings.Contains(string(block[1]), "apt install ./safelight-agent_1.2.0_amd64.deb") {
		t.Fatal("the guide has no such commands")
	}
	commands := strings.Split(strings.TrimSpace(string(block[1])), "\n")
	for _, c := range commands[:len(commands)-1] {
		c = strings.NewReplacer("./safelight-agent_1.2.0_amd64.deb", m.deb("agent", after), "apt install", "apt install -y").Replace(c)
		m.run(t, "%s", strings.TrimSpace(c))
	}
	if got := m.run(t, "stat -c %%a /etc/safelight/enrol.conf"); got != "600" && got != "660" { // lent to the agent, or not yet
		t.Errorf("the token's file has mode %s", got)
	}
	m.until(t, "the agent to be up", func() (bool, string) {
		state := m.property(t, agent, "ActiveState")
		return state == "active" || state == "activating", state
	})
	m.run(t, "apt purge -y %s", agent)
	if left, _ := m.try("ls -d /etc/safelight /var/lib/safelight-agent /usr/bin/safelight-agent 2>/dev/null"); left != "" {
		t.Errorf("it leaves %s", left)
	}
}

// browsers installs, upgrades and removes the policies beside a school's own, by
// apt and by rpm.
func (m *machine) browsers(t *testing.T) {
	const file, own = "/etc/firefox/policies/policies.json", `{"policies":{"Homepage":{"URL":"https://school.example/"}}}`
	at := filepath.Join(m.root, file)
	must(t, os.MkdirAll(filepath.Dir(at), 0o755))
	must(t, os.WriteFile(at, []byte(own), 0o644))
	deb := func(version string) string {
		return strings.Replace(m.deb("agent", version), "safelight-agent", policies, 1)
	}
	rpm := func(version string) string {
		return strings.Replace(m.rpm("agent", version), "safelight-agent", policies, 1)
	}
	for name, do := range map[string]struct{ install, upgrade, remove string }{
		"apt": {"apt install -y " + deb(before), "apt install -y " + deb(after), "apt remove -y " + policies},
		"rpm": {"rpm --nodeps --force-debian -i " + rpm(before), "rpm --nodeps --force-debian -U " + rpm(after), "rpm --nodeps --force-debian -e " + policies},
	} {
		said := m.run(t, "%s", do.install)
		for _, line := range []string{"Mozilla Firefox: " + file + ": DNSOverHTTPS is ", "Chromium: /etc/chromium/policies/managed/safelight.json: DnsOverHttpsMode is \"off\""} {
			if !strings.Contains(said, line) {
				t.Errorf("%s: it does not say %q:\n%s", name, line, said)
			}
		}
		written := m.run(t, "cat %s /etc/chromium/policies/managed/safelight.json", file)
		if !strings.Contains(written, "school.example") || !strings.Contains(written, "DisableEncryptedClientHello") || !strings.Contains(written, "DnsOverHttpsMode") {
			t.Errorf("%s: it wrote %s", name, written)
		}
		m.run(t, "%s", do.upgrade)
		if got := m.run(t, "safelight-browser-policies version; cat %s /etc/chromium/policies/managed/safelight.json", file); got != after+"\n"+written {
			t.Errorf("%s: after the upgrade: %s", name, got)
		}
		m.run(t, "%s", do.remove)
		if got := m.run(t, "cat %s", file); got != own {
			t.Errorf("%s: after removing: %s", name, got)
		}
		if left, _ := m.try("ls -d /etc/chromium /etc/opt/chrome /etc/opt/edge /var/lib/safelight-browser-policies 2>/dev/null"); left != "" {
			t.Errorf("%s: it leaves %s", name, left)
		}
	}
}
