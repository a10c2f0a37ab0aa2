package linux

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever signs in at a terminal or at a desktop is told, by each agent package of
// each build; a menu entry opens the school's page.
func TestD20EachAgentPackageTellsWhoeverUsesTheDevice(t *testing.T) {
	seen := 0
	for _, path := range packages(t, once(), ".deb") {
		if programOf(path) != "agent" {
			continue
		}
		seen++
		pkg, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		control, content := readDeb(t, pkg)
		for file, says := range map[string][]string{
			"/usr/lib/motd.d/safelight":                           {"safelight-agent about", "0800 1111", "999"},
			"/usr/share/safelight-agent/login":                    {"safelight-agent about", "0800 1111", "999"},
			"/usr/share/applications/safelight-about.desktop":     {"Name=Safelight: what this device records\n", "Exec=/usr/bin/safelight-agent about --open\n"},
			"/usr/share/safelight-agent/safelight-notice.desktop": {"Exec=/usr/bin/safelight-agent about --notify\n"},
			"/usr/lib/tmpfiles.d/safelight-agent.conf":            {"/etc/issue.d/safelight.issue", "/etc/xdg/autostart/safelight-notice.desktop"},
			"/usr/lib/systemd/system/safelight-agent.service":     {"CacheDirectory=safelight-agent\nCacheDirectoryMode=0755\n"},
		} {
			for _, want := range says {
				if !strings.Contains(string(content[file].data), want) {
					t.Errorf("%s: %s does not say %q", filepath.Base(path), file, want)
				}
			}
		}
		for line := range strings.Lines(string(content["/usr/share/safelight-agent/login"].data)) {
			if len(line) > 90 {
				t.Errorf("a line of the login notice does not fit a terminal: %s", line)
			}
		}
		if !strings.Contains(string(control["/postinst"].data), "systemd-tmpfiles --create") {
			t.Error("the login notices are laid at the next boot only")
		}
		for _, left := range []string{"/etc/issue.d/safelight.issue", "/etc/xdg/autostart/safelight-notice.desktop", "/var/cache/safelight-agent"} {
			if !strings.Contains(string(control["/postrm"].data), left) {
				t.Errorf("%s stays when the agent is removed: it would tell of what is not there", left)
			}
		}
		if !strings.Contains(string(control["/prerm"].data), "safelight-agent goodbye --reason removed") {
			t.Error("the school is not told that the agent is removed, and looks for a silent device")
		}
	}
	if seen != 2 {
		t.Errorf("%d agent packages, want one for each architecture", seen)
	}
}
