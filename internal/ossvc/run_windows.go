//go:build windows

package ossvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

const howToGainPrivilege = "run the same command in a window opened with \"Run as administrator\""

func privileged() bool { return windows.GetCurrentProcessToken().IsElevated() }

func runHere(ctx context.Context, p Program) error {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt)
	defer release()
	return supervise(ctx, p.Run)
}

// runAsService talks to the service control manager itself rather than through
// the library: a program that ends by itself then ends the service with a failure,
// which is what makes the manager's recovery actions start it again.
func runAsService(ctx context.Context, p Program) error {
	h := &handler{ctx: ctx, program: p}
	if err := svc.Run(p.Name, h); err != nil {
		return fmt.Errorf("speaking with the service control manager: %w; --service is for the manager alone, leave it out in a window of your own", err)
	}
	return h.err
}

// handler answers the service control manager. svc.Run calls Execute once, from
// one goroutine, and h.err is read after it returned.
type handler struct {
	ctx     context.Context
	program Program
	err     error
}

func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, say chan<- svc.Status) (bool, uint32) {
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- supervise(ctx, h.program.Run) }()

	say <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	go h.keepRecovery()
	for {
		select {
		case h.err = <-done:
			if ctx.Err() == nil {
				return true, 1 // it ended unasked: recovery actions apply
			}
			// What was asked to stop has stopped, however it did: the manager takes a code
			// for a failure whether it asked or not, and would start it again under the
			// hands of whoever stopped, upgrades or removes it. The log says what was wrong.
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				say <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				say <- svc.Status{State: svc.StopPending, WaitHint: uint32(StopWithin.Milliseconds())}
				cancel()
			}
		}
	}
}

// recovery is what the manager does when the service fails, time after time: the
// last for ever. The installers say the same.
var recovery = []mgr.RecoveryAction{
	{Type: mgr.ServiceRestart, Delay: 2 * time.Second},
	{Type: mgr.ServiceRestart, Delay: 2 * time.Second},
	{Type: mgr.ServiceRestart, Delay: 10 * time.Second},
}

const recoveryReset = uint32(24 * 60 * 60) // seconds

// keepRecovery puts the recovery actions back where somebody or an installer's
// failure left others. An account without the right to change its own service
// (the collector's) only says so.
func (h *handler) keepRecovery() {
	if err := setRecovery(h.program.Name); err != nil {
		h.program.Log.WarnContext(h.ctx, "recovery actions of the service are not as they should be, and could not be set", slog.String("error", err.Error()))
	}
}

func setRecovery(service string) error {
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return fmt.Errorf("reaching the service control manager: %w", err)
	}
	defer windows.CloseServiceHandle(manager) //nolint:errcheck // nothing is written through it
	text, err := windows.UTF16PtrFromString(service)
	if err != nil {
		return err
	}
	open := func(rights uint32) (*mgr.Service, error) {
		h, err := windows.OpenService(manager, text, rights)
		return &mgr.Service{Name: service, Handle: h}, err
	}
	s, err := open(windows.SERVICE_QUERY_CONFIG)
	if err != nil {
		return fmt.Errorf("reading recovery actions: %w", err)
	}
	actions, err := s.RecoveryActions()
	always, flagErr := s.RecoveryActionsOnNonCrashFailures()
	_ = s.Close()
	if err == nil && flagErr == nil && always && slices.Equal(actions, recovery) {
		return nil
	}
	s, err = open(windows.SERVICE_CHANGE_CONFIG | windows.SERVICE_START)
	if err != nil {
		return fmt.Errorf("setting recovery actions: %w", err)
	}
	defer s.Close()
	if err := s.SetRecoveryActions(recovery, recoveryReset); err != nil {
		return fmt.Errorf("setting recovery actions: %w", err)
	}
	if err := s.SetRecoveryActionsOnNonCrashFailures(true); err != nil {
		return fmt.Errorf("setting that a failure is one however the service ended: %w", err)
	}
	return nil
}

// failedEvent is the number of a failure in the event log.
const failedEvent = 1

// tellSystem writes to the event log under the service's name. No messages are
// registered for it, so Windows shows the text after a line of its own.
func tellSystem(name string, err error) error {
	log, openErr := eventlog.Open(name)
	if openErr != nil {
		return errors.Join(err, fmt.Errorf("opening the event log: %w", openErr))
	}
	defer log.Close()
	if tellErr := log.Error(failedEvent, err.Error()); tellErr != nil {
		return errors.Join(err, fmt.Errorf("writing to the event log: %w", tellErr))
	}
	return err
}
