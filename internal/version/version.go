// Package version says which build this is and which revision of the protocol
// it speaks. It imports nothing of ours; both programs print it and announce it
// in their first message to each other.
package version

import "runtime"

// Version is the release, as `git describe` named it when the program was
// built. Only the linker writes it (see LDFLAGS in the Makefile).
var Version = "dev"

// Protocol is the revision of proto/safelight/v1 that this build speaks. It
// grows when a peer must know of a change before it may rely on it; what a peer
// can merely do is a capability, and does not change this number.
const Protocol uint32 = 1

// String is what `--version` prints.
func String() string {
	return Version + " (" + runtime.GOOS + "/" + runtime.GOARCH + ", " + runtime.Version() + ")"
}
