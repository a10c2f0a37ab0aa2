package e2etest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk makes the folder a file system of its own with so many MiB. ok is
// false where this machine does not let us.
func smallDisk(t *testing.T, dir, size string) (ok bool) {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	check(t, os.MkdirAll(dir, 0o700))
	if exec.Command("mount", "-t", "tmpfs", "-o", "mode=0700,size="+size, "tmpfs", dir).Run() != nil {
		return false
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return true
}

// fillDisk takes all the room that is left; free gives it back.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f := must[*os.File](t)(os.Create(path))
	block := make([]byte, 16<<10)
	for len(block) > 0 {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	check(t, f.Close())
	return func() { check(t, os.Remove(path)) }
}

// copyStore copies the database of a collector that is stopped.
func copyStore(t *testing.T, from, to string) {
	t.Helper()
	check(t, os.MkdirAll(to, 0o700))
	for _, old := range must[[]string](t)(filepath.Glob(filepath.Join(to, "safelight.db*"))) {
		check(t, os.Remove(old))
	}
	for _, path := range must[[]string](t)(filepath.Glob(filepath.Join(from, "safelight.db*"))) {
		data := must[[]byte](t)(os.ReadFile(path))
		check(t, os.WriteFile(filepath.Join(to, filepath.Base(path)), data, 0o600))
	}
}
