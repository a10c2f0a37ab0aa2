package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestASpoolsPlaceIsItsDevicesMachineAndFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	place := func(dir, device string) []byte {
		t.Helper()
		p, err := placeOf(dir, device)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	here := place(dir, "device-1")
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(here, place(dir, "device-1")) {
		t.Error("the same place is another the second time")
	}
	copied := filepath.Join(t.TempDir(), "spool")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(here, place(copied, "device-1")) {
		t.Error("a copied folder lies in the same place")
	}
	if bytes.Equal(here, place(dir, "device-2")) {
		t.Error("a copy that became a device of its own lies in the same place")
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "one"), []byte("board 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := readNames(root, "one", "none"); len(got) != 2 || got[0] != "board 7\n" || got[1] != "" {
		t.Errorf("read %q", got)
	}
}
