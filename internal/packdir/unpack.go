package packdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"safelight/packs"
)

// starter is the pack that a school begins with and may change.
const starter = "starter"

// Unpack writes the starter pack that is built into the program into a folder of its
// own below dir, which it makes. What is there already is left alone and refused: it
// may be the school's own work.
func Unpack(dir string) error {
	to := filepath.Join(dir, starter)
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("unpacking the starter rules: %s is there already: name another folder", to)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unpacking the starter rules: %w", err)
	}
	from, err := fs.Sub(packs.FS, starter)
	if err != nil {
		return err
	}
	if err := copyWhole(from, dir, to); err != nil {
		return fmt.Errorf("unpacking the starter rules: %w", err)
	}
	return nil
}

// copyWhole copies all of a folder to one below dir, or nothing: half of the rules could
// be published as if they were all.
func copyWhole(from fs.FS, dir, to string) (err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(dir, ".unpacking-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	whole := filepath.Join(beside, filepath.Base(to))
	if err := os.CopyFS(whole, from); err != nil {
		return err
	}
	return os.Rename(whole, to)
}
