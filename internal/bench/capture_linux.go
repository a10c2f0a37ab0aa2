package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"safelight/internal/trialschool"
)

// inside tells a copy of this program that it runs in a network of its own, and
// where to write what it measured.
const inside = "SAFELIGHT_BENCH_INSIDE"

// capture measures a real agent beside a cable on which traffic is made, in a
// network of its own, once with each way of capturing.
func capture(ctx context.Context, bin string) ([]row, error) {
	if file := os.Getenv(inside); file != "" {
		rows, err := captureInside(ctx, bin)
		b, jerr := json.Marshal(shown(rows))
		return rows, errors.Join(err, jerr, os.WriteFile(file, b, 0o600))
	}
	if os.Geteuid() != 0 {
		return []row{{"capture", "SKIPPED: looking at packets needs root", "", ""}}, nil
	}
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "rows")
	cmd := exec.CommandContext(ctx, self, "capture")
	cmd.Env = append(os.Environ(), inside+"="+file)
	var table bytes.Buffer
	cmd.Stdout, cmd.Stderr = &table, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // with whose thread it would die (Pdeathsig)
	ran := cmd.Run()
	runtime.UnlockOSThread()
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.Join(ran, err, errors.New(table.String()))
	}
	var rows [][4]string
	if err := json.Unmarshal(b, &rows); err != nil {
		return nil, errors.Join(ran, err)
	}
	var all []row
	for _, r := range rows {
		all = append(all, row{r[0], r[1], r[2], r[3]})
	}
	return all, ran
}

func shown(rows []row) (all [][4]string) {
	for _, r := range rows {
		all = append(all, [4]string{r.what, r.figure, r.aim, r.peer})
	}
	return all
}

const (
	hellosMade    = 10_000
	questionsMade = 10_000
	uploaded      = 400 << 20
	sleepers      = 400
	idleFor       = 30 * time.Second
)

func captureInside(ctx context.Context, bin string) (rows []row, err error) {
	c, err := newCable(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	peer, err := c.peers(ctx)
	if err != nil {
		return nil, err
	}
	for _, way := range []string{"bpf", "packet"} {
		more, err := c.measure(ctx, bin, way, peer)
		rows = append(rows, more...)
		if err != nil {
			return rows, fmt.Errorf("capturing by %s: %w", way, err)
		}
	}
	return rows, nil
}

// measure starts a school whose agent captures one way, and reads what each
// kind of traffic cost it.
func (c *cable) measure(ctx context.Context, bin, way string, peer peerCosts) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := trialschool.New(ctx, dir, bin)
	if err != nil {
		return nil, err
	}
	stop, err := c.startSchool(ctx, s, dir, way)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return nil, err
	}
	hello, err := c.spend(ctx, s, hellosMade, "hello", fmt.Sprint(hellosMade), farAddr+":443")
	if err != nil {
		return nil, err
	}
	dns, err := c.spend(ctx, s, questionsMade, "dns", fmt.Sprint(questionsMade), farAddr+":53")
	if err != nil {
		return nil, err
	}
	bulk, err := c.spend(ctx, s, 1, "upload", fmt.Sprint(uploaded), farAddr+":444")
	if err != nil {
		return nil, err
	}
	idle, started, err := c.idle(ctx, s)
	if err != nil {
		return nil, err
	}
	return []row{
		{way + ": names of 10,000 ClientHellos", fmt.Sprintf("%d seen, %d lost, %d dropped", hello.seen, hello.lost, hello.dropped), "all", ""},
		{way + ": agent's CPU a ClientHello, judged", ofWhich(hello, hellosMade), "at most 30 us", peer.hello},
		{way + ": agent's CPU a DNS message", ofWhich(dns, 2*questionsMade), "at most 12 us", peer.dns},
		{way + ": names of 10,000 DNS questions", fmt.Sprintf("%d seen, %d lost, %d dropped", dns.seen, dns.lost, dns.dropped), "all", ""},
		{way + ": a 400 MB upload", fmt.Sprintf("%d lost, %d ms of CPU", bulk.lost, int(bulk.cpu*1e3)), "none lost", peer.bulk},
		{way + ": agent's resident memory after all that", fmt.Sprintf("%.1f MB", float64(bulk.memory)/(1<<20)), "under 40 MB", ""},
		{way + ": agent's CPU, idle beside 400 processes", fmt.Sprintf("%.3f %% of a core", 100*idle), "under 0.3 %", fmt.Sprintf("others started %d programs in these %s", started, idleFor)},
	}, nil
}

// ofWhich shows a cost as it is, and without what the agent took at rest.
func ofWhich(c cost, n int) string {
	return fmt.Sprintf("%s (%s above rest)", perPiece(c.cpu, n), perPiece(c.net, n))
}

func perPiece(seconds float64, n int) string { return fmt.Sprintf("%.1f us", seconds/float64(n)*1e6) }
