// Package localstate is where the two programs keep what they know on a machine:
// the default folder of each system, owner-only folders, the lock that keeps a
// second process out, and the local socket through which a running program is
// asked. It imports nothing of ours; the mains, agent/daemon, collector/server
// and collector/admin use it.
package localstate

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// maxSocketPath is the shortest limit among our systems (macOS: 104 bytes with
// the closing zero).
const maxSocketPath = 103

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

// MakeDir makes a folder that only its owner can enter. An existing one that
// others may enter is refused.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making state folder: %w", err)
	}
	return checkDir(dir)
}

// ErrNotRunning means that no program answers on the socket.
var ErrNotRunning = errors.New("not running")

// Listen opens the local socket, owner-only, after removing one that a killed
// process left. The caller holds the folder's lock, so nobody can be behind it.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("opening socket %s: the path is %d bytes long and systems allow %d; choose a shorter --dir", path, len(path), maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	return l, nil
}

// Dial connects to the socket; ErrNotRunning if nobody answers.
func Dial(path string) (net.Conn, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		if _, statErr := os.Stat(filepath.Dir(path)); statErr != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotRunning, statErr)
		}
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("asking the running program: %w; run as the user that owns %s", err, path)
		}
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return c, nil
}
