package daemon

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// placeOf says where a spool lies and whose it is: this device, this machine,
// this folder. A copied folder has another number on its disk, a cloned machine
// another name or board, a copy that became a device of its own another id. Then
// the spool begins a new epoch. What the system cannot tell is left out: a copy
// that is alike in all is noticed by the collector (docs/adr/0006).
func placeOf(spoolDir, device string) ([]byte, error) {
	if err := os.MkdirAll(spoolDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the spool's folder: %w", err)
	}
	folder, err := folderNumber(spoolDir)
	if err != nil {
		return nil, fmt.Errorf("looking where the spool lies: %w", err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d\n", device, folder)
	for _, one := range machineNames() {
		fmt.Fprintf(h, "%q\n", one)
	}
	return h.Sum(nil), nil
}

// readNames reads the files that are there.
func readNames(root string, names ...string) (all []string) {
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			data = nil // this system has none, or does not tell us
		}
		all = append(all, string(data))
	}
	return all
}
