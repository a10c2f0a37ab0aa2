package localstate

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// ErrNotRunning means that no program answers on the socket.
var ErrNotRunning = errors.New("not running")

// Listen opens the local socket, which only the owner of its folder can use, after
// removing what a killed process left. The caller holds the folder's lock, so
// nobody can be behind it.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("opening socket %s: the path is %d bytes long and systems allow %d; choose a shorter --dir", path, len(path), maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	l, err := listenAt(path)
	if err != nil {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	return l, nil
}

// Dial connects to the socket; ErrNotRunning if nobody answers.
func Dial(path string) (net.Conn, error) {
	c, err := dialAt(path)
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
