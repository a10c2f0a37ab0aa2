package main

import (
	"context"
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

// startSchool starts a collector and an agent with every source on.
func (c *cable) startSchool(ctx context.Context, s *trialschool.School, dir, way string) (stop func() error, err error) {
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
	log := filepath.Join(dir, "access.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return stop, err
	}
	yaml := fmt.Sprintf("network: {enabled: true, capture: %s, cgroup: %q}\nprocess: {enabled: true}\nweblog: [{format: squid, path: %s}]\n", way, c.cgroup, log)
	if err := s.Enrol(ctx, s.AgentDir(), yaml); err != nil {
		return stop, err
	}
	agent, err := s.StartAgent(ctx, s.AgentDir())
	if err != nil {
		return stop, err
	}
	stop = func() error { return errors.Join(agent.Stop(), collector.Stop()) }
	return stop, s.UntilReady(ctx, s.AgentDir())
}

// cost is what traffic cost the agent.
type cost struct {
	cpu                 float64 // seconds, user and system
	net                 float64 // the same, without what it would have taken meanwhile at rest
	seen, lost, dropped uint64
	memory              uint64
}

// spend makes traffic and reads the agent's cost, once it has seen so many
// names and rests.
func (c *cable) spend(ctx context.Context, s *trialschool.School, names uint64, args ...string) (cost, error) {
	// Others use this machine too, and each program they start costs the agent.
	rest, err := s.Status(ctx, s.AgentDir())
	if err != nil {
		return cost{}, err
	}
	rested := time.Now()
	if err := pause(ctx, 5*time.Second); err != nil {
		return cost{}, err
	}
	before, err := s.Status(ctx, s.AgentDir())
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	atRest := (before.CPUSeconds - rest.CPUSeconds) / began.Sub(rested).Seconds()
	if err := c.make(ctx, args...); err != nil {
		return cost{}, err
	}
	// What asks for the status is a program that starts, and costs the agent: it
	// is asked seldom, and only to the end of the work.
	var spent cost
	for range 20 {
		if err := pause(ctx, 3*time.Second); err != nil {
			return cost{}, err
		}
		after, err := s.Status(ctx, s.AgentDir())
		if err != nil {
			return cost{}, err
		}
		was := spent
		spent = between(before, after)
		spent.net = max(0, spent.cpu-atRest*time.Since(began).Seconds())
		if spent.seen == was.seen && (spent.seen >= names || was.cpu > 0) {
			break
		}
	}
	return spent, nil
}

func between(before, after trialschool.AgentStatus) cost {
	spent := cost{cpu: after.CPUSeconds - before.CPUSeconds, memory: after.MemoryBytes}
	for i, src := range after.Sources {
		if src.Name == "network" {
			spent.seen, spent.lost, spent.dropped = src.Seen-before.Sources[i].Seen, src.Lost-before.Sources[i].Lost, src.Dropped-before.Sources[i].Dropped
		}
	}
	return spent
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// idle returns the share of a core that the agent takes on a machine with many
// processes while no traffic is made, and how many programs others started
// meanwhile.
func (c *cable) idle(ctx context.Context, s *trialschool.School) (share float64, started uint64, err error) {
	var all []*exec.Cmd
	defer func() {
		for _, cmd := range all {
			err = errors.Join(err, cmd.Process.Kill())
			_ = cmd.Wait() // killed, as was meant
		}
	}()
	runtime.LockOSThread() // with whose thread the sleepers would die (Pdeathsig)
	defer runtime.UnlockOSThread()
	for range sleepers {
		cmd := exec.CommandContext(ctx, "sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			return 0, 0, err
		}
		all = append(all, cmd)
	}
	if err := pause(ctx, 10*time.Second); err != nil { // until their starts are worked off
		return 0, 0, err
	}
	before, err := s.Status(ctx, s.AgentDir())
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := pause(ctx, idleFor); err != nil {
		return 0, 0, err
	}
	after, err := s.Status(ctx, s.AgentDir())
	if err != nil {
		return 0, 0, err
	}
	return (after.CPUSeconds - before.CPUSeconds) / time.Since(began).Seconds(), starts(after) - starts(before), nil
}

func starts(st trialschool.AgentStatus) (n uint64) {
	for _, src := range st.Sources {
		if src.Name == "process" {
			n += src.Seen
		}
	}
	return n
}
