package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/agent/source/weblog"
)

func TestWithoutAFileTheDeviceWatchesPacketsAndPrograms(t *testing.T) {
	c, err := ReadConfig(filepath.Join(t.TempDir(), "agent.yaml"))
	if err != nil || !c.Network.Enabled || !c.Process.Enabled || len(c.Weblog) != 0 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAnEmptyFileWatchesNothing(t *testing.T) {
	c, err := parseConfig(nil)
	if err != nil || c.Network.Enabled || c.Process.Enabled {
		t.Errorf("got %+v, %v", c, err)
	}
}

// A device that is told to watch something it cannot read must say so and not
// start: a source left out in silence is a device that is not monitored.
func TestABadConfigurationIsRefusedWithTheMend(t *testing.T) {
	for name, c := range map[string]struct{ yaml, says string }{
		"broken YAML":         {"network: {enabled: true", "line 1"},
		"unknown key":         {"netwerk: {enabled: true}", "netwerk"},
		"unknown inner key":   {"network: {enable: true}", "enable"},
		"not a truth value":   {"network: {enabled: maybe}", "maybe"},
		"unknown capture":     {"network: {enabled: true, capture: pcap}", "auto, bpf or packet"},
		"keepalive too brief": {"keepalive: 5s", "from 10s to 10m"},
		"keepalive no time":   {"keepalive: often", "such as 90s"},
		"relative cgroup":     {"network: {enabled: true, cgroup: lab}", "absolute path"},
		"browser not built":   {"browser: {enabled: true}", "no browser extension"},
		"unknown format":      {"weblog: [{format: squib, path: /var/log/a}]", "squid"},
		"relative path":       {"weblog: [{format: squid, path: access.log}]", "absolute path"},
		"read_back no time":   {"weblog: [{format: squid, path: /a, read_back: yesterday}]", "30m or 24h"},
		"read_back negative":  {"weblog: [{format: squid, path: /a, read_back: -1h}]", "30m or 24h"},
		"unknown time zone":   {"weblog: [{format: dnsmasq, path: /a, time_zone: Here}]", "Europe/London"},
		"a compressed log":    {"weblog: [{format: squid, path: /a.1.gz}]", "compressed"},
		"columns of a proxy":  {"weblog: [{format: squid, path: /a, columns: {host: x}}]", "format csv"},
		"unknown column":      {"weblog: [{format: csv, path: /a, columns: {hots: x}}]", "host"},
		"the same log twice":  {"weblog: [{format: squid, path: /a}, {format: squid, path: /a}]", "already"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "agent.yaml")
			if err := os.WriteFile(file, []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadConfig(filepath.Join(dir, "agent.yaml"))
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v; want the file's name and %q", err, c.says)
			}
		})
	}
}

func TestALogsSettings(t *testing.T) {
	c, err := parseConfig([]byte(`weblog:
- {format: csv, path: /a, read_back: all, time_zone: UTC, columns: {host: Ziel}, denied: [nein]}
- {format: pi-hole, path: /b, read_back: 1h}
- {format: squid, path: /c, read_back: none}
- {format: squid, path: /d}
`))
	if err != nil || len(c.Weblog) != 4 {
		t.Fatalf("%+v, %v", c, err)
	}
	for i, want := range []time.Duration{0, time.Hour, weblog.FromEnd, 10 * time.Minute} {
		got, err := c.Weblog[i].config()
		if err != nil || got.ReadBack != want {
			t.Errorf("%d: %+v, %v; want to read back %v", i, got, err, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("network: {enabled: true}\nweblog: [{format: squid, path: /var/log/squid/access.log}]\n"))
	f.Add([]byte("weblog: [{format: squid, path: &a /x}, *a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig(data)
		if err == nil {
			for _, w := range c.Weblog {
				if !filepath.IsAbs(w.Path) {
					t.Errorf("took the relative path %q", w.Path)
				}
			}
		}
	})
}
