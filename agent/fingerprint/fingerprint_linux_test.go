package fingerprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"safelight/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copied copies a system's program under another name, and returns its sum.
func copied(t *testing.T) (path, sum string) {
	t.Helper()
	from, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep on this machine: ", err)
	}
	data, err := os.ReadFile(from)
	must(t, err)
	path = filepath.Join(t.TempDir(), "holiday-photos")
	must(t, os.WriteFile(path, data, 0o700))
	h := sha256.Sum256(data)
	return path, hex.EncodeToString(h[:])
}

// run starts a program, and waits until it is the one that runs.
func run(t *testing.T, path string) event.Observation {
	t.Helper()
	cmd := exec.Command(path, "600")
	must(t, cmd.Start())
	t.Cleanup(func() {
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed, as was meant
	})
	return event.Observation{Time: time.Now(), Kind: event.Process, PID: cmd.Process.Pid, Exe: path}
}

func TestProgramReplacedOrDeletedWhileItRunsIsStillReadForWhatItIs(t *testing.T) {
	path, sum := copied(t)
	o := run(t, path)
	for _, meanwhile := range []func() error{
		func() error { return nil },
		func() error { return os.Remove(path) },
		func() error { return os.WriteFile(path, []byte("something harmless"), 0o700) },
	} {
		must(t, meanwhile())
		if got, err := New(Config{}).SHA256(t.Context(), o); got != sum || err != nil {
			t.Errorf("read %q, %v, want %s", got, err, sum)
		}
	}
}

func TestProgramThatHasEndedIsReadOnlyIfNobodyTouchedItsFile(t *testing.T) {
	path, sum := copied(t)
	o := event.Observation{Time: time.Now().Add(time.Second), Kind: event.Process, PID: 1 << 30, Exe: path}
	r := New(Config{})
	if got, err := r.SHA256(t.Context(), o); got != sum || err != nil {
		t.Errorf("read %q, %v, want %s", got, err, sum)
	}
	o.Time = time.Now().Add(-time.Minute) // it was written after that
	if got, err := r.SHA256(t.Context(), o); !errors.Is(err, ErrChanged) {
		t.Errorf("a file of after the start was read as %q, %v", got, err)
	}
	o.Time, o.App = time.Now().Add(time.Second), "docker:x"
	if got, err := r.SHA256(t.Context(), o); !errors.Is(err, ErrNoFile) {
		t.Errorf("a path in a container was read here as %q, %v", got, err)
	}
}

func TestAnotherProcessUnderTheSameNumberIsNotRead(t *testing.T) {
	path, _ := copied(t)
	o := run(t, path)
	o.Exe = filepath.Join(filepath.Dir(path), "gone")
	if got, err := New(Config{}).SHA256(t.Context(), o); !errors.Is(err, ErrNoFile) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestFileThatWasReadIsNotReadAgainUntilItChanges(t *testing.T) {
	path, sum := copied(t)
	r := New(Config{})
	o := event.Observation{Time: time.Now().Add(time.Hour), Exe: path}
	if got, err := r.SHA256(t.Context(), o); got != sum || err != nil {
		t.Fatalf("read %q, %v", got, err)
	}
	for id := range r.known {
		r.known[id] = "kept"
	}
	if got, _ := r.SHA256(t.Context(), o); got != "kept" {
		t.Errorf("read again: %q", got)
	}
	must(t, os.WriteFile(path, []byte("another"), 0o700))
	if got, _ := r.SHA256(t.Context(), o); got == "kept" || got == sum {
		t.Errorf("a changed file is still %q", got)
	}
}

func TestWhatCannotBeReadIsToldWithoutItsPath(t *testing.T) {
	dir := t.TempDir()
	large, pipe := filepath.Join(dir, "large"), filepath.Join(dir, "pipe")
	must(t, os.WriteFile(large, nil, 0o700))
	must(t, os.Truncate(large, MaxBytes+1))
	must(t, unix.Mkfifo(pipe, 0o600))
	for path, want := range map[string]error{
		large: ErrLarge, pipe: ErrNoFile, dir: ErrNoFile, filepath.Join(dir, "none"): ErrNoFile, "": ErrNoFile,
	} {
		got, err := New(Config{}).SHA256(t.Context(), event.Observation{Time: time.Now().Add(time.Hour), Exe: path})
		if got != "" || !errors.Is(err, want) || strings.Contains(err.Error(), dir) {
			t.Errorf("read %q, %v: want %v, without a path", got, err, want)
		}
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long")
	must(t, os.WriteFile(path, nil, 0o700))
	must(t, os.Truncate(path, MaxBytes))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := New(Config{}).SHA256(ctx, event.Observation{Time: time.Now().Add(time.Hour), Exe: path}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}
