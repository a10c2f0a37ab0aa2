// Command demo is `make demo`: the main job on this machine, from nothing, with
// the two programs as a school would run them. It makes a trial school in a
// temporary folder, enrols this machine, makes a real visit and starts a real
// program that the starter rules flag, and waits until the mail about it has
// been accepted. It is no part of the product; nothing imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"safelight/internal/trialschool"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == visitArg {
		exit(visitPlainly(ctx, os.Args[2]))
	}
	exit(run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context) (err error) {
	seconds, err := secondsToRun()
	if err != nil {
		return err
	}
	d, err := newDemo(ctx)
	if d != nil {
		defer func() { err = errors.Join(err, d.close()) }()
	}
	if err != nil {
		return err
	}
	if err := d.build(ctx); err != nil {
		return err
	}
	alert, err := d.raiseAlert(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\nDEMO ALERT %s %s %s %d\n", alert.Ref, alert.Severity, alert.Category, *alert.DelayMS)
	fmt.Printf("DEMO CONSOLE %s %s\n\n", d.ConsoleURL, d.signIn)
	fmt.Println("The sign-in is a link that works once: it asks for a new password (12 characters or more), then shows the alert.")
	fmt.Printf("To sign in again later: %s and that password. The browser will warn of the demo's own certificate.\n", trialschool.DSLEmail)
	fmt.Println("Ctrl-C ends the demo and removes everything it made.")
	return d.stay(ctx, seconds)
}

// secondsToRun reads DEMO_SECONDS; 0 is until interrupted.
func secondsToRun() (time.Duration, error) {
	v := os.Getenv("DEMO_SECONDS")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("DEMO_SECONDS=%q: want a number of seconds, 1 or more", v)
	}
	return time.Duration(n) * time.Second, nil
}

// stay keeps everything running. A part that ends by itself ends the demo.
func (d *demo) stay(ctx context.Context, long time.Duration) error {
	if long > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, long)
		defer cancel()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.Ended:
		return err
	}
}
