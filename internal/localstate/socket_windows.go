package localstate

import "net"

// maxSocketPath is Windows's own limit of a path.
const maxSocketPath = 259

// Windows has Unix sockets since 10 1803 only, and their access lists are not
// what decides there: a port that both ends prove is the same on all of them.
func listenAt(path string) (net.Listener, error) { return listenProven(path) }

func dialAt(path string) (net.Conn, error) { return dialProven(path) }
