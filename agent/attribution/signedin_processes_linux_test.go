package attribution

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// bare is a machine without logind, by its processes.
type bare struct {
	t    *testing.T
	root string
}

func newBare(t *testing.T) bare {
	t.Helper()
	b := bare{t, t.TempDir()}
	b.write("etc/passwd", "root:x:0:0::/root:/bin/sh\ndp14:x:1014:1014::/home/dp14:/bin/sh\ntest.pupil:x:1002:1002::/home/t:/bin/sh\n")
	b.seenFrom(theMachines)
	b.process(1, "init", "0 0 0 0", 1, 0, "4294967295")
	b.process(2, "kthreadd", "0 0 0 0", 0, 0, "4294967295")
	b.process(60, "dnsmasq", "101 101 101 101", 60, 0, "4294967295")
	b.process(61, "cron job", "0 0 0 0", 61, 0, "0") // cron signs root in to run it
	b.process(70, "getty", "0 0 0 0", 70, 1025, "4294967295")
	b.write("proc/uptime", "1 1")
	return b
}

func (b bare) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		b.t.Fatal(err)
	}
}

func (b bare) seenFrom(namespace string) {
	b.t.Helper()
	dir := filepath.Join(b.root, "proc/self/ns")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755), os.Symlink(namespace, filepath.Join(dir, "pid"))); err != nil {
		b.t.Fatal(err)
	}
}

func (b bare) process(pid int, name, uids string, leader, tty int, login string) {
	b.t.Helper()
	dir := fmt.Sprintf("proc/%d/", pid)
	b.write(dir+"status", "Name:\t"+name+"\nUid:\t"+strings.ReplaceAll(uids, " ", "\t")+"\nGid:\t0\t0\t0\t0\n")
	b.write(dir+"stat", fmt.Sprintf("%d (%s) S 1 %d %d %d -1 4194304\n", pid, name, leader, leader, tty))
	if login != "" {
		b.write(dir+"loginuid", login)
	}
}

// logind is a process of that name, of some account.
func (b bare) logind(uids string) {
	b.t.Helper()
	b.process(50, "systemd-logind", uids, 50, 0, "4294967295")
	b.write("proc/50/comm", "systemd-logind\n")
}

func TestG19WithoutLogindSomebodyIsHereIfAnyProcessShowsIt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b bare)
		want   []string
	}{
		"nobody, with a login waiting at the terminal": {func(bare) {}, nil},
		"a pupil's shell":                {func(b bare) { b.process(80, "sh", "1014 1014 1014 1014", 80, 1026, "") }, []string{"dp14"}},
		"a pupil's program, signed out":  {func(b bare) { b.process(80, "screen", "1014 1014 1014 1014", 80, 0, "") }, []string{"dp14"}},
		"a service that acts as a pupil": {func(b bare) { b.process(80, "smbd", "0 1014 0 1014", 80, 0, "") }, []string{"dp14"}},
		"a pupil who became root":        {func(b bare) { b.process(80, "sh", "0 0 0 0", 80, 0, "1014") }, []string{"dp14"}},
		"an account of a directory":      {func(b bare) { b.process(80, "sh", "10007 10007 10007 10007", 80, 0, "") }, []string{"uid 10007"}},
		"root at a terminal":             {func(b bare) { b.process(80, "sh", "0 0 0 0", 80, 1025, "") }, []string{"root"}},
		"root from elsewhere":            {func(b bare) { b.process(80, "sh", "0 0 0 0", 80, 34816, "0") }, []string{"root"}},
		"a password is being typed":      {func(b bare) { b.process(80, "login", "0 0 0 0", 80, 1025, "") }, []string{"root"}},
		"a kiosk's account, on a screen": {func(b bare) { b.process(80, "Xorg", "999 999 999 999", 80, 1031, "") }, []string{"uid 999"}},
		"a pupil's, where a logind was": {func(b bare) {
			b.write("run/systemd/sessions/.keep", "")
			b.process(80, "sh", "1014 1014 1014 1014", 80, 0, "")
		}, []string{"dp14"}},
		"a pupil's that calls itself logind": {func(b bare) {
			b.write("run/systemd/sessions/.keep", "")
			b.logind("1014 1014 1014 1014")
		}, []string{"dp14"}},
		"a program that calls itself a getty": {func(b bare) {
			b.process(80, "getty", "1014 1014 1014 1014", 80, 1026, "")
		}, []string{"dp14"}},
		"a name made to confuse": {func(b bare) {
			b.process(80, "x) S 1 1 1 0 (getty", "0 0 0 0", 80, 1026, "")
		}, []string{"root"}},
		"the technician, who runs this as root": {func(b bare) {
			b.process(80, "sh", "1002 1002 1002 1002", 80, 34816, "")
			b.process(81, "doas", "0 0 0 0", 80, 34816, "")
		}, []string{"test.pupil"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBare(t)
			c.change(b)
			who, err := SignedIn(b.root)
			if slices.Sort(who); err != nil || !slices.Equal(who, c.want) {
				t.Errorf("signed in: %q, %v; want %q", who, err, c.want)
			}
		})
	}
}

