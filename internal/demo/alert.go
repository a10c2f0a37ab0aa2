package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// untilReady waits until the agent has rules, is connected and every source
// runs.
func (s *school) untilReady(ctx context.Context) error {
	var last []byte
	return until(ctx, "the agent to be ready", func() (bool, string) {
		out, err := once(ctx, s.agent, "status", "--dir", s.agentDir(), "--json")
		if err != nil {
			return false, err.Error()
		}
		last = out
		var st struct {
			Connected bool            `json:"connected"`
			Policy    json.RawMessage `json:"policy"`
			Sources   []struct {
				State string `json:"state"`
			} `json:"sources"`
		}
		if err := json.Unmarshal(out, &st); err != nil {
			return false, err.Error()
		}
		ready := st.Connected && len(st.Policy) > 0 && !bytes.Equal(st.Policy, []byte("null"))
		for _, src := range st.Sources {
			ready = ready && src.State == "running"
		}
		return ready, string(last)
	})
}

// until asks again and again, because the answer is another program's.
func until(ctx context.Context, what string, done func() (ok bool, detail string)) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		ok, detail := done()
		if ok {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %s for %s; last seen: %s", patience, what, strings.TrimSpace(detail))
		}
	}
}

// raised is a line of `alerts --json`.
type raised struct {
	Ref      string `json:"ref"`
	Severity string `json:"severity"`
	Category string `json:"category"`
	DelayMS  *int64 `json:"delay_ms"`
}

// raiseAlert makes the flagged visit and starts the flagged program, and waits
// for the mail and for both alerts.
func (s *school) raiseAlert(ctx context.Context) (raised, error) {
	began := time.Now()
	step("a visit to %s (answered by this machine) and a program called %s", flaggedSite, flaggedProgram)
	visited := make(chan error, 1)
	go func() {
		if s.proxy != nil {
			visited <- s.proxy.visit(ctx, flaggedSite, s.account)
			return
		}
		visited <- s.site.visit(ctx, flaggedSite)
	}()
	endProgram, err := s.startProgram()
	if err != nil {
		return raised{}, err
	}
	defer endProgram()
	mail, err := s.awaitMail(ctx)
	if err != nil {
		return raised{}, err
	}
	if err := <-visited; err != nil {
		return raised{}, err
	}
	step("mail accepted %d ms after the visit began: %q", mail.at.Sub(began).Milliseconds(), mail.subject)
	return s.awaitAlerts(ctx, mail.subject)
}

// startProgram runs a program of this machine under the flagged name.
func (s *school) startProgram() (end func(), err error) {
	from, err := exec.LookPath("sleep")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, flaggedProgram)
	if err := os.WriteFile(path, data, 0o700); err != nil {
		return nil, err
	}
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

func (s *school) awaitMail(ctx context.Context) (accepted, error) {
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case m := <-s.mails:
		data, err := os.ReadFile(m.Path)
		if err != nil {
			return accepted{}, err
		}
		return accepted{subject: subject(data), at: m.At}, nil
	case err := <-s.ended:
		return accepted{}, err
	case <-ctx.Done():
		return accepted{}, ctx.Err()
	case <-wait.C:
		return accepted{}, fmt.Errorf("no mail about the alert within %s", patience)
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
func (s *school) awaitAlerts(ctx context.Context, subject string) (mailed raised, err error) {
	err = until(ctx, "both alerts to be in `alerts`", func() (bool, string) {
		out, err := once(ctx, s.collector, "alerts", "--as", dslName, "--json", "--dir", s.collectorDir())
		if err != nil {
			return false, err.Error()
		}
		n := 0
		for line := range strings.Lines(string(out)) {
			var a raised
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				return false, err.Error()
			}
			if n++; strings.Contains(subject, a.Ref) {
				mailed = a
			}
		}
		return n >= 2 && mailed.DelayMS != nil, string(out)
	})
	return mailed, err
}
