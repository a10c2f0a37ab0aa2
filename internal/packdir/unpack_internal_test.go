package packdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// breaksOff has a file that cannot be read, as on a disk that fails.
type breaksOff struct{ fstest.MapFS }

var errBroken = errors.New("broken")

func (b breaksOff) Open(name string) (fs.File, error) {
	if name == "z.yaml" {
		return nil, errBroken
	}
	return b.MapFS.Open(name)
}

// Half of the rules, published as if they were all, would miss what the others find.
func TestWhatBreaksOffLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rules")
	from := breaksOff{fstest.MapFS{"a.yaml": {Data: []byte("a")}, "z.yaml": {Data: []byte("z")}}}
	if err := copyWhole(from, dir, filepath.Join(dir, starter)); !errors.Is(err, errBroken) {
		t.Errorf("copying what breaks off: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	if err := copyWhole(from.MapFS, dir, filepath.Join(dir, starter)); err != nil {
		t.Errorf("trying again: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != starter {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
