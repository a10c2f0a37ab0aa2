package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Shred overwrites a file where it lies and removes it. One that is not there is
// nothing. What the disk keeps besides (a snapshot, a journal, a worn cell) is
// beyond it.
func Shred(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("overwriting %s: %w", path, err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("overwriting %s: %w", path, err)
	}
	return os.Remove(path)
}

// ShredLeft overwrites what was left beside a file under names that begin with a
// dot and its own (".FILE."), by who replaced it and was killed: former bytes, and
// those that were to be. One that is the very file, under a second name, only
// loses that name.
func ShredLeft(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("overwriting what was left beside %s: %w", path, err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "."+filepath.Base(path)+".") {
			continue
		}
		if err := shredUnless(path, filepath.Join(filepath.Dir(path), entry.Name())); err != nil {
			return fmt.Errorf("overwriting what was left beside %s: %w", path, err)
		}
	}
	return nil
}

func shredUnless(path, left string) error {
	was, err := os.Lstat(left)
	if err != nil {
		return err
	}
	if now, err := os.Stat(path); err == nil && os.SameFile(was, now) {
		return os.Remove(left)
	}
	return Shred(left)
}

// SyncFolder makes renames in a folder durable, where the system has a call for it.
func SyncFolder(dir string) error { return syncDir(dir) }
