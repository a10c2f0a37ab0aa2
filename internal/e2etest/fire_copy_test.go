package e2etest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"safelight/agent/spool"
	"safelight/internal/trialschool"
)

// secondLines is how many flagged lines the second machine sees.
const secondLines = 600

func secondName(i int) string { return fmt.Sprintf("m%05d.low.example", i) }

// machine is the second one, begun from a copy of the first one's folder.
type machine struct {
	dir, log string
	agent    *trialschool.Program
	waited   int // records that waited in the copy
	written  chan error
}

// copyMachine copies the agent's folder while the agent runs and writes to it,
// and starts another agent there, which follows a log of its own.
func (f *fire) copyMachine(r *rand.Rand) {
	t := f.t
	t.Helper()
	m := &machine{dir: filepath.Join(f.s.Dir, "agent-2"), log: filepath.Join(f.s.Dir, "access-2.log"), written: make(chan error, 1)}
	check(t, copyRunning(f.s.AgentDir(), m.dir))
	check(t, os.WriteFile(m.log, nil, 0o600))
	check(t, os.WriteFile(filepath.Join(m.dir, "agent.yaml"), fmt.Appendf(nil, "weblog: [{format: squid, path: %q}]\n", m.log), 0o600))
	m.waited = waiting(f, filepath.Join(m.dir, "spool"))
	f.second = m
	m.agent = must[*trialschool.Program](t)(f.s.StartAgent(t.Context(), m.dir))
	go func() { m.written <- m.write(t.Context(), r) }()
}

// copyRunning copies a folder that somebody writes to, file by file: what is read
// late is newer than what is read early, and a file may go in between.
func copyRunning(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		if !d.Type().IsRegular() || d.Name() == "filler" {
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}

// waiting counts the records that wait in a spool, by opening a copy of it.
func waiting(f *fire, dir string) (n int) {
	f.t.Helper()
	look := filepath.Join(f.s.Dir, "look")
	check(f.t, copyRunning(dir, look))
	s := must[*spool.Spool](f.t)(spool.Open(look, spool.Options{}))
	for lane := uint8(1); lane <= spool.Lanes; lane++ {
		n += len(must[[]spool.Entry](f.t)(s.Pending(lane, 0, 1<<20, 1<<30)))
	}
	check(f.t, s.Close())
	return n
}

func (m *machine) write(ctx context.Context, r *rand.Rand) error {
	log, err := os.OpenFile(m.log, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for i := range secondLines {
		_, err := fmt.Fprintf(log, "%d.000     12 10.0.0.9 TCP_TUNNEL/200 400 CONNECT %s:443 demo.pupil HIER_DIRECT/203.0.113.9 -\n", time.Now().Unix(), secondName(i))
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(r.Int64N(int64(20 * time.Millisecond)))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return log.Close()
}

func (m *machine) kill(f *fire) {
	f.t.Helper()
	m.agent = killAndRestart(f.t, m.agent, f.rand, func() (*trialschool.Program, error) { return f.s.StartAgent(f.t.Context(), m.dir) })
}

// untilItsOwn waits until one of the two has become a device of its own, as the
// collector tells it to once it has heard both.
func (m *machine) untilItsOwn(f *fire) {
	f.t.Helper()
	began := time.Now()
	var devices []struct{ ID string }
	for time.Since(began) < 2*trialschool.Patience {
		check(f.t, trialschool.Until(f.t.Context(), "both machines to be ready", func() (bool, string) {
			first, err := f.s.Status(f.t.Context(), f.s.AgentDir())
			second, err2 := f.s.Status(f.t.Context(), m.dir)
			return err == nil && err2 == nil && first.Ready() && second.Ready(), fmt.Sprintf("%+v %v %+v %v", first, err, second, err2)
		}))
		out := must[[]byte](f.t)(f.s.Verb(f.t.Context(), "device", "list", "--json"))
		if devices = must[[]struct{ ID string }](f.t)(trialschool.Lines[struct{ ID string }](out)); len(devices) == 2 {
			f.t.Logf("one machine became a device of its own %s after the network healed", time.Since(began).Round(time.Second))
			return
		}
		<-time.After(500 * time.Millisecond)
	}
	f.t.Errorf("two machines are one device still: %v", devices)
}
