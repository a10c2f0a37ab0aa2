package attribution

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/internal/event"
)

const (
	pupil7  = "S-1-5-21-1-2-3-1007"
	pupil8  = "S-1-5-21-1-2-3-1008"
	teacher = "S-1-12-1-1-2-3-4"
	system  = "S-1-5-18"
)

var winNow = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// windowsPC is a Windows with two people on it, one at the screen and one over RDP.
func windowsPC() (*win, map[int]winProcess) {
	all := map[int]winProcess{
		100: {pid: 100, exe: `C:\Windows\System32\svchost.exe`, sid: "S-1-5-20", session: "0", began: winNow.Add(-time.Hour)},
		200: {pid: 200, ppid: 100, exe: `C:\Windows\explorer.exe`, sid: pupil7, session: "1", began: winNow.Add(-time.Hour)},
		300: {pid: 300, ppid: 200, exe: `C:\Program Files\Browser\browser.exe`, sid: pupil7, session: "1", began: winNow.Add(-time.Minute)},
		301: {pid: 301, ppid: 200, exe: `C:\Program Files\Browser\browser.exe`, sid: pupil8, session: "2", began: winNow.Add(-time.Minute)},
		400: {pid: 400, exe: `C:\Program Files\Backup\backup.exe`, sid: system, session: "0", began: winNow.Add(-time.Hour)},
		500: {pid: 500, exe: "", sid: "", session: "0", began: winNow.Add(-time.Hour)},
	}
	names := map[string]sidAccount{
		pupil7: {login: `SCHOOL\pupil07`, domain: "SCHOOL"}, pupil8: {login: "pupil08"}, teacher: {login: `AzureAD\teacher01`, domain: "AzureAD"},
		"S-1-5-80-1-2-3-4-5": {login: "Backup"},
	}
	s := winSystem{
		process: func(pid int) (winProcess, error) {
			if p, ok := all[pid]; ok {
				return p, nil
			}
			if pid == 999 {
				return winProcess{}, errWinHidden
			}
			return winProcess{}, errWinGone
		},
		session: func(id uint32) winSession {
			return map[uint32]winSession{1: {console: true}, 2: {remote: event.RemoteRDP}}[id]
		},
		words:    func(int) []string { return nil },
		file:     func(string) bool { return true },
		resolver: func() int { return 100 },
	}
	now := func() time.Time { return winNow }
	return newWin(s, newSIDAccounts(func(sid string) sidAccount { return names[sid] }, now), now), all
}

func TestEachOfSeveralPeopleOnWindowsHasTheirOwn(t *testing.T) {
	w, _ := windowsPC()
	a := w.complete(event.Owner{PID: 300, SID: pupil7, At: winNow})
	if a.User != `SCHOOL\pupil07` || a.Domain != "SCHOOL" || a.Process != "browser.exe" || a.Session != "1" || a.Seat != "console" || a.Remote != "" || a.Unknown != "" || a.RunsAs != "" {
		t.Errorf("the one at the screen: %+v", a)
	}
	b := w.complete(event.Owner{PID: 301, SID: pupil8, At: winNow})
	if b.User != "pupil08" || b.Domain != "" || b.Session != "2" || b.Seat != "" || b.Remote != event.RemoteRDP {
		t.Errorf("the one elsewhere: %+v", b)
	}
}

// Windows uses a process's number again within the second.
func TestAProcessThatBeganAfterwardsIsNotTheOneThatAsked(t *testing.T) {
	w, all := windowsPC()
	all[300] = winProcess{pid: 300, exe: `C:\other.exe`, sid: pupil8, session: "2", began: winNow}
	owner := w.complete(event.Owner{PID: 300, At: winNow.Add(-time.Second)})
	if owner.User != "" || owner.Process != "" || owner.Reason != event.ReasonExited {
		t.Errorf("without an account: %+v", owner)
	}
	owner = w.complete(event.Owner{PID: 300, SID: pupil7, At: winNow.Add(-time.Second)})
	if owner.User != `SCHOOL\pupil07` || owner.Process != "" || owner.Exe != "" || owner.Unknown != whyGone || owner.RunsAs != "" {
		t.Errorf("with the account that the event told: %+v", owner)
	}
}

