package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"safelight/internal/trialschool"
)

// raised is a line of `alerts --json`.
type raised struct {
	Ref      string `json:"ref"`
	Severity string `json:"severity"`
	Category string `json:"category"`
	DelayMS  *int64 `json:"delay_ms"`
}

// raiseAlert makes the flagged visit and starts the flagged program, and waits
// for the mail and for both alerts.
func (d *demo) raiseAlert(ctx context.Context) (raised, error) {
	program, err := d.copyProgram()
	if err != nil {
		return raised{}, err
	}
	began := time.Now()
	step("a visit to %s (answered by this machine) and a program called %s", flaggedSite, flaggedProgram)
	visited := make(chan error, 1)
	go func() {
		if d.proxy != nil {
			visited <- d.proxy.visit(ctx, flaggedSite, d.account)
			return
		}
		visited <- d.site.visit(ctx, flaggedSite)
	}()
	endProgram, err := startProgram(program)
	if err != nil {
		return raised{}, err
	}
	defer endProgram()
	mail, err := d.awaitMail(ctx)
	if err != nil {
		return raised{}, err
	}
	if err := <-visited; err != nil {
		return raised{}, err
	}
	step("mail accepted %d ms after the visit began: %q", mail.at.Sub(began).Milliseconds(), mail.subject)
	return d.awaitAlerts(ctx, mail.subject)
}

// copyProgram lays a program of this machine down under the flagged name. It
// is done before anything else is started: a child forked while the copy is
// still open for writing would keep it open, and the system then refuses to
// run it ("text file busy").
func (d *demo) copyProgram() (path string, err error) {
	from, err := exec.LookPath("sleep")
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	path = filepath.Join(d.Dir, flaggedProgram)
	return path, os.WriteFile(path, data, 0o700)
}

// startProgram runs the copy for half a minute, or until end is called.
func startProgram(path string) (end func(), err error) {
	cmd := exec.Command(path, "30")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the flagged program: %w", err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed: that is its error
	}, nil
}

type accepted struct {
	subject string
	at      time.Time
}

func (d *demo) awaitMail(ctx context.Context) (accepted, error) {
	wait := time.NewTimer(trialschool.Patience)
	defer wait.Stop()
	select {
	case m := <-d.mails:
		data, err := os.ReadFile(m.Path)
		if err != nil {
			return accepted{}, err
		}
		return accepted{subject: subject(data), at: m.At}, nil
	case err := <-d.Ended:
		return accepted{}, err
	case <-ctx.Done():
		return accepted{}, ctx.Err()
	case <-wait.C:
		return accepted{}, fmt.Errorf("no mail about the alert within %s", trialschool.Patience)
	}
}

func subject(message []byte) string {
	for line := range strings.Lines(string(message)) {
		if s, ok := strings.CutPrefix(line, "Subject: "); ok {
			return strings.TrimSpace(s)
		}
	}
	return ""
}

// awaitAlerts waits until the mailed alert says that its mail was accepted and
// the program's alert is there too, and returns the mailed one.
func (d *demo) awaitAlerts(ctx context.Context, subject string) (mailed raised, err error) {
	err = trialschool.Until(ctx, "both alerts to be in `alerts`", func() (bool, string) {
		out, err := d.Verb(ctx, "alerts", "--as", trialschool.DSLName, "--json")
		if err != nil {
			return false, err.Error()
		}
		all, err := trialschool.Lines[raised](out)
		if err != nil {
			return false, err.Error()
		}
		for _, a := range all {
			if strings.Contains(subject, a.Ref) {
				mailed = a
			}
		}
		return len(all) >= 2 && mailed.DelayMS != nil, string(out)
	})
	return mailed, err
}
