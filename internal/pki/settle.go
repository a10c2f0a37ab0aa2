package pki

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// OpenPart opens a file that is written in pieces, owner-only, at its end; it
// makes one where there is none. Settle gives it its name once it is whole.
func OpenPart(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if err := restrict(path); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), f.Close())
	}
	return f, nil
}

// Settle makes a file of OpenPart durable, closes it, and gives it its name.
func Settle(f *os.File, path string) error {
	err := f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}
