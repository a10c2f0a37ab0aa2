package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// disk is what the spool needs of a file system: one that works, and in tests
// ones that fill up, fail or lose what was not synced.
type disk interface {
	// create makes a file of size zero bytes, reserved but not synced yet, and
	// hands it over open. It must not exist.
	create(path string, size int64) (file, error)
	// open opens an existing file for reading and writing.
	open(path string) (file, error)
	rename(from, to string) error
	remove(path string) error
	// touch sets when a file counts as last used; touched says when that was.
	touch(path string, at time.Time) error
	touched(path string) (time.Time, error)
	// syncDir makes what was created, renamed and removed in a folder durable.
	syncDir(path string) error
}

type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// sync makes written data durable.
	sync() error
	size() (int64, error)
}

type osDisk struct{}

type osFile struct{ *os.File }

func (osDisk) create(path string, size int64) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, diskError(err)
	}
	if err := reserve(f, size); err != nil {
		return nil, errors.Join(diskError(err), f.Close(), os.Remove(path))
	}
	return osFile{f}, nil
}

// reserve takes the room and fills it with zeros, so that a later write changes
// no file system structure and its sync is one disk write.
func reserve(f *os.File, size int64) error {
	if err := allocate(f, size); err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	return nil
}

func (osDisk) open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) rename(from, to string) error { return diskError(os.Rename(from, to)) }

func (osDisk) remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (osDisk) touch(path string, at time.Time) error { return os.Chtimes(path, at, at) }

func (osDisk) touched(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (osDisk) syncDir(path string) error { return syncDir(path) }

func (f osFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	return n, diskError(err)
}

func (f osFile) sync() error { return diskError(datasync(f.File)) }

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// diskError marks a full disk as ErrNoSpace.
func diskError(err error) error {
	if err == nil || !isFull(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNoSpace, err)
}

func isFull(err error) bool {
	for _, full := range fullErrors {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}

var fullErrors = append([]error{syscall.ENOSPC}, moreFullErrors...)
