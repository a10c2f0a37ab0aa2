package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"safelight/agent/source"
	"safelight/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// list is a process list that a test writes.
type list struct {
	mu      sync.Mutex // guards what follows while a source looks at it
	running map[int32]identity
	err     error
}

func (l *list) exe(_ context.Context, pid int32) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running[pid].exe
}

func (l *list) pids(context.Context) ([]int32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var pids []int32
	for pid := range l.running {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids, l.err
}

func (l *list) identity(_ context.Context, pid int32) (identity, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, ok := l.running[pid]
	return id, ok
}

func (l *list) resolve(_ context.Context, pid int32, id identity) (program, bool) {
	return program{pid: pid, name: filepath.Base(id.exe), exe: id.exe, user: "pupil07"}, true
}

func (l *list) program(ctx context.Context, pid int32) (program, bool) {
	id, ok := l.identity(ctx, pid)
	if !ok {
		return program{}, false
	}
	return l.resolve(ctx, pid, id)
}

func polledSource(l *list) *Source {
	cfg := Config{}
	return newSource(cfg, l, newPolling(cfg, l))
}

// sink keeps what it is given.
type sink struct {
	got  []event.Observation
	full bool
}

func (*sink) Put(context.Context, source.Observed) error { panic("programs cannot wait: want Offer") }

func (s *sink) Offer(o source.Observed) bool {
	if s.full {
		return false
	}
	s.got = append(s.got, o.Observation)
	return true
}

func (s *sink) names() (names []string) {
	for _, o := range s.got {
		names = append(names, fmt.Sprintf("%d %s", o.PID, o.Name))
	}
	return names
}

// polled plays a process list, one change a second, and returns what was told.
func polled(t *testing.T, l *list, out *sink, changes ...func()) *Source {
	t.Helper()
	src := polledSource(l)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- src.Run(ctx, nil, out) }()
		synctest.Wait()
		for _, change := range changes {
			l.mu.Lock()
			change()
			l.mu.Unlock()
			time.Sleep(time.Second) // the bubble's time
			synctest.Wait()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return src
}

func want(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestWhatRunsAlreadyIsNotReported(t *testing.T) {
	l := &list{running: map[int32]identity{1: {1, "/sbin/init"}}}
	out := &sink{}
	src := polled(t, l, out, func() {}, func() { l.running[2] = identity{5, "/usr/bin/game"} }, func() {})
	want(t, out.names(), []string{"2 game"})
	if o := out.got[0]; o.Kind != event.Process || o.Via != event.ViaPoll || o.Exe != "/usr/bin/game" || o.User != "pupil07" {
		t.Errorf("told %+v", o)
	}
	if st := src.Status(); st.Seen != 1 || st.Dropped != 0 || st.State != source.Stopped {
		t.Errorf("status %+v", st)
	}
}

func TestAProcessThatReplacesItsProgramIsReported(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	out := &sink{}
	polled(t, l, out,
		func() { l.running[2] = identity{5, "/bin/sh"} },
		func() { l.running[2] = identity{5, "/usr/bin/game"} }, func() {})
	want(t, out.names(), []string{"2 sh", "2 game"})
}

// Servers and shells that run for long are looked at less often, and still.
func TestAProcessThatReplacesItsProgramLateIsReported(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	out := &sink{}
	nothing := slices.Repeat([]func(){func() {}}, 3*settled)
	changes := append([]func(){func() { l.running[2] = identity{5, "/bin/sh"} }}, nothing...)
	changes = append(changes, func() { l.running[2] = identity{5, "/usr/bin/game"} })
	polled(t, l, out, append(changes, nothing[:everyFew]...)...)
	want(t, out.names(), []string{"2 sh", "2 game"})
}

func TestAPidThatIsUsedAgainIsAnotherProcess(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	out := &sink{}
	polled(t, l, out,
		func() { l.running[2] = identity{5, "/usr/bin/game"} },
		func() { delete(l.running, 2) },
		func() { l.running[2] = identity{6, "/usr/bin/game"} })
	want(t, out.names(), []string{"2 game", "2 game"})
}

func TestAProcessThatHasEndedIsNotToldAgain(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	out := &sink{}
	polled(t, l, out,
		func() { l.running[2] = identity{5, "/usr/bin/game"} },
		func() { l.running[2] = identity{5, ""} }, func() {}, func() {})
	want(t, out.names(), []string{"2 game"})
}

// Between two looks, all pids went round.
func TestAPidThatIsUsedAgainUnseenIsFoundInTheEnd(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	out := &sink{}
	nothing := slices.Repeat([]func(){func() {}}, thoroughly)
	polled(t, l, out, append([]func(){
		func() { l.running[2] = identity{5, "/usr/bin/game"} },
		func() { l.running[2] = identity{6, "/usr/bin/game"} },
	}, nothing...)...)
	want(t, out.names(), []string{"2 game", "2 game"})
}

func TestAListThatCannotBeReadOnceIsTriedAgain(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	out := &sink{}
	polled(t, l, out,
		func() { l.running[2], l.err = identity{5, "/usr/bin/game"}, errors.New("too many files") },
		func() { l.err = nil })
	want(t, out.names(), []string{"2 game"})
}

func TestAListThatCannotBeReadAtAllIsSaidSo(t *testing.T) {
	src := polledSource(&list{err: os.ErrPermission})
	if err := src.Run(t.Context(), nil, &sink{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if st := src.Status(); st.State != source.Unavailable || st.Detail == "" {
		t.Errorf("status %+v", st)
	}
}

func TestAFullQueueIsCounted(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	src := polled(t, l, &sink{full: true}, func() { l.running[2] = identity{5, "/usr/bin/game"} })
	if st := src.Status(); st.Seen != 1 || st.Dropped != 1 {
		t.Errorf("status %+v", st)
	}
}

// child starts a copy of this test's own program under another name.
func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(scratch(t, name), name)
	// To Windows a second name of a file that runs is that file.
	if runtime.GOOS == "windows" || os.Link(self, path) != nil {
		b, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, append([]string{"-test.run=^TestChildWaits$"}, args...)...)
	cmd.Env = append(os.Environ(), "SAFELIGHT_TEST_CHILD=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	return cmd
}

// scratch is a folder for one file. Wine takes no part in removing folders as
// t.TempDir does it.
func scratch(t *testing.T, file string) string {
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "process") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.Remove(filepath.Join(dir, file)), os.Remove(dir)); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// ending is that of a program's file on this system.
func ending() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// TestChildWaits is what the child of the tests below does.
func TestChildWaits(t *testing.T) {
	if os.Getenv("SAFELIGHT_TEST_CHILD") == "" {
		t.Skip("runs in a child process only")
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestG11ARealProgramIsSeenWithoutItsArguments(t *testing.T) {
	const canary = "canary-7f3a"
	ctx := t.Context()
	k := newKnown(newSystem())
	if err := k.baseline(ctx); err != nil {
		t.Fatal(err)
	}
	cmd := child(t, "a-long-named-test-program"+ending(), "-test.count=1", "-test.v="+"false", canary)
	started, err := k.look(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(started, func(p program) bool { return int(p.pid) == cmd.Process.Pid })
	if i < 0 {
		t.Fatalf("not among %d that started", len(started))
	}
	p := started[i]
	if p.name != "a-long-named-test-program"+ending() || filepath.Base(p.exe) != p.name {
		t.Errorf("told %q, %q", p.name, p.exe)
	}
	if p.uid != nil && int(*p.uid) != os.Geteuid() {
		t.Errorf("told uid %d", *p.uid)
	}
	if strings.Contains(fmt.Sprintf("%+v", p), canary) {
		t.Errorf("an argument was kept: %+v", p)
	}
	again, err := k.look(ctx)
	if err != nil || slices.ContainsFunc(again, func(p program) bool { return int(p.pid) == cmd.Process.Pid }) {
		t.Errorf("told twice, %v", err)
	}
}

func BenchmarkLook(b *testing.B) {
	k := newKnown(newSystem())
	_ = k.baseline(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		_, _ = k.look(b.Context())
	}
	b.ReportMetric(float64(len(k.seen)), "processes")
}

// saying is what every file says of itself.
type saying facts

func (s saying) facts(string) facts { return facts(s) }

func TestWhatAProgramsFileSaysIsToldWithIt(t *testing.T) {
	s := newSource(Config{}, &list{running: map[int32]identity{7: {exe: `C:\homework.exe`}}})
	s.files = saying{originalName: "game.exe", product: "Example Game", signer: "Invented Games Ltd"}
	out := &sink{}
	s.tell(event.Start{PID: 7, Comm: "homework.exe", Exe: `C:\homework.exe`}, newCrowds(), out)
	if len(out.got) != 1 {
		t.Fatalf("told %+v", out.got)
	}
	if o := out.got[0]; o.OriginalName != "game.exe" || o.Product != "Example Game" || o.Signer != "Invented Games Ltd" {
		t.Errorf("told %+v", o)
	}
}
