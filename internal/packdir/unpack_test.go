package packdir_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"safelight/internal/packdir"
)

// A school that has the packages alone had no rules to begin with.
func TestWhatIsUnpackedIsWhatShipsAndNobodysWorkIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "rules")
	if err := packdir.Unpack(dir); err != nil {
		t.Fatal(err)
	}
	got, err := packdir.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("unpacked and read again it is %d files, %d ship", len(got), len(want))
	}
	files, err := filepath.Glob(filepath.Join(dir, "starter", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	if err := os.WriteFile(slices.Max(files), []byte("# ours\n"), 0o600); err != nil {
		t.Fatal(err) // it cannot be changed by whoever unpacked it
	}
	if err := packdir.Unpack(dir); err == nil || !strings.Contains(err.Error(), "is there already: name another folder") {
		t.Errorf("unpacked over it: %v", err)
	}
	if kept, err := os.ReadFile(slices.Max(files)); err != nil || string(kept) != "# ours\n" {
		t.Errorf("it now says %.40q, %v", kept, err)
	}
}
