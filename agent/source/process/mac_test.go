package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"safelight/agent/macos"
)

// aMac runs what it is told to.
type aMac struct {
	runs  map[int]macos.Process
	exes  map[int]string
	reads int
	asked int // for names of accounts
	fail  error
}

func (a *aMac) start(pid int, began time.Duration, uid uint32, name, exe string) {
	a.runs[pid] = macos.Process{PID: pid, Parent: 1, UID: uid, Name: name, Started: time.Unix(1795000000, 0).Add(began)}
	a.exes[pid] = exe
}

func (a *aMac) known(t *testing.T) *known {
	t.Helper()
	k := newKnown(newMac(macSystem{
		list: func() ([]macos.Process, error) {
			var all []macos.Process
			for _, p := range a.runs {
				all = append(all, p)
			}
			return all, a.fail
		},
		find: func(pid int) (macos.Process, bool) {
			p, ok := a.runs[pid]
			return p, ok
		},
		exe: func(pid int) string {
			a.reads++
			return a.exes[pid]
		},
		account: func(uid uint32) string {
			a.asked++
			return map[uint32]string{0: "root", 501: "pupil07"}[uid]
		},
	}))
	if err := k.baseline(context.Background()); err != nil {
		t.Fatal(err)
	}
	return k
}

func anIdleMac() *aMac {
	a := &aMac{runs: map[int]macos.Process{}, exes: map[int]string{}}
	a.start(1, 0, 0, "launchd", "/sbin/launchd")
	a.start(400, time.Minute, 501, "Finder", "/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder")
	a.start(401, time.Minute, 501, "zsh", "/bin/zsh")
	return a
}

func looked(t *testing.T, k *known) []string {
	t.Helper()
	started, err := k.look(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range started {
		all = append(all, fmt.Sprintf("%d %s %s %d", p.pid, p.name, p.exe, *p.uid))
	}
	slices.Sort(all)
	return all
}

func TestWhatStartsOnAMacIsToldOnce(t *testing.T) {
	a := anIdleMac()
	k := a.known(t)
	if got := looked(t, k); len(got) != 0 {
		t.Errorf("what ran already was told: %q", got)
	}
	a.start(500, time.Hour, 501, "Google Chrome He", "/Applications/Google Chrome.app/Contents/Frameworks/x/Google Chrome Helper")
	a.start(501, time.Hour, 777, "secret", "") // another's, and not to be looked into
	want := []string{
		"500 Google Chrome Helper /Applications/Google Chrome.app/Contents/Frameworks/x/Google Chrome Helper 501",
		"501 secret  777",
	}
	if got := looked(t, k); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := looked(t, k); len(got) != 0 {
		t.Errorf("told again: %q", got)
	}
}

// A shell forks, and its child takes up the program a moment later.
func TestAProgramThatAProcessTakesUpOnAMacIsTold(t *testing.T) {
	a := anIdleMac()
	k := a.known(t)
	a.start(500, time.Hour, 501, "zsh", "/bin/zsh")
	looked(t, k)
	a.start(500, time.Hour, 501, "game", "/Users/pupil07/game")
	if got := looked(t, k); !slices.Equal(got, []string{"500 game /Users/pupil07/game 501"}) {
		t.Errorf("got %q", got)
	}
	a.start(500, 2*time.Hour, 501, "game", "/Users/pupil07/game") // the number came round
	var got []string
	for range thoroughly + 1 {
		got = append(got, looked(t, k)...)
	}
	if len(got) != 1 {
		t.Errorf("another process of that number: %q", got)
	}
}

func TestAProgramThatEndedOnAMacBeforeItWasLookedAtIsToldByName(t *testing.T) {
	a := anIdleMac()
	k := a.known(t)
	a.start(500, time.Hour, 501, "short", "/Users/pupil07/short")
	p := a.runs[500]
	p.Ended = true
	a.runs[500] = p
	if got := looked(t, k); !slices.Equal(got, []string{"500 short  501"}) {
		t.Errorf("got %q", got)
	}
	ended := a.runs[400]
	ended.Ended = true
	a.runs[400] = ended
	for range thoroughly + 1 {
		if got := looked(t, k); len(got) != 0 {
			t.Errorf("what ended was told as if it began: %q", got)
		}
	}
}

// A call for each of some 500 processes each second would be felt.
func TestAQuietMacIsAskedLittle(t *testing.T) {
	a := anIdleMac()
	for pid := 1000; pid < 1500; pid++ {
		a.start(pid, time.Minute, 501, "idle", "/usr/libexec/idle")
	}
	k := a.known(t)
	a.reads = 0
	for range thoroughly {
		looked(t, k)
	}
	if a.reads > 2*503 {
		t.Errorf("%d programs' paths were asked for in %d looks", a.reads, thoroughly)
	}
}

func TestAProcessTableThatCannotBeReadIsAnError(t *testing.T) {
	a := anIdleMac()
	k := a.known(t)
	a.fail = errors.New("not permitted")
	if _, err := k.look(context.Background()); err == nil {
		t.Error("no error")
	}
}

// The names of accounts are the directory's, which may be away for half a minute. Each
// look would wait for it, and miss what starts and ends meanwhile.
func TestNoLookWaitsForTheNameOfAnAccount(t *testing.T) {
	a := anIdleMac()
	k := a.known(t)
	a.start(500, time.Hour, 501, "game", "/Users/pupil07/game")
	if got := looked(t, k); len(got) != 1 || a.asked != 0 {
		t.Errorf("told %q, and %d names were asked for", got, a.asked)
	}
	for range 2 {
		if p, ok := k.system.program(t.Context(), 500); !ok || p.user != "pupil07" || a.asked != 1 {
			t.Errorf("it is %+v, after %d questions", p, a.asked)
		}
	}
}