func TestWhatASystemServiceAsksIsNobodysOrItsOwn(t *testing.T) {
	w, _ := windowsPC()
	for what, c := range map[string]struct {
		owner  event.Owner
		user   string
		reason event.Reason
	}{
		"the resolver":             {event.Owner{PID: 100, SID: "S-1-5-20"}, "", event.ReasonResolver},
		"the kernel":               {event.Owner{PID: 4, SID: system}, "", event.ReasonKernel},
		"a service":                {event.Owner{PID: 400, SID: system}, "SYSTEM", ""},
		"a service of its own":     {event.Owner{PID: 400, SID: "S-1-5-80-1-2-3-4-5"}, "Backup", ""},
		"the kernel, for somebody": {event.Owner{PID: 4, SID: pupil7, Origin: event.Origin{Session: "1"}}, `SCHOOL\pupil07`, ""},
		"an account without name":  {event.Owner{PID: 300, SID: "S-1-5-21-9-9-9-9"}, "", event.ReasonNoName},
		"one that may not be read": {event.Owner{PID: 999}, "", event.ReasonNotPermitted},
		"one without a token":      {event.Owner{PID: 500}, "", event.ReasonNotPermitted},
		"one that is gone":         {event.Owner{PID: 777}, "", event.ReasonExited},
	} {
		c.owner.At = winNow
		got := w.complete(c.owner)
		if got.User != c.user || got.Reason != c.reason || (c.reason != "") != (got.Unknown != "" && got.User == "") {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestAServiceThatActsForSomebodyIsSaidToBeOne(t *testing.T) {
	w, _ := windowsPC()
	got := w.complete(event.Owner{PID: 400, SID: teacher, At: winNow})
	if got.User != `AzureAD\teacher01` || got.RunsAs != "SYSTEM" || got.Seat != "" {
		t.Errorf("got %+v", got)
	}
}

func TestAProgramsStartOnWindows(t *testing.T) {
	w, all := windowsPC()
	all[310] = winProcess{pid: 310, ppid: 200, exe: `C:\game.exe`, sid: pupil7, session: "1", began: winNow.Add(10 * time.Microsecond)}
	s := event.Start{Time: winNow, PID: 310, PPID: 200, Creator: 200, Session: "1", Comm: "game.exe", Exe: `C:\game.exe`, Package: "Example.Game"}
	got := w.started(s, true)
	if got.User != `SCHOOL\pupil07` || got.Process != "game.exe" || got.Exe != `C:\game.exe` || got.Parent != "explorer.exe" || got.App != "msix:Example.Game" || got.Seat != "console" || got.Unknown != "" {
		t.Errorf("got %+v", got)
	}
	if got := w.started(s, false); got.User != `SCHOOL\pupil07` || got.Parent != "" {
		t.Errorf("in a storm: %+v", got)
	}
}

// A program that has ended is that of who started it, where that cannot be wrong.
func TestAProgramThatEndedIsItsCreatorsOnlyWhereThatIsAPerson(t *testing.T) {
	for what, c := range map[string]struct {
		creator int
		session string
		user    string
	}{
		"a person's shell":                        {200, "1", `SCHOOL\pupil07`},
		"a service, which may start as anybody":   {400, "1", ""},
		"a person's program in another session":   {200, "2", ""},
		"one that is gone as well":                {777, "1", ""},
		"one that began later, under that number": {320, "1", ""},
	} {
		w, all := windowsPC()
		all[320] = winProcess{pid: 320, exe: `C:\late.exe`, sid: pupil8, session: "1", began: winNow.Add(time.Second)}
		got := w.started(event.Start{Time: winNow, PID: 888, PPID: 200, Creator: c.creator, Session: c.session, Comm: "short.exe", Exe: `C:\short.exe`}, true)
		if got.User != c.user || got.Process != "short.exe" || got.Exe != `C:\short.exe` || (c.user == "") != (got.Reason == event.ReasonExited) {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestAStartWhoseNumberIsAnothersByNowIsNotTakenForIt(t *testing.T) {
	w, all := windowsPC()
	all[310] = winProcess{pid: 310, exe: `C:\other.exe`, sid: pupil8, session: "2", began: winNow.Add(time.Second)}
	got := w.started(event.Start{Time: winNow, PID: 310, Comm: "game.exe", Exe: `C:\game.exe`}, true)
	if got.User != "" || got.Exe != `C:\game.exe` || got.Reason != event.ReasonExited {
		t.Errorf("got %+v", got)
	}
}

// What the list of processes tells has no time and no parent.
func TestAProgramFromTheListIsCompleted(t *testing.T) {
	w, _ := windowsPC()
	got := w.started(event.Start{PID: 300, Comm: "browser.exe"}, true)
	if got.User != `SCHOOL\pupil07` || got.PPID != 200 || got.Session != "1" || got.Exe == "" {
		t.Errorf("got %+v", got)
	}
}

func TestADomainControllerThatIsAwayHoldsCaptureUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan sidAccount)
		var asked atomic.Int32
		s := newSIDAccounts(func(string) sidAccount { asked.Add(1); return <-answer }, time.Now)
		began := time.Now()
		for range 3 {
			if got := s.find(pupil7); got.login != "" || got.reason != event.ReasonDirectory {
				t.Errorf("got %+v", got)
			}
		}
		if waited := time.Since(began); waited != sidWait {
			t.Errorf("waited %v for three, want %v", waited, sidWait)
		}
		answer <- sidAccount{login: `SCHOOL\pupil07`, domain: "SCHOOL"}
		synctest.Wait()
		if got := s.find(pupil7); got.login != `SCHOOL\pupil07` || asked.Load() != 1 {
			t.Errorf("later: got %+v after %d questions", got, asked.Load())
		}
		time.Sleep(sidFor) // in the bubble's time
		go func() { answer <- sidAccount{} }()
		if got := s.find(pupil7); got.login != "" || got.reason != event.ReasonNoName {
			t.Errorf("after its life: got %+v", got)
		}
	})
}

func TestQuestionsForAccountsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		s := newSIDAccounts(func(string) sidAccount { <-stop; return sidAccount{} }, time.Now)
		for _, sid := range []string{"a", "b", "c", "d", "e", "f"} {
			s.find(sid)
		}
		s.mu.Lock()
		n := len(s.asking)
		s.mu.Unlock()
		if n != maxAskedSID {
			t.Errorf("%d questions at once", n)
		}
		close(stop)
		synctest.Wait()
	})
}

