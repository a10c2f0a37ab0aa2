//go:build unix

package daemon

import (
	"fmt"
	"os"
	"syscall"
)

// folderNumber is the folder's inode number. The disk's own number is left out:
// it may change at every boot.
func folderNumber(dir string) (uint64, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s has no inode number", dir)
	}
	return st.Ino, nil
}

// machineNames are systemd's name for the installation, which cloning tools make
// anew, and the board's, where we may read it. macOS has neither file.
func machineNames() []string {
	return readNames("/", "etc/machine-id", "sys/class/dmi/id/product_uuid")
}
