package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"safelight/internal/trialschool"
)

const names = 10_000

// capture makes 10,000 short TLS connections with different names while a real
// agent watches this machine's packets, and reads what that cost it.
func capture(ctx context.Context, bin string) (rows []row, err error) {
	if os.Geteuid() != 0 {
		return []row{{"CPU per 10,000 names", "SKIPPED: looking at packets needs root", "", ""}}, nil
	}
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := trialschool.New(ctx, dir, bin)
	if err != nil {
		return nil, err
	}
	stop, err := startCaptureSchool(ctx, s)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return nil, err
	}
	before, err := s.Status(ctx, s.AgentDir())
	if err != nil {
		return nil, err
	}
	if err := sayHello(ctx, names); err != nil {
		return nil, err
	}
	after, err := quietStatus(ctx, s, seen(before)+names)
	if err != nil {
		return nil, err
	}
	cpu := after.CPUSeconds - before.CPUSeconds
	return []row{
		{"names seen of 10,000 short TLS connections", fmt.Sprintf("%d, %d dropped", seen(after)-seen(before), dropped(after)), "", ""},
		{"agent's CPU per 10,000 names", fmt.Sprintf("%.2f s (%.0f us a name)", cpu, cpu/names*1e6), "", "connections made and judged at full speed"},
		{"agent's resident memory, everything on", fmt.Sprintf("%d MB", after.MemoryBytes>>20), "under 40 MB", ""},
	}, nil
}

func startCaptureSchool(ctx context.Context, s *trialschool.School) (stop func() error, err error) {
	stop = func() error { return nil }
	collector, err := s.StartCollector(ctx)
	if err != nil {
		return stop, err
	}
	stop = collector.Stop
	if _, err := s.AddDSL(ctx); err != nil {
		return stop, err
	}
	if err := s.Publish(ctx, "packs"); err != nil {
		return stop, err
	}
	if err := s.Enrol(ctx, s.AgentDir(), "network: {enabled: true}\nprocess: {enabled: true}\n"); err != nil {
		return stop, err
	}
	agent, err := s.StartAgent(ctx, s.AgentDir())
	if err != nil {
		return stop, err
	}
	stop = func() error { return errors.Join(agent.Stop(), collector.Stop()) }
	return stop, s.UntilReady(ctx, s.AgentDir())
}

func seen(st trialschool.AgentStatus) (n uint64) {
	for _, s := range st.Sources {
		if s.Name == "network" {
			n += s.Seen
		}
	}
	return n
}

func dropped(st trialschool.AgentStatus) (n uint64) {
	for _, s := range st.Sources {
		n += s.Dropped
	}
	return n
}

// quietStatus waits until the agent has worked off what it saw.
func quietStatus(ctx context.Context, s *trialschool.School, want uint64) (trialschool.AgentStatus, error) {
	var st, last trialschool.AgentStatus
	err := trialschool.Until(ctx, "the agent to have seen every name", func() (bool, string) {
		var err error
		if st, err = s.Status(ctx, s.AgentDir()); err != nil {
			return false, err.Error()
		}
		still := seen(st) == seen(last)
		last = st
		return still && seen(st) >= want, fmt.Sprintf("%d of %d", seen(st), want)
	})
	return st, err
}

// sayHello opens connections to a listener on this machine and says a TLS
// ClientHello with a name of its own on each.
func sayHello(ctx context.Context, n int) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				_, _ = c.Read(make([]byte, 4096)) // the hello is enough
				_ = c.Close()
			}()
		}
	}()
	for i := range n {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return err
		}
		// The other end hangs up after the hello: that error is the plan.
		err = tls.Client(c, &tls.Config{ServerName: fmt.Sprintf("n%d.plain.example", i), MinVersion: tls.VersionTLS12}).HandshakeContext(ctx)
		_ = c.Close()
		var op *net.OpError
		if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &op) {
			return err
		}
	}
	return nil
}
