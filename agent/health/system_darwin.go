package health

import (
	"os"
	"strings"
)

// SleepCounts is not so: Go's clock stands still while a Mac sleeps, and nothing names a boot.
const SleepCounts = false

const hostsFile = "/etc/hosts"

// units is the launchd property list that the install script lays down.
var units = []string{"/Library/LaunchDaemons/safelight-agent.plist"}

// notices is the entry of the Applications folder.
var notices = []string{"/Applications/Safelight - what this device records.app"}

// Servers reads the name servers that macOS writes to resolv.conf(5) for programs that
// read it.
func Servers() []string {
	var all []string
	for _, file := range []string{"/etc/resolv.conf"} {
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
