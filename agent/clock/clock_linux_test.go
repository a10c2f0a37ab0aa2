package clock

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBootIDThatIsNoneIsNotUsed(t *testing.T) {
	const id = "7c0f1ad2-5d1b-4f0e-9a53-6e2f8f3f1c55"
	if got := readBootIDFrom(t, id+"\n"); got != id {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"", "\n", "short", id + id} {
		if got := readBootIDFrom(t, bad); got != "" {
			t.Errorf("%q was taken for %q", bad, got)
		}
	}
	if got := readBootID("/nonexistent"); got != "" {
		t.Errorf("a missing file gave %q", got)
	}
}

func readBootIDFrom(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "boot_id")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return readBootID(path)
}
