package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// quickDisk syncs nothing, for tests that model their own loss.
type quickDisk struct{ osDisk }

type quickFile struct{ file }

func (quickFile) sync() error { return nil }

func (quickDisk) create(path string, size int64) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return quickFile{osFile{f}}, f.Truncate(size)
}

func (d quickDisk) open(path string) (file, error) {
	f, err := d.osDisk.open(path)
	if err != nil {
		return nil, err
	}
	return quickFile{f}, nil
}

func (quickDisk) syncDir(string) error { return nil }

// countingDisk counts syncs of files.
type countingDisk struct {
	osDisk
	syncs atomic.Int64
}

type countingFile struct {
	file
	d *countingDisk
}

func (d *countingDisk) open(path string) (file, error) {
	f, err := d.osDisk.open(path)
	if err != nil {
		return nil, err
	}
	return countingFile{f, d}, nil
}

func (f countingFile) sync() error {
	f.d.syncs.Add(1)
	return f.file.sync()
}

var errCrash = errors.New("the machine is off")

// crashDisk is a disk with a volatile cache. It counts writes and syncs; at
// operation `at` the machine goes off: that operation and all later ones fail,
// and settle decides for each unsynced sector whether it reached the disk.
type crashDisk struct {
	quickDisk
	at  int
	rng *rand.Rand

	mu       sync.Mutex
	ops      int
	unsynced []sector
}

// sector is what a stretch of a file held before an unsynced write.
type sector struct {
	path string
	off  int64
	old  []byte
}

type crashFile struct {
	file
	d    *crashDisk
	path string
}

func (d *crashDisk) step() error {
	d.ops++
	if d.at > 0 && d.ops >= d.at {
		return errCrash
	}
	return nil
}

func (d *crashDisk) create(path string, size int64) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	f, err := d.quickDisk.create(path, size)
	if err != nil {
		return nil, err
	}
	return &crashFile{f, d, path}, nil
}

func (d *crashDisk) open(path string) (file, error) {
	f, err := d.quickDisk.open(path)
	if err != nil {
		return nil, err
	}
	return &crashFile{f, d, path}, nil
}

func (d *crashDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	return d.quickDisk.rename(from, to)
}

func (d *crashDisk) remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	return d.quickDisk.remove(path)
}

func (f *crashFile) WriteAt(b []byte, off int64) (int, error) {
	const size = 64 // small sectors tear more
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.step()
	if err != nil && f.d.ops > f.d.at {
		return 0, err // already off
	}
	for i := 0; i < len(b); i += size {
		old := make([]byte, min(size, len(b)-i))
		if _, err := f.ReadAt(old, off+int64(i)); err != nil {
			return 0, err
		}
		f.d.unsynced = append(f.d.unsynced, sector{f.path, off + int64(i), old})
	}
	if n, werr := f.file.WriteAt(b, off); werr != nil {
		return n, werr
	}
	return len(b), err
}

func (f *crashFile) sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.step(); err != nil {
		return err
	}
	var rest []sector
	for _, s := range f.d.unsynced {
		if s.path != f.path {
			rest = append(rest, s)
		}
	}
	f.d.unsynced = rest
	return nil
}

// settle takes back unsynced sectors at random, newest first.
func (d *crashDisk) settle(t *testing.T) {
	t.Helper()
	for i := len(d.unsynced) - 1; i >= 0; i-- {
		s := d.unsynced[i]
		if d.rng.IntN(2) == 0 {
			continue
		}
		f, err := os.OpenFile(s.path, os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt(s.old, s.off)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// fullDisk has so many bytes left for new files, and fails writes on demand.
type fullDisk struct {
	quickDisk
	mu    sync.Mutex
	left  int64
	write error // what the next writes fail with
	tear  int   // how many of their bytes arrive nevertheless
}

type fullFile struct {
	file
	d *fullDisk
}

func (d *fullDisk) create(path string, size int64) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if size > d.left {
		return nil, fmt.Errorf("%w: as told", ErrNoSpace)
	}
	d.left -= size
	f, err := d.quickDisk.create(path, size)
	if err != nil {
		return nil, err
	}
	return &fullFile{f, d}, nil
}

func (d *fullDisk) open(path string) (file, error) {
	f, err := d.quickDisk.open(path)
	if err != nil {
		return nil, err
	}
	return &fullFile{f, d}, nil
}

func (f *fullFile) WriteAt(b []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.write != nil {
		n, _ := f.file.WriteAt(b[:min(f.d.tear, len(b))], off)
		return n, f.d.write
	}
	return f.file.WriteAt(b, off)
}

func (d *fullDisk) set(left int64, write error, tear int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.write, d.tear = left, write, tear
}

// copyDir copies a closed spool, so that a test can damage the copy.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// segmentPath is the file of a lane's segment.
func segmentPath(dir string, lane uint8, number uint64) string {
	return filepath.Join(dir, laneDir(lane), segmentName(number))
}

// damage overwrites bytes of a file.
func damage(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, off)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
