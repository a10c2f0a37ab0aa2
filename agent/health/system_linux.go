package health

import (
	"os"
	"strings"
)

// SleepCounts is so: CLOCK_BOOTTIME goes on while the device sleeps, and the kernel
// names each boot.
const SleepCounts = true

const hostsFile = "/etc/hosts"

// units are the package's, the administrator's, and what `service install` writes.
var units = []string{
	"/usr/lib/systemd/system/safelight-agent.service", "/etc/systemd/system/safelight-agent.service", "/etc/systemd/system/safelight-agent.service.d",
	"/run/systemd/system/safelight-agent.service.d",
}

// notices are those of the Linux packages.
var notices = []string{
	"/etc/issue.d/safelight.issue", "/usr/lib/motd.d/safelight", "/etc/xdg/autostart/safelight-notice.desktop",
	"/usr/share/applications/safelight-about.desktop",
}

// Servers reads the name servers of resolv.conf(5); those of systemd-resolved, which
// names itself there, stand in a file of its own.
func Servers() []string {
	var all []string
	for _, file := range []string{"/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"} {
		text, err := os.ReadFile(file)
		if err == nil {
			all = append(all, nameServers(string(text))...)
		}
	}
	return all
}

// nameServers reads the servers of a resolver's file.
//
//	nameserver 192.0.2.53
func nameServers(text string) (all []string) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			all = append(all, f[1])
		}
	}
	return all
}
