package backup_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"safelight/collector/backup"
)

// smallDisk mounts a disk of a few bytes, or skips.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small disk needs root: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func TestFullDiskLeavesNoHalfBackup(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 5000))
	mine, err := age.GenerateX25519Identity()
	must(t, err)
	var out bytes.Buffer
	must(t, h.writeTo(t.Context(), &out, mine.Recipient()))
	disk := smallDisk(t, "256k")
	_, err = backup.Save(filepath.Join(disk, "monday.backup"), mine, 0, &out, quiet)
	wantError(t, err, "no space left on device", "nothing was left behind")
	if rest := left(t, disk); len(rest) > 0 {
		t.Errorf("it left %q", rest)
	}
}

func TestFullDiskLeavesNoHalfRestore(t *testing.T) {
	h := newHouse(t, t.TempDir())
	must(t, h.add(t.Context(), 5000))
	data := h.write(t)
	disk := smallDisk(t, "256k")
	_, _, err := backup.Restore(disk, "collector.yaml", h.key(t), bytes.NewReader(data), 0, quiet)
	wantError(t, err, "no space left on device")
	if rest := left(t, disk); len(rest) > 0 {
		t.Errorf("it left %q", rest)
	}
}

// A snapshot lies for a while on the disk that events are stored on.
func TestSnapshotNeverTakesTheLastOfTheCollectorsDisk(t *testing.T) {
	h := newHouse(t, smallDisk(t, "40m"))
	must(t, h.add(t.Context(), 100))
	_, err := backup.Prepare(t.Context(), h.source())
	wantError(t, err, "MB free", "nothing was written")
	must(t, h.add(t.Context(), 100)) // and ingest goes on
	if _, err := os.Stat(h.database); err != nil {
		t.Error(err)
	}
}
