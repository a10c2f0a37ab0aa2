package etw

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/windows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wine says whether this is Wine, which starts sessions well and cannot read one.
func wine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

const testSession = "Safelight test"

// open opens a session, or skips the test where this account may not.
func open(t *testing.T, p Provider) *Session {
	t.Helper()
	s, err := Open(Config{Name: testSession, Provider: p})
	var un *Unavailable
	if errors.As(err, &un) {
		t.Skip("SKIPPED:", un.Reason)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A check on StartTrace alone would be falsely green.
func TestASystemThatCannotReadSessionsIsUnavailableWithAReason(t *testing.T) {
	if !wine() {
		t.Skip("SKIPPED: this is a real Windows, whose sessions can be read")
	}
	for _, p := range []Provider{DNSClient, KernelProcess} {
		_, err := Open(Config{Name: testSession, Provider: p})
		var un *Unavailable
		if !errors.As(err, &un) {
			t.Fatalf("got %v, want an Unavailable", err)
		}
		if !strings.Contains(un.Reason, "session") || !strings.Contains(un.Reason, "LocalSystem") {
			t.Errorf("the reason names neither what failed nor the mend: %s", un.Reason)
		}
	}
	if n := sessionCount(); n != 0 {
		t.Errorf("%d sessions are left behind", n)
	}
}

func sessionCount() (n int) {
	sessions.Range(func(any, any) bool { n++; return true })
	return n
}

func TestWhatIsNoNameOrProviderIsRefused(t *testing.T) {
	for _, cfg := range []Config{{Provider: DNSClient}, {Name: strings.Repeat("x", maxName), Provider: DNSClient}, {Name: testSession}} {
		if s, err := Open(cfg); err == nil {
			_ = s.Close()
			t.Errorf("%+v was opened", cfg)
		}
	}
}

// run reads until the test is over, and hands events to a channel.
func run[T any](t *testing.T, s *Session, read func(*Event) (T, error)) <-chan T {
	t.Helper()
	got, ended := make(chan T, 1000), make(chan error, 1)
	go func() {
		ended <- s.Run(func(e *Event) {
			v, err := read(e)
			if err != nil {
				t.Errorf("event %d, version %d: %v", e.ID, e.Version, err)
				return
			}
			select {
			case got <- v:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return got
}

func TestASessionLeftBehindIsClearedAway(t *testing.T) {
	first := open(t, DNSClient)
	second, err := Open(Config{Name: testSession, Provider: DNSClient})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Check(); err == nil {
		t.Log("the first session's number was given to the second") // Windows may do so
	}
	if err := second.Check(); err != nil {
		t.Errorf("the second: %v", err)
	}
	_ = first.Close() // it is gone, or the second's
	_ = second.Close()
}

func TestANameThatThisProgramAsksForIsSeenWithItsOwner(t *testing.T) {
	s := open(t, DNSClient)
	type asked struct {
		Query
		pid int
		sid string
	}
	got := run(t, s, func(e *Event) (asked, error) {
		q, err := e.Query()
		return asked{q, e.PID, SIDText(e.SID)}, err
	})
	const name = "seen-by-etw.safelight.invalid"
	resolver := &net.Resolver{PreferGo: false}
	_, _ = resolver.LookupHost(t.Context(), name)
	deadline := time.After(20 * time.Second)
	for {
		select {
		case a := <-got:
			if a.Name != name {
				continue
			}
			if a.pid != os.Getpid() || !strings.HasPrefix(a.sid, "S-1-") {
				t.Errorf("seen as of %d, %q; want %d and an account", a.pid, a.sid, os.Getpid())
			}
			return
		case <-deadline:
			t.Fatal("the name was not seen within 20 s")
		}
	}
}

func TestAProgramThatThisOneStartsIsSeenWithItsFile(t *testing.T) {
	s := open(t, KernelProcess)
	got := run(t, s, (*Event).Start)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "cmd.exe", "/c", "exit")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case p := <-got:
			if p.PID != cmd.Process.Pid {
				continue
			}
			if p.PPID != os.Getpid() || p.Creator != os.Getpid() || !strings.HasSuffix(strings.ToLower(p.Image), `\cmd.exe`) {
				t.Errorf("seen as %+v", p)
			}
			return
		case <-ctx.Done():
			t.Fatal("the program was not seen within 20 s")
		}
	}
}
