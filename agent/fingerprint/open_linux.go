package fingerprint

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"safelight/internal/event"
)

// deleted is what the kernel says behind the path of a file that is gone.
const deleted = " (deleted)"

// open opens the file of a program that still runs, whatever lies under its path
// by now, and else what lies there. running says which.
func (r *Reader) open(o event.Observation) (f *os.File, running bool, err error) {
	if o.Exe == "" {
		return nil, false, ErrNoFile
	}
	link := filepath.Join(r.proc, strconv.Itoa(o.PID), "exe")
	if o.PID > 0 && leadsTo(link, o.Exe) {
		// The number may be another process's by now: it is looked at again.
		if f, err := openFile(link); err == nil {
			if leadsTo(link, o.Exe) {
				return f, true, nil
			}
			_ = f.Close() // read from, and not even that
		}
	}
	if o.App != "" { // its path is perhaps that of a file in its container, not here
		return nil, false, ErrNoFile
	}
	f, err = openFile(o.Exe)
	return f, false, err
}

func leadsTo(link, exe string) bool {
	to, err := os.Readlink(link)
	return err == nil && strings.TrimSuffix(to, deleted) == exe
}

// openFile does not wait, whatever it is that is opened.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}
