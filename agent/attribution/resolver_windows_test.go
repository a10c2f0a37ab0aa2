package attribution

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"safelight/internal/event"
)

func TestThisProcessIsThisAccounts(t *testing.T) {
	r := New(Config{})
	defer r.Close()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, ok := r.Process(os.Getpid())
	if !ok || !strings.EqualFold(got.Exe, self) || got.Process != filepath.Base(self) || got.PPID != os.Getppid() {
		t.Errorf("got %+v", got)
	}
	_, name, _ := strings.Cut(me.Username, `\`)
	if got.User != name && got.User != me.Username {
		t.Errorf("the account is %q, want %q", got.User, me.Username)
	}
	p, err := readProcess(os.Getpid())
	if err != nil || p.sid != me.Uid {
		t.Errorf("the account's number is %q, %v; want %q", p.sid, err, me.Uid)
	}
	if age := time.Since(p.began); age < 0 || age > time.Hour {
		t.Errorf("this process began %v ago", age)
	}
}

func TestAProcessThatIsNoneIsGone(t *testing.T) {
	r := New(Config{})
	defer r.Close()
	for _, pid := range []int{1<<31 + 3, 99999999} {
		if got, ok := r.Process(pid); ok || got.Reason != event.ReasonExited {
			t.Errorf("%d: %+v", pid, got)
		}
	}
}

func TestTheSystemsAccountsHaveEnglishNames(t *testing.T) {
	for sid, want := range systemSIDs {
		if got := newSIDAccounts(readAccount, time.Now).find(sid); got.login != want {
			t.Errorf("%s: got %q", sid, got.login)
		}
	}
	if a := readAccount("S-1-5-21-9-9-9-9"); a.login != "" || a.reason == "" {
		t.Errorf("an account that is none: %+v", a)
	}
	if a := readAccount("rubbish"); a.login != "" || a.reason == "" {
		t.Errorf("rubbish: %+v", a)
	}
}

func TestSomebodyIsSignedInOrNobodyCanSay(t *testing.T) {
	all, err := SignedIn("")
	t.Logf("signed in: %q, %v; session 1: %+v; the resolver is process %d", all, err, readSession(1), servicePID("Dnscache"))
	for _, name := range all {
		if strings.TrimSpace(name) == "" {
			t.Errorf("an account without a name: %q", all)
		}
	}
}

func TestWhatThisProcessWasStartedWithIsRead(t *testing.T) {
	got := readWords(os.Getpid())
	if len(got) == 0 && underWine() {
		t.Skip("SKIPPED: this Wine does not tell command lines")
	}
	if !slices.Equal(got, os.Args) {
		t.Errorf("got %q, want %q", got, os.Args)
	}
	if readWords(99999999) != nil {
		t.Error("no process has words")
	}
	if self, err := os.Executable(); err != nil || !isFile(self) || isFile(filepath.Dir(self)) {
		t.Error("a file is none, or a folder is one")
	}
}

func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