func TestG11ScriptsOnWindowsAndNoOtherArgument(t *testing.T) {
	const game, long = `C:\Users\pupil07\game.py`, `C:\Tools\Run\play.ps1`
	for _, c := range []struct {
		exe   string
		words []string
		want  string
	}{
		{`C:\Python\python.exe`, []string{`C:\Python\python.exe`, game, "canary"}, game},
		{`C:\Python\pythonw.exe`, []string{"pythonw", "-u", game}, game},
		{`C:\Windows\py.exe`, []string{"py.exe", game}, game},
		{`C:\Python\python3.12.exe`, []string{"python3.12", "-c", game}, ""},
		{`C:\Python\python.exe`, []string{`C:\Python\python.exe`}, ""},
		{`C:\Python\python.exe`, []string{"python", "game.py"}, ""},
		{`C:\Python\python.exe`, []string{"python", "-m", game}, ""},
		{`C:\Java\bin\javaw.exe`, []string{"javaw", "-Xmx2G", "-jar", `D:\mods\launcher.jar`, "--token", "canary"}, `D:\mods\launcher.jar`},
		{`C:\Java\bin\javaw.exe`, []string{"javaw", "-cp", `D:\mods\a.jar`, "org.example.Main"}, ""},
		{`C:\Windows\PowerShell.EXE`, []string{"powershell", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", long, "canary"}, long},
		{`C:\Windows\powershell.exe`, []string{"powershell", "-EP", "Bypass", "-FILE", long}, long},
		{`C:\Windows\powershell.exe`, []string{"powershell", "-Command", long}, ""},
		{`C:\Windows\powershell.exe`, []string{"powershell", "-Comm", long}, ""},
		{`C:\Windows\powershell.exe`, []string{"powershell", "-enc", "Y2FuYXJ5"}, ""},
		{`C:\Windows\powershell.exe`, []string{"powershell", "Get-Secret canary"}, ""},
		{`C:\Windows\wscript.exe`, []string{"wscript", "//nologo", `C:\Users\pupil07\prank.vbs`}, `C:\Users\pupil07\prank.vbs`},
		{`C:\Windows\wscript.exe`, []string{"wscript", `C:\Users\pupil07\letter.txt`}, ""},
		{`C:\Windows\notepad.exe`, []string{"notepad", game}, ""},
		{`C:\Python\python.exe`, []string{"python", `C:\x.py:hidden`}, ""},
		{`C:\Python\python.exe`, nil, ""},
	} {
		if got := winScript(c.exe, c.words); got != c.want {
			t.Errorf("%q: got %q, want %q", c.words, got, c.want)
		}
	}
}

func TestAScriptIsToldWithoutItsOwnersName(t *testing.T) {
	for file, want := range map[string]string{
		`C:\Users\pupil07\Desktop\game.py`: `~\Desktop\game.py`,
		`c:\users\pupil07.SCHOOL\game.py`:  `~\game.py`,
		`C:/Users/pupil07/game.py`:         `~\game.py`,
		`H:\game.py`:                       `H:\game.py`,
	} {
		if got := foldUsers(file); got != want {
			t.Errorf("%s: got %s, want %s", file, got, want)
		}
	}
	w, all := windowsPC()
	all[310] = winProcess{pid: 310, ppid: 200, exe: `C:\Python\python.exe`, sid: pupil7, session: "1", began: winNow}
	w.system.words = func(int) []string { return []string{"python", `C:\Users\pupil07\game.py`, "canary"} }
	start := event.Start{Time: winNow, PID: 310, Comm: "python.exe", Exe: `C:\Python\python.exe`}
	if got := w.started(start, true); got.Script != `~\game.py` {
		t.Errorf("got %+v", got)
	}
	w.system.file = func(string) bool { return false }
	if got := w.started(start, true); got.Script != "" {
		t.Errorf("a word that is no file: got %+v", got)
	}
}
