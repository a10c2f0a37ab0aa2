package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/internal/localstate"
	"safelight/internal/logging"
)

// An agent that waited for its token said of itself that it was not running.
func TestAnAgentThatWaitsForItsTokenSaysThatItRunsAndWhy(t *testing.T) {
	dir, err := os.MkdirTemp("", "sl-") //nolint:usetesting // t.TempDir's paths are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "enrol.conf")
	if err := os.WriteFile(file, []byte("token: SL1.nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	state := filepath.Join(dir, "agent")
	go func() { done <- Run(ctx, Options{Dir: state, EnrolFile: file, Log: logging.Discard()}) }()

	ask := func(want string, ok func(Status) bool) {
		t.Helper()
		var st Status
		for begin := time.Now(); time.Since(begin) < time.Minute; {
			if st, err = ReadStatus(t.Context(), state); err == nil && ok(st) {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
		t.Fatalf("it never said %s: %+v %v", want, st, err)
	}
	ask("what it waits for and why", func(st Status) bool {
		return st.Running && !st.Enrolled && st.Waiting != nil && st.Waiting.File == file && strings.Contains(st.Waiting.Error, "token")
	})
	if heard, err := Goodbye(t.Context(), state, "removed"); heard || err == nil || !strings.Contains(err.Error(), "not enrolled yet") {
		t.Errorf("asked for anything else it said %v, %v", heard, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if st, err := ReadStatus(t.Context(), state); err != nil || st.Running || st.Waiting != nil {
		t.Errorf("ended, it says %+v %v", st, err)
	}
	if _, err := localstate.Dial(socketPath(state)); !errors.Is(err, localstate.ErrNotRunning) {
		t.Errorf("somebody answers still: %v", err)
	}
}
