package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"safelight/agent/attribution"
	"safelight/agent/source"
	"safelight/agent/source/process"
	"safelight/internal/event"
)

// told keeps the programs that a source told of.
type told struct {
	mu   sync.Mutex // guards what follows
	got  []event.Observation
	more chan struct{} // has room for one: something came
}

func newTold() *told { return &told{more: make(chan struct{}, 1)} }

func (*told) Put(context.Context, source.Observed) error {
	return errors.New("programs cannot wait: want Offer")
}

func (s *told) Offer(o source.Observed) bool {
	s.mu.Lock()
	s.got = append(s.got, o.Observation)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return true
}

// of returns what was told of an account's programs.
func (s *told) of(uids ...uint32) []event.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Observation
	for _, o := range s.got {
		if o.UID != nil && slices.Contains(uids, *o.UID) {
			out = append(out, o)
		}
	}
	return out
}

// until waits until enough was told; it gives up after a while.
func (s *told) until(t *testing.T, enough func() bool) bool {
	t.Helper()
	late := time.After(20 * time.Second)
	for !enough() {
		select {
		case <-s.more:
		case <-late:
			return false
		}
	}
	return true
}

// watching runs the whole source, with attribution, one way only.
func watching(t *testing.T, way string, cfg attribution.Config) (*process.Source, *told) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: watching programs and running them under other accounts needs root")
	}
	owners := attribution.New(cfg)
	src := process.New(process.Config{Owners: owners, Only: way, Every: 100 * time.Millisecond})
	out := newTold()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx, nil, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := owners.Close(); err != nil {
			t.Error(err)
		}
	})
	for src.Status().State == source.Starting {
		select {
		case err := <-ended:
			ended <- nil
			t.Skipf("SKIPPED: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if st := src.Status(); st.Way != way || st.Since.IsZero() {
		t.Fatalf("status %+v, want way %s", st, way)
	}
	return src, out
}

// open makes a folder that every account may look into.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "programs") //nolint:usetesting // t.TempDir is closed to other accounts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyOf puts a system program into dir under another name.
func copyOf(t *testing.T, program, dir, name string) string {
	t.Helper()
	found, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	body, err := os.ReadFile(found)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, body, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func as(uid uint32, cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

// Three accounts that nobody else on the machine has.
var testers = []uint32{54231, 54232, 54233}

type start struct {
	name, exe string
	uid       uint32
	pid       int
}

// thousand starts 1,000 programs that live a millisecond, by relative paths.
func thousand(t *testing.T) map[start]bool {
	t.Helper()
	dir := open(t)
	var names []string
	for i := range 10 {
		name := fmt.Sprintf("a-short-lived-program-%d", i)
		copyOf(t, "true", dir, name)
		names = append(names, name)
	}
	all := make(map[start]bool)
	for n := range 1000 {
		name, uid := names[n%len(names)], testers[n%len(testers)]
		cmd := as(uid, exec.Command("./"+name))
		cmd.Dir = dir
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		all[start{name, filepath.Join(dir, name), uid, cmd.Process.Pid}] = true
	}
	return all
}

func seen(all []event.Observation) map[start]bool {
	got := make(map[start]bool)
	for _, o := range all {
		got[start{o.Name, o.Exe, *o.UID, o.PID}] = true
	}
	return got
}

func TestAThousandProgramsThatLiveAMillisecondAreSeenWithNameExeAndAccount(t *testing.T) {
	src, out := watching(t, "bpf", attribution.Config{})
	want := thousand(t)
	out.until(t, func() bool { return len(out.of(testers...)) >= len(want) })
	got := seen(out.of(testers...))
	missed := 0
	for r := range want {
		if !got[r] {
			missed++
		}
	}
	if st := src.Status(); missed > 0 || st.Lost > 0 || st.Dropped > 0 {
		t.Errorf("%d of %d were not seen with name, path and account; status %+v", missed, len(want), st)
	}
}

func TestWithoutBPFWhatWasTooQuickIsCounted(t *testing.T) {
	src, out := watching(t, "proc-connector", attribution.Config{})
	want := thousand(t)
	// The kernel tells of each: what could not be read in time is lost, and said.
	all := func() int { return len(out.of(testers...)) + int(src.Status().Lost) }
	out.until(t, func() bool { return all() >= len(want) })
	if all() < len(want) {
		t.Errorf("of %d, %d were seen and %d counted as lost", len(want), len(out.of(testers...)), src.Status().Lost)
	}
	right := 0
	for r := range seen(out.of(testers...)) {
		if want[r] {
			right++
		}
	}
	t.Logf("%d of %d seen with name, path and account, %d lost", right, len(want), src.Status().Lost)
	if right < len(want)/10 {
		t.Errorf("%d of %d were seen", right, len(want))
	}
}

// ways are those that see a program which lives long enough.
var ways = []string{"bpf", "proc-connector", "polling"}

func TestG11AScriptIsNamedAndItsArgumentsAreNotKept(t *testing.T) {
	const canary = "canary-4f1c"
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			_, out := watching(t, way, attribution.Config{})
			dir := open(t)
			script := filepath.Join(dir, "homework.sh")
			if err := os.WriteFile(script, []byte("#!/bin/sh\nread line\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{script, canary},
				{"/bin/sh", "-e", script, canary, "--" + canary},
				{"/bin/sh", "-c", "read " + strings.ReplaceAll(canary, "-", "_"), canary},
			} {
				cmd := as(testers[0], exec.Command(args[0], args[1:]...))
				cmd.Env = append(os.Environ(), "CANARY="+canary)
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				before := len(out.of(testers[0]))
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if !out.until(t, func() bool { return len(out.of(testers[0])) > before }) {
					t.Errorf("%v was not seen", args)
				}
				_ = in.Close()
				_ = cmd.Wait()
			}
			scripts := 0
			for _, o := range out.of(testers[0]) {
				if o.Script == script {
					scripts++
				}
				if strings.Contains(fmt.Sprintf("%+v", o), "canary") {
					t.Errorf("an argument was kept: %+v", o)
				}
				if !strings.HasPrefix(filepath.Base(o.Exe), "dash") && !strings.HasPrefix(filepath.Base(o.Exe), "bash") && o.Script == "" {
					t.Errorf("told %+v", o)
				}
			}
			if scripts < 2 {
				t.Errorf("the script was named %d times, want twice: %+v", scripts, out.of(testers[0]))
			}
		})
	}
}

func TestTwoAccountsAtOnceEachGetTheirOwn(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			dir := open(t)
			logins := map[uint32]string{testers[0]: `SCHOOL\pupil07`, testers[1]: "pupil08@school.example"}
			_, out := watching(t, way, attribution.Config{
				Directory: func(_ context.Context, uid uint32) ([]byte, error) {
					return fmt.Appendf(nil, "%s:*:%d:%d::/home/x:/bin/sh\n", logins[uid], uid, uid), nil
				},
			})
			path := copyOf(t, "sleep", dir, "shared-game")
			var cmds []*exec.Cmd
			for range 4 {
				for _, uid := range testers[:2] {
					cmd := as(uid, exec.Command(path, "60"))
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					cmds = append(cmds, cmd)
				}
			}
			out.until(t, func() bool { return len(out.of(testers[:2]...)) >= len(cmds) })
			whose := make(map[int]uint32)
			for _, cmd := range cmds {
				whose[cmd.Process.Pid] = cmd.SysProcAttr.Credential.Uid
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
			got := out.of(testers[:2]...)
			if len(got) != len(cmds) {
				t.Errorf("%d were told, want %d", len(got), len(cmds))
			}
			for _, o := range got {
				uid := whose[o.PID]
				_, domain := event.SplitAccount(logins[uid])
				if *o.UID != uid || o.User != logins[uid] || o.Domain != domain || o.Name != "shared-game" || o.Exe != path {
					t.Errorf("pid %d of %d: told %+v", o.PID, uid, o)
				}
				if o.PPID != os.Getpid() || o.Parent == "" {
					t.Errorf("its parent is %d %q, want %d", o.PPID, o.Parent, os.Getpid())
				}
			}
		})
	}
}
