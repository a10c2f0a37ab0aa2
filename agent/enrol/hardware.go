package enrol

import (
	"os"
	"strings"

	safelightv1 "safelight/proto/safelight/v1"
)

// hardware is what a device's firmware says it is: by it the collector knows a
// device again whose disk was wiped. What cannot be read is empty, and no device is
// refused for it.
type hardware struct {
	serial string // the maker's number of the device
	id     string // the SMBIOS UUID, or the platform's
}

const maxHardware = 128

// addHardware tells the collector what hardware this is. A container's would be
// its host's, and that of every other container there.
func addHardware(info *safelightv1.DeviceInfo) {
	h := readHardware()
	info.Serial, info.HardwareId = tidy(h.serial), tidy(h.id)
}

// tidy keeps what is printable and of the length that the collector takes.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	return s[:min(len(s), maxHardware)]
}

// inContainer says whether the firmware that is seen is another machine's, by what
// systemd, Docker and Podman leave in theirs.
func inContainer(root *os.Root) bool {
	for _, name := range []string{"run/systemd/container", "run/host/container-manager", ".dockerenv", "run/.containerenv"} {
		if _, err := root.Stat(name); err == nil {
			return true
		}
	}
	return false
}
