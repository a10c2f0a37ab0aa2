package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"safelight/agent/shipper"
	safelightv1 "safelight/proto/safelight/v1"
)

// drained is what came of many devices emptying their backlogs at once.
type drained struct {
	rate              float64       // stored and acknowledged events a second
	collector, agents time.Duration // CPU an event
}

// drain lets every device send its backlog with the agent's own shipper, as fast
// as the collector takes it, for a while. pid is the collector's.
func drain(ctx context.Context, conns []*grpc.ClientConn, pid int) (d drained, err error) {
	var stored atomic.Int64
	spools, err := backlogs(len(conns), &stored)
	if err != nil {
		return d, err
	}
	theirs, err := cpuOf(pid)
	if err != nil {
		return d, err
	}
	ours, err := cpuOf(os.Getpid())
	if err != nil {
		return d, err
	}
	began := time.Now()
	shipAll(ctx, conns, spools)
	took := time.Since(began)
	n := stored.Load()
	if n == 0 {
		return d, errors.New("no device delivered anything")
	}
	for _, s := range spools {
		if len(s.waiting) == 0 {
			return d, fmt.Errorf("a device had delivered all its %d events before the time was over: give devices more", backlogEach)
		}
	}
	theirsAfter, err := cpuOf(pid)
	if err != nil {
		return d, err
	}
	oursAfter, err := cpuOf(os.Getpid())
	d.rate = float64(n) / took.Seconds()
	d.collector, d.agents = (theirsAfter-theirs)/time.Duration(n), (oursAfter-ours)/time.Duration(n)
	return d, err
}

func shipAll(ctx context.Context, conns []*grpc.ClientConn, spools []*memSpool) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	var all sync.WaitGroup
	for i, c := range conns {
		s := shipper.New(shipper.Config{
			Spool: spools[i], Client: safelightv1.NewAgentServiceClient(c), Version: "bench", Log: slog.New(slog.DiscardHandler),
		})
		all.Go(func() { _ = s.Run(ctx) }) // ends with ctx, and says nothing
	}
	all.Wait()
}

// tick is what the kernel counts processes' CPU time in.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time that a process has used.
func cpuOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading a process's CPU time: %w", err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("reading a process's CPU time: %q", data)
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading a process's CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
