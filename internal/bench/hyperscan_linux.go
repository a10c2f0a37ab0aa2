package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// hyperscan is the peer at work: a C program of its own, so that the module
// needs no C compiler.
type hyperscan struct {
	dir               string
	cmd               *exec.Cmd
	in                io.WriteCloser
	out               *bufio.Reader
	database, scratch int // bytes
	built             time.Duration
}

// startHyperscan builds the peer with the C compiler and library of this
// machine, and hands it the phrases and queries.
func startHyperscan(ctx context.Context, c *wordCorpus) (h *hyperscan, err error) {
	flags, err := exec.CommandContext(ctx, "pkg-config", "--cflags", "--libs", "libhs").Output()
	if err != nil {
		return nil, errors.New("no libhs: apt-get install gcc pkg-config libhyperscan-dev (x86-64 alone)")
	}
	h = &hyperscan{}
	if h.dir, err = os.MkdirTemp("", "sl-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.stop()
		}
	}()
	program, list, queries := filepath.Join(h.dir, "match"), filepath.Join(h.dir, "phrases"), filepath.Join(h.dir, "queries")
	cc := exec.CommandContext(ctx, "cc", append([]string{"-std=c11", "-O2", "-Wall", "-o", program, filepath.Join("internal", "bench", "hyperscan", "match.c")}, strings.Fields(string(flags))...)...)
	if out, err := cc.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the peer: %w: %s", err, out)
	}
	err = errors.Join(
		os.WriteFile(list, []byte(strings.Join(c.phrases, "\n")+"\n"), 0o600),
		os.WriteFile(queries, []byte(strings.Join(c.queries, "\n")+"\n"), 0o600),
	)
	if err != nil {
		return nil, err
	}
	return h, h.start(ctx, program, list, queries)
}

func (h *hyperscan) start(ctx context.Context, program, list, queries string) error {
	cmd := exec.CommandContext(ctx, program, list, queries)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	h.cmd, h.in, h.out = cmd, in, bufio.NewReader(out)
	var ms int
	if _, err := fmt.Fscanf(h.out, "ready %d %d %d\n", &h.database, &h.scratch, &ms); err != nil {
		return fmt.Errorf("waiting for the peer: %w", err)
	}
	h.built = time.Duration(ms) * time.Millisecond
	_, _, err = h.round() // warm
	return err
}

// round has the peer scan every query once: its CPU time and matches.
func (h *hyperscan) round() (took time.Duration, matches int, err error) {
	if _, err := io.WriteString(h.in, "go\n"); err != nil {
		return 0, 0, fmt.Errorf("asking the peer: %w", err)
	}
	var ns int64
	if _, err := fmt.Fscanf(h.out, "%d %d\n", &ns, &matches); err != nil {
		return 0, 0, fmt.Errorf("reading the peer: %w", err)
	}
	return time.Duration(ns), matches, nil
}

func (h *hyperscan) stop() {
	if h.cmd != nil {
		_ = h.in.Close()
		_ = h.cmd.Wait() // measured; nothing to lose
	}
	_ = os.RemoveAll(h.dir)
}
