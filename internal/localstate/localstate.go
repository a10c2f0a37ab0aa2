// Package localstate is where the two programs keep what they know on a machine:
// the default folder of each system, owner-only folders, the lock that keeps a
// second process out, and the local socket through which a running program is
// asked. It imports nothing of ours; the mains, agent/daemon, collector/server
// and collector/admin use it.
package localstate

import (
	"fmt"
	"os"
	"path/filepath"
)

// Dir resolves the state folder: the flag, else SAFELIGHT_DIR, else the
// system's usual place for the program.
func Dir(flag, program string) (string, error) {
	dir := flag
	if dir == "" {
		dir = os.Getenv("SAFELIGHT_DIR")
	}
	if dir == "" {
		var err error
		if dir, err = systemDir(program); err != nil {
			return "", fmt.Errorf("finding the state folder: %w; give --dir", err)
		}
	}
	return filepath.Abs(dir)
}

// PublicDir is where the program whose state lies in dir keeps what every user of
// the machine may read: the system's usual place, or, for a state folder elsewhere, a
// folder in it.
func PublicDir(dir, program string) (string, error) {
	usual, err := systemDir(program)
	if err == nil && dir == usual {
		return publicDir(program)
	}
	return filepath.Join(dir, "public"), nil
}

// MakeDir makes a folder that only its owner can enter. An existing one that
// others may enter is refused; on Windows, where a folder inherits who may enter
// it, it is closed to them, and refused where it, or the one it lies in, belongs to
// somebody else.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making state folder: %w", err)
	}
	return checkDir(dir)
}
