// Package ossvc stands between the two programs and the operating system's
// service manager: systemd and its elders, launchd, the Windows service control
// manager. It promises verbs that say plainly what is wrong (no privilege, not
// installed, no such manager) and a Run that stops in time. It wraps
// kardianos/service, which no other package imports, so that a fork or another
// library touches this folder alone. Only the mains use it; it imports nothing
// of ours.
package ossvc

import (
	"errors"
	"fmt"

	"github.com/kardianos/service"
)

// Why a verb could not be done, for callers that decide by it.
var (
	ErrNotPrivileged = errors.New("administrator rights are needed")
	ErrNotInstalled  = errors.New("the service is not installed")
	ErrInstalled     = errors.New("the service is already installed")
)

// Status is what the service manager says about a service.
type Status string

// What a service can be.
const (
	Running      Status = "running"
	Stopped      Status = "stopped"
	NotInstalled Status = "not installed"
	Unknown      Status = "unknown"
)

// Config describes a service.
type Config struct {
	Name  string // as the service manager knows it: safelight-agent
	Title string // as people read it
	About string // one line, shown in the manager's list
	// Executable is the program's full path; empty means this program.
	Executable string
	Args       []string
}

// backend is the part of service.Service that the verbs use.
type backend interface {
	Install() error
	Uninstall() error
	Start() error
	Stop() error
	Restart() error
	Status() (service.Status, error)
	Platform() string
}

// Service is one service of this machine. Its methods block until the service
// manager has answered, which may take some seconds.
type Service struct {
	name       string
	back       backend
	privileged func() bool
}

// New describes a service to the manager of this machine; it changes nothing.
func New(c Config) (*Service, error) {
	if c.Name == "" {
		return nil, errors.New("describing a service: it has no name")
	}
	back, err := service.New(nothing{}, &service.Config{
		Name:        c.Name,
		DisplayName: c.Title,
		Description: c.About,
		Executable:  c.Executable,
		Arguments:   c.Args,
		Option:      options(),
	})
	if err != nil {
		return nil, fmt.Errorf("describing service %s: %w", c.Name, err)
	}
	return &Service{name: c.Name, back: back, privileged: privileged}, nil
}

// Manager names the service manager in use, such as "linux-systemd".
func (s *Service) Manager() string { return s.back.Platform() }

// Install registers the service to start with the machine. It does not start it.
func (s *Service) Install() error {
	return s.change("installing", func() error {
		if st, err := s.Status(); err == nil && st != NotInstalled {
			return fmt.Errorf("%w (it is %s); uninstall it first", ErrInstalled, st)
		}
		return s.back.Install()
	})
}

// Uninstall stops the service if it runs, then removes it. State and
// configuration stay where they are.
func (s *Service) Uninstall() error {
	return s.change("uninstalling", func() error {
		st, err := s.installed()
		if err != nil {
			return err
		}
		if st == Running {
			if err := s.back.Stop(); err != nil {
				return fmt.Errorf("stopping it first: %w", err)
			}
		}
		return s.back.Uninstall()
	})
}

// Start starts the service.
func (s *Service) Start() error { return s.change("starting", s.ifInstalled(s.back.Start)) }

// Stop stops the service until the machine, or someone, starts it again.
func (s *Service) Stop() error { return s.change("stopping", s.ifInstalled(s.back.Stop)) }

// Restart stops and starts the service.
func (s *Service) Restart() error { return s.change("restarting", s.ifInstalled(s.back.Restart)) }

// Status asks the service manager. It needs no privilege on most systems. Where
// the manager gives no clear answer, a failed service for one, the status is
// Unknown and the error holds its words.
func (s *Service) Status() (Status, error) {
	st, err := s.back.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return NotInstalled, nil
	case err != nil:
		return Unknown, fmt.Errorf("asking %s about service %s: %w", s.back.Platform(), s.name, err)
	case st == service.StatusRunning:
		return Running, nil
	case st == service.StatusStopped:
		return Stopped, nil
	}
	return Unknown, nil
}

// change runs a verb that needs privilege and says what it was doing when it
// failed.
func (s *Service) change(doing string, verb func() error) error {
	if !s.privileged() {
		return fmt.Errorf("%s service %s: %w; %s", doing, s.name, ErrNotPrivileged, howToGainPrivilege)
	}
	if err := verb(); err != nil {
		return fmt.Errorf("%s service %s through %s: %w", doing, s.name, s.back.Platform(), err)
	}
	return nil
}

func (s *Service) ifInstalled(verb func() error) func() error {
	return func() error {
		if _, err := s.installed(); err != nil {
			return err
		}
		return verb()
	}
}

// installed lets an unclear status pass: the verb itself then says more.
func (s *Service) installed() (Status, error) {
	st, _ := s.Status()
	if st == NotInstalled {
		return st, fmt.Errorf("%w; run `%s service install` first", ErrNotInstalled, s.name)
	}
	return st, nil
}

// nothing satisfies the library, whose own Run is not used: see Run.
type nothing struct{}

func (nothing) Start(service.Service) error { return nil }
func (nothing) Stop(service.Service) error  { return nil }
