package execbpf

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *Reader {
	t.Helper()
	r, err := Open(nil)
	var un *Unavailable
	var refused *ebpf.VerifierError
	if errors.As(err, &un) && !(errors.As(err, &refused) && os.Geteuid() == 0) {
		t.Skipf("SKIPPED: exec events by BPF: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

// openFolder makes a folder that every account may read.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "exec") //nolint:usetesting // t.TempDir is closed to other accounts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// program copies a program that ends at once to a name of its own.
func program(t *testing.T, dir, name string) string {
	t.Helper()
	body, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, body, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns the next event of one of the accounts.
func read(t *testing.T, r *Reader, uids ...uint32) Event {
	t.Helper()
	stop := time.AfterFunc(20*time.Second, func() { _ = r.Close() })
	defer stop.Stop()
	for {
		var e Event
		if err := r.Read(&e); err != nil {
			t.Fatal(err)
		}
		for _, uid := range uids {
			if e.UID == uid {
				return e
			}
		}
	}
}

func TestAThousandProgramsThatLiveAMillisecond(t *testing.T) {
	const programs = 1000
	r := open(t)
	dir := openFolder(t)
	paths := make(map[string]bool)
	for i := range 10 {
		paths[program(t, dir, fmt.Sprintf("short-lived-%d", i))] = true
	}
	// Three accounts that nobody else on the machine has.
	uids := []uint32{61234, 61235, 61236}
	type start struct {
		pid int
		uid uint32
		exe string
	}
	want := make(map[start]bool)
	got := make(map[start]Event)
	done := make(chan error, 1)
	go func() {
		defer close(done)
		for len(got) < programs {
			var e Event
			if err := r.Read(&e); err != nil {
				done <- err
				return
			}
			if e.UID == uids[0] || e.UID == uids[1] || e.UID == uids[2] {
				got[start{e.PID, e.UID, e.Exe}] = e
			}
		}
	}()
	began := time.Now()
	for n := 0; n < programs; {
		for path := range paths {
			cmd := exec.Command("./" + filepath.Base(path))
			cmd.Dir = dir
			uid := uids[n%3]
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			want[start{cmd.Process.Pid, uid, path}] = true
			n++
		}
	}
	stop := time.AfterFunc(10*time.Second, func() { _ = r.ring.Close() })
	defer stop.Stop()
	if err := <-done; err != nil {
		t.Errorf("after %d of %d: %v", len(got), programs, err)
	}
	missed := 0
	for s := range want {
		e, ok := got[s]
		if !ok {
			missed++
			continue
		}
		if want := "./" + filepath.Base(s.exe); e.Filename != want || e.Comm != filepath.Base(want)[:min(15, len(want)-2)] ||
			e.PPID != os.Getpid() || e.Time.Before(began.Add(-time.Second)) || e.Time.After(time.Now().Add(time.Second)) ||
			e.Started == 0 || e.CgroupID == 0 {
			t.Fatalf("saw %+v of %v", e, s)
		}
	}
	if missed > 0 || r.Lost() > 0 {
		t.Errorf("%d of %d were not seen with pid, account and path; the kernel lost %d", missed, programs, r.Lost())
	}
}

func TestAScriptIsNamedBesideItsInterpreter(t *testing.T) {
	r := open(t)
	dir := openFolder(t)
	interpreter := program(t, dir, "interpreter")
	script := filepath.Join(dir, "homework")
	if err := os.WriteFile(script, []byte("#!"+interpreter+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, "an argument that is nobody's business")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61237, Gid: 61237}, Setsid: true}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	e := read(t, r, 61237)
	if e.Filename != script || e.Exe != interpreter || e.Session != cmd.Process.Pid || e.PID != cmd.Process.Pid {
		t.Errorf("saw %+v", e)
	}
}

func TestAPathThatIsTooLongIsLeftOutAndNotCut(t *testing.T) {
	r := open(t)
	dir := openFolder(t)
	deep := dir
	for range 45 {
		deep = filepath.Join(deep, "d")
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t, deep, "deep"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61238, Gid: 61238}}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if e := read(t, r, 61238); e.Exe != "" || e.Filename != filepath.Join(deep, "deep") || e.Comm != "deep" {
		t.Errorf("saw %+v", e)
	}
}

func TestClosingEndsAWaitingRead(t *testing.T) {
	r := open(t)
	ended := make(chan error, 1)
	go func() {
		for {
			var e Event
			if err := r.Read(&e); err != nil {
				ended <- err
				return
			}
		}
	}()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestARecordOfAnotherBuildIsRefused(t *testing.T) {
	r := &Reader{now: time.Now}
	var e Event
	for _, b := range [][]byte{nil, make([]byte, fixed-1), func() []byte { b := make([]byte, fixed); b[pathLength] = 1; return b }()} {
		if err := r.parse(b, &e); err == nil {
			t.Errorf("%d bytes were taken", len(b))
		}
	}
}
