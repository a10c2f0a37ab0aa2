package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"safelight/internal/logging"
	"safelight/internal/mailbox"
	"safelight/internal/trialschool"
)

const alerts = 200

// alertDelay raises alerts about as many invented pupils, one after another,
// and reads how long each took from observation to mail accepted.
func alertDelay(ctx context.Context, bin string) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := trialschool.New(ctx, dir, bin)
	if err != nil {
		return nil, err
	}
	mails := make(chan mailbox.Message, alerts)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	box, err := mailbox.Serve(l, mailbox.Config{
		Dir: filepath.Join(dir, "mailbox"), Announce: func(m mailbox.Message) { mails <- m }, Now: time.Now, Log: logging.Discard(),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, box.Close(context.Background())) }()
	s.Mail = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, user: '', from: safelight@trial-school.example}", l.Addr().(*net.TCPAddr).Port)
	stop, log, err := startDelaySchool(ctx, s)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return nil, err
	}
	for i := range alerts {
		if err := raise(ctx, log, i, mails); err != nil {
			return nil, err
		}
	}
	return readDelays(ctx, s)
}

func startDelaySchool(ctx context.Context, s *trialschool.School) (stop func() error, log string, err error) {
	var programs []*trialschool.Program
	stop = func() error {
		var errs []error
		for _, p := range slices.Backward(programs) {
			errs = append(errs, p.Stop())
		}
		return errors.Join(errs...)
	}
	log = filepath.Join(s.Dir, "access.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return stop, log, err
	}
	collector, err := s.StartCollector(ctx)
	if err != nil {
		return stop, log, err
	}
	programs = append(programs, collector)
	if _, err := s.AddDSL(ctx); err != nil {
		return stop, log, err
	}
	if err := importPupils(ctx, s, alerts); err != nil {
		return stop, log, err
	}
	if err := s.Publish(ctx, "packs"); err != nil {
		return stop, log, err
	}
	if err := s.Enrol(ctx, s.AgentDir(), fmt.Sprintf("weblog: [{format: squid, path: %q}]\n", log)); err != nil {
		return stop, log, err
	}
	agent, err := s.StartAgent(ctx, s.AgentDir())
	if err != nil {
		return stop, log, err
	}
	programs = append(programs, agent)
	return stop, log, s.UntilReady(ctx, s.AgentDir())
}

func pupil(i int) string { return fmt.Sprintf("demo.pupil.%03d", i) }

func importPupils(ctx context.Context, s *trialschool.School, n int) error {
	var b strings.Builder
	b.WriteString("account,name,role,year\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,Demo Pupil %d,pupil,9\n", pupil(i), i)
	}
	file := filepath.Join(s.Dir, "pupils.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return err
	}
	_, err := s.Verb(ctx, "roster", "import", file)
	return err
}

// raise writes one flagged line and waits for its mail.
func raise(ctx context.Context, log string, i int, mails <-chan mailbox.Message) error {
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%.3f 12 10.0.0.9 TCP_TUNNEL/200 400 CONNECT defcad.com:443 %s HIER_DIRECT/203.0.113.9 -\n", float64(time.Now().UnixMilli())/1000, pupil(i))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	wait := time.NewTimer(trialschool.Patience)
	defer wait.Stop()
	select {
	case <-mails:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return fmt.Errorf("no mail about alert %d within %s", i+1, trialschool.Patience)
	}
}

func readDelays(ctx context.Context, s *trialschool.School) ([]row, error) {
	type line struct {
		DelayMS *int64 `json:"delay_ms"`
	}
	var delays []int64
	err := trialschool.Until(ctx, "every delay to be known", func() (bool, string) {
		out, err := s.Verb(ctx, "alerts", "--as", trialschool.DSLName, "--json")
		if err != nil {
			return false, err.Error()
		}
		all, err := trialschool.Lines[line](out)
		if err != nil {
			return false, err.Error()
		}
		delays = delays[:0]
		for _, a := range all {
			if a.DelayMS != nil {
				delays = append(delays, *a.DelayMS)
			}
		}
		return len(delays) == alerts, fmt.Sprintf("%d of %d", len(delays), alerts)
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(delays)
	return []row{
		{"observation to mail accepted, median of 200 alerts", fmt.Sprintf("%d ms", delays[len(delays)/2]), "under 250 ms", ""},
		{"observation to mail accepted, worst of 200 alerts", fmt.Sprintf("%d ms", delays[len(delays)-1]), "2 s", ""},
	}, nil
}
