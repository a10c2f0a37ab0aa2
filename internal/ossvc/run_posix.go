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

// runHere serves systemd, launchd and a terminal alike: all of them only start a
// process and send it a signal. The signals are let go after the first, so a
// second Ctrl-C ends a program that hangs.
func runHere(ctx context.Context, p Program) error {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer release()
	defer context.AfterFunc(ctx, release)()
	return supervise(ctx, p.Run)
}

func runAsService(ctx context.Context, p Program) error { return runHere(ctx, p) }

// tellSystem leaves it to what is printed.
func tellSystem(_ string, err error) error { return err }
