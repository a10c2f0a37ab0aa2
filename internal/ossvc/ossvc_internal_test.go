package ossvc

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kardianos/service"
)

// fakeManager is a service manager whose unset verbs fail the test by panicking.
type fakeManager struct {
	verbs  map[string]func() error
	status service.Status
	err    error
	called []string
}

func (f *fakeManager) do(verb string) error {
	f.called = append(f.called, verb)
	return f.verbs[verb]()
}

func (f *fakeManager) Install() error                  { return f.do("install") }
func (f *fakeManager) Uninstall() error                { return f.do("uninstall") }
func (f *fakeManager) Start() error                    { return f.do("start") }
func (f *fakeManager) Stop() error                     { return f.do("stop") }
func (f *fakeManager) Restart() error                  { return f.do("restart") }
func (f *fakeManager) Status() (service.Status, error) { return f.status, f.err }
func (f *fakeManager) Platform() string                { return "fake manager" }

func ok() error { return nil }

func served(f *fakeManager, root bool) *Service {
	return &Service{name: "safelight-agent", back: f, privileged: func() bool { return root }}
}

func TestWithoutPrivilegeNothingIsTriedAndTheMendIsSaid(t *testing.T) {
	f := &fakeManager{}
	s := served(f, false)
	for verb, do := range map[string]func() error{
		"installing": s.Install, "uninstalling": s.Uninstall, "starting": s.Start, "stopping": s.Stop, "restarting": s.Restart,
	} {
		err := do()
		if !errors.Is(err, ErrNotPrivileged) || !strings.HasPrefix(err.Error(), verb) || !strings.Contains(err.Error(), howToGainPrivilege) {
			t.Errorf("%s without privilege: %v", verb, err)
		}
	}
	if len(f.called) != 0 {
		t.Errorf("the manager was asked to %v", f.called)
	}
}

func TestAVerbOnAServiceThatIsNotInstalledSaysHowToInstallIt(t *testing.T) {
	f := &fakeManager{err: service.ErrNotInstalled}
	s := served(f, true)
	for _, do := range []func() error{s.Uninstall, s.Start, s.Stop, s.Restart} {
		err := do()
		if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "safelight-agent service install") {
			t.Errorf("got %v", err)
		}
	}
	if st, err := s.Status(); st != NotInstalled || err != nil {
		t.Errorf("Status() = %v, %v", st, err)
	}
}

func TestASecondInstallIsRefusedAndLeavesTheFirstAlone(t *testing.T) {
	f := &fakeManager{status: service.StatusRunning}
	if err := served(f, true).Install(); !errors.Is(err, ErrInstalled) {
		t.Errorf("got %v", err)
	}
	if len(f.called) != 0 {
		t.Errorf("the manager was asked to %v", f.called)
	}
}

func TestUninstallStopsARunningServiceFirst(t *testing.T) {
	f := &fakeManager{status: service.StatusRunning, verbs: map[string]func() error{"stop": ok, "uninstall": ok}}
	if err := served(f, true).Uninstall(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"stop", "uninstall"}; !slices.Equal(f.called, want) {
		t.Errorf("asked for %v, want %v", f.called, want)
	}
}

func TestAManagersFailureKeepsItsWords(t *testing.T) {
	f := &fakeManager{status: service.StatusStopped, verbs: map[string]func() error{"start": func() error { return errors.New("unit is masked") }}}
	err := served(f, true).Start()
	if err == nil || !strings.Contains(err.Error(), "starting service safelight-agent through fake manager: unit is masked") {
		t.Errorf("got %v", err)
	}
}

func TestStatusIsReadFromTheManager(t *testing.T) {
	for given, want := range map[service.Status]Status{
		service.StatusRunning: Running, service.StatusStopped: Stopped, service.StatusUnknown: Unknown,
	} {
		if st, err := served(&fakeManager{status: given}, true).Status(); st != want || err != nil {
			t.Errorf("%v was read as %v, %v", given, st, err)
		}
	}
	if st, err := served(&fakeManager{err: errors.New("failed state")}, true).Status(); st != Unknown || err == nil {
		t.Errorf("a failed service was read as %v, %v", st, err)
	}
}

func TestAServiceNeedsAName(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a service without a name was accepted")
	}
	s, err := New(Config{Name: "safelight-no-such-service"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Manager() == "" {
		t.Error("the service manager has no name")
	}
}
