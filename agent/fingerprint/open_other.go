//go:build !linux

package fingerprint

import (
	"os"

	"safelight/internal/event"
)

// open opens the file under a program's path. Whether it is still the one that
// was started shows in its times.
func (*Reader) open(o event.Observation) (f *os.File, running bool, err error) {
	if o.Exe == "" {
		return nil, false, ErrNoFile
	}
	f, err = os.Open(o.Exe)
	return f, false, err
}
