//go:build !windows

package ossvc

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

const howToGainPrivilege = "run the same command with sudo"

func privileged() bool { return os.Geteuid() == 0 }

// runUnderManager serves systemd, launchd and a terminal alike: all of them only
// start a process and send it a signal. The signals are let go after the first,
// so a second Ctrl-C ends a program that hangs.
func runUnderManager(ctx context.Context, _ string, program func(context.Context) error) error {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer release()
	defer context.AfterFunc(ctx, release)()
	return supervise(ctx, program)
}