func TestG19WhereProcessesCannotAllBeSeenNobodyCanSay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b bare)
		want   string
	}{
		"in a container":                      {func(b bare) { b.seenFrom("pid:[4026532281]") }, "container"},
		"others' processes are hidden":        {func(b bare) { b.remove("proc/1") }, "hidepid"},
		"no proc":                             {func(b bare) { b.remove("proc") }, "which processes are seen"},
		"a process that says no account":      {func(b bare) { b.write("proc/80/status", "Name:\tx\n") }, "no account"},
		"a process that says no terminal":     {func(b bare) { b.process(80, "x", "0", 80, 0, ""); b.write("proc/80/stat", "80 (x) S\n") }, "no terminal"},
		"a process that says no login":        {func(b bare) { b.process(80, "x", "0", 80, 0, "none") }, "loginuid"},
		"an account that is no number":        {func(b bare) { b.process(80, "x", "0 1014x", 80, 0, "") }, "no account"},
		"logind's folder, and it is unusable": {func(b bare) { b.write("run/systemd/sessions", "") }, "sessions"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBare(t)
			c.change(b)
			if who, err := SignedIn(b.root); err == nil || !strings.Contains(err.Error(), c.want) || len(who) > 0 {
				t.Errorf("signed in: %q, %v; want an error about %q", who, err, c.want)
			}
		})
	}
}

// A process may end between two looks: it hides nobody, for its session has others.
func TestAProcessThatEndedMeanwhileIsPassedOver(t *testing.T) {
	b := newBare(t)
	if err := os.MkdirAll(filepath.Join(b.root, "proc/80"), 0o755); err != nil {
		t.Fatal(err)
	}
	if who, err := SignedIn(b.root); err != nil || len(who) > 0 {
		t.Errorf("signed in: %q, %v", who, err)
	}
}

func TestG19APersonsProcessIsFoundOnThisMachine(t *testing.T) {
	const uid = 54321
	if logindRuns("/") {
		t.Skip("SKIPPED: logind is here, and says it")
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: becoming another account needs root")
	}
	if err := seesEveryProcess(files{"/"}); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Pdeathsig: syscall.SIGKILL}
	// A child with Pdeathsig dies with the thread that started it (prctl(2)), not with us.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		t.Skipf("SKIPPED: a process of another account cannot be started here: %v", err)
	}
	who, err := SignedIn("/")
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if err != nil || !slices.Contains(who, fmt.Sprintf("uid %d", uid)) {
		t.Errorf("signed in: %q, %v", who, err)
	}
}

func (b bare) remove(name string) {
	b.t.Helper()
	if err := os.RemoveAll(filepath.Join(b.root, name)); err != nil {
		b.t.Fatal(err)
	}
}
