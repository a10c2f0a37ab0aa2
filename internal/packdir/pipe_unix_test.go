//go:build unix

package packdir

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAPipeInAPackDoesNotHangTheReader(t *testing.T) {
	root := dir(t, map[string]string{"our/pack.yaml": packYAML})
	if err := syscall.Mkfifo(filepath.Join(root, "our", "a.yaml"), 0o600); err != nil {
		t.Skip("no pipes here: ", err)
	}
	if _, err := Read(root); err == nil || !strings.Contains(err.Error(), "our/a.yaml is not an ordinary file") {
		t.Error(err)
	}
}
