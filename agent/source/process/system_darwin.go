package process

import (
	"os/user"
	"strconv"

	"safelight/agent/macos"
)

func newSystem() system {
	return newMac(macSystem{macos.Processes, macos.Find, macos.Exe, accountName})
}

// accountName asks the system's directory; empty where it knows none.
func accountName(uid uint32) string {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}
