package watch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	agentwatch "safelight/agent/watch"
	safelightv1 "safelight/proto/safelight/v1"
)

func checkpoint(size int) *safelightv1.Checkpoint {
	return &safelightv1.Checkpoint{Note: fmt.Appendf(nil, "safelight/audit/school\n%d\nroot\n2026-11-20T12:00:00.000000Z\n\n— safelight/audit/school sig\n", size)}
}

func TestTheLargestCheckpointIsKeptAndNeverAnOlder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.checkpoint")
	c, err := agentwatch.OpenCheckpoints(path)
	must(t, err)
	if c.Latest() != nil {
		t.Error("a new device holds a checkpoint")
	}
	for _, step := range []struct{ sent, kept int }{{7, 7}, {9, 9}, {8, 9}, {9, 9}, {1, 9}, {10, 10}} {
		must(t, c.Keep(checkpoint(step.sent)))
		if got := string(c.Latest()); got != string(checkpoint(step.kept).GetNote()) {
			t.Errorf("sent %d it keeps %q, want %d", step.sent, got, step.kept)
		}
	}
	again, err := agentwatch.OpenCheckpoints(path)
	must(t, err)
	must(t, again.Keep(checkpoint(9)))
	if string(again.Latest()) != string(checkpoint(10).GetNote()) {
		t.Errorf("after a restart it keeps %q", again.Latest())
	}
}

func TestWhatIsNoCheckpointIsRefusedAndTheKeptOneStays(t *testing.T) {
	c, err := agentwatch.OpenCheckpoints(filepath.Join(t.TempDir(), "audit.checkpoint"))
	must(t, err)
	must(t, c.Keep(checkpoint(3)))
	for _, bad := range []string{"", "one line", "name\n", "name\n12", "name\nmany\nroot\n", "name\n-4\nroot\n", "name\n0\nroot\n", "name\n99999999999999999999\nroot\n", strings.Repeat("x", 5000)} {
		if err := c.Keep(&safelightv1.Checkpoint{Note: []byte(bad)}); err == nil {
			t.Errorf("took %.30q", bad)
		}
	}
	if string(c.Latest()) != string(checkpoint(3).GetNote()) {
		t.Errorf("it keeps %q", c.Latest())
	}
}

func TestABrokenCheckpointFileIsReplacedByTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.checkpoint")
	must(t, os.WriteFile(path, []byte("half a"), 0o600))
	c, err := agentwatch.OpenCheckpoints(path)
	must(t, err)
	must(t, c.Keep(checkpoint(1)))
	if c.Latest() == nil {
		t.Error("nothing is kept")
	}
}
