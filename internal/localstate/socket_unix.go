//go:build unix

package localstate

import (
	"net"
	"os"
)

// maxSocketPath is the shortest limit among our systems (macOS: 104 bytes with
// the closing zero).
const maxSocketPath = 103

func listenAt(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

func dialAt(path string) (net.Conn, error) { return net.Dial("unix", path) }
