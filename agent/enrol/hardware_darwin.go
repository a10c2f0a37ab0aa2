package enrol

import (
	"context"
	"os/exec"
	"time"
)

// readHardware asks ioreg, which needs no rights. The system's own library for it
// would need cgo.
func readHardware() hardware {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice").Output()
	if err != nil {
		return hardware{}
	}
	return readIoreg(string(out))
}
