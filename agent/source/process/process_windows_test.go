package process

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"safelight/agent/source"
	"safelight/internal/event"
)

// wine says whether this is Wine, whose trace sessions cannot be read.
func wine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// offered is a sink that hands on what it is offered.
type offered chan event.Observation

func (offered) Put(context.Context, source.Observed) error { panic("programs cannot wait: want Offer") }

func (o offered) Offer(one source.Observed) bool {
	select {
	case o <- one.Observation:
		return true
	default:
		return false
	}
}

// Where Windows' tracing cannot be had the list is polled, and the reason said.
func TestProgramsAreSeenByTheBestWayThereIs(t *testing.T) {
	s := New(Config{Every: 100 * time.Millisecond, Beside: true, Log: slog.New(slog.DiscardHandler)})
	got, ended := make(offered, 1000), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Run(ctx, nil, got) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for s.Status().State != source.Running {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	st := s.Status()
	switch {
	case wine() && (st.Way != "polling" || !strings.Contains(st.Detail, "LocalSystem")):
		t.Fatalf("under Wine: %+v", st)
	case st.Way == "polling":
		t.Logf("polling, since %s", st.Detail)
	}
	const name = "a-long-named-test-program.exe"
	cmd := child(t, name)
	deadline := time.After(20 * time.Second)
	for {
		select {
		case o := <-got:
			if o.PID != cmd.Process.Pid {
				continue
			}
			if o.Name != name || filepath.Base(o.Exe) != name || len(o.Exe) < 3 || o.Exe[1] != ':' {
				t.Errorf("told as %+v", o)
			}
			return
		case <-deadline:
			t.Fatal("the program was not seen within 20 s")
		}
	}
}

func TestLettersStandForDevices(t *testing.T) {
	all := dosDevices()
	if !strings.HasPrefix(all["C:"], `\Device\`) && !wine() {
		t.Errorf("C: is %q", all["C:"])
	}
	if all["C:"] == "" {
		t.Errorf("C: is none of %v", all)
	}
}

// Of a library of Windows' own the product is read, and no signer, since it is
// signed in a catalogue or not at all.
func TestAFileSaysItsProductAndOnlyASignatureThatHolds(t *testing.T) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		t.Fatal(err)
	}
	f := newFiles()
	of := f.facts(filepath.Join(dir, "msi.dll"))
	if of.product == "" || !strings.EqualFold(of.originalName, "msi.dll") {
		t.Errorf("read %+v", of)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if of := f.facts(self); of != (facts{}) {
		t.Errorf("of a program without either: read %+v", of)
	}
	if of := f.facts(filepath.Join(dir, "there-is-no-such.exe")); of != (facts{}) {
		t.Errorf("of no file: read %+v", of)
	}
	if n := len(f.(*patient).files.(*files).known); n != 2 { //nolint:forcetypeassert // newFiles made them
		t.Errorf("%d files are remembered, want 2", n)
	}
}

// SAFELIGHT_SIGNED names two files for a test by hand: one that is signed by
// somebody this device trusts, and the same with a byte changed.
func TestASignatureThatWasTamperedWithNamesNobody(t *testing.T) {
	good, bad, ok := strings.Cut(os.Getenv("SAFELIGHT_SIGNED"), "|")
	if !ok {
		t.Skip("SKIPPED: no files to look at: set SAFELIGHT_SIGNED to GOOD|TAMPERED")
	}
	f := newFiles()
	if of := f.facts(good); of.signer == "" {
		t.Errorf("the good one: read %+v", of)
	}
	if of := f.facts(bad); of.signer != "" {
		t.Errorf("the one that was tampered with: read %+v", of)
	}
}

func TestADriveOfThisDeviceIsNotTakenForAShare(t *testing.T) {
	if system := filepath.VolumeName(os.Getenv("SystemRoot")); system == "" || farDrive(system) || !farDrive("q:") {
		t.Errorf("%q is far: %v; a drive that is not there: %v", system, farDrive(system), farDrive("q:"))
	}
}
