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
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	nearAddr, farAddr = "198.51.100.2", "198.51.100.1"
	// cgroups is where cgroup v2 may be mounted.
	unified, hybrid = "/sys/fs/cgroup", "/sys/fs/cgroup/unified"
)

// cable joins this process's network to another one, where a server answers.
// Neither end cuts packets for the other, as a card would not either on a real
// network once they are on the cable.
type cable struct {
	dir     string
	traffic string // the program
	cgroup  string // of those who make traffic here
	server  *part
}

// part is a traffic program that runs.
type part struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func newCable(ctx context.Context) (c *cable, err error) {
	c = &cable{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.dir, err = os.MkdirTemp("", "sl-cable-"); err != nil {
		return c, err
	}
	c.traffic = filepath.Join(c.dir, "traffic")
	if err := run2(ctx, "go", "build", "-o", c.traffic, "./internal/bench/traffic"); err != nil {
		return c, err
	}
	for _, root := range []string{hybrid, unified} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil {
			if c.cgroup, err = os.MkdirTemp(root, "safelight-bench-"); err != nil {
				return c, err
			}
			break
		}
	}
	if c.server, err = c.start(ctx, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}, "serve"); err != nil {
		return c, err
	}
	return c, c.join(ctx)
}

func (c *cable) join(ctx context.Context) error {
	pid := strconv.Itoa(c.server.cmd.Process.Pid)
	far := []string{"nsenter", "--target", pid, "--net"}
	for _, args := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", pid},
		{"ip", "address", "add", nearAddr + "/24", "dev", "near"},
		append(far, "ip", "address", "add", farAddr+"/24", "dev", "far"),
		{"ethtool", "-K", "near", "tso", "off", "gso", "off", "gro", "off"},
		append(far, "ethtool", "-K", "far", "tso", "off", "gso", "off", "gro", "off"),
		{"ip", "link", "set", "near", "up"},
		append(far, "ip", "link", "set", "far", "up"),
	} {
		if err := run2(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func run2(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// start runs the traffic program and waits until it is ready.
func (c *cable) start(ctx context.Context, attr *syscall.SysProcAttr, args ...string) (*part, error) {
	cmd := exec.CommandContext(ctx, c.traffic, args...)
	cmd.Stderr = os.Stderr
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = attr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread() // with whose thread the part would die (Pdeathsig); end gives it back
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	p := &part{cmd: cmd, out: bufio.NewReader(out)}
	if _, err := p.out.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for traffic %s: %w", args[0], err), p.stop())
	}
	return p, nil
}

// stop interrupts the part and returns its last words.
func (p *part) stop() error {
	_, err := p.end()
	return err
}

func (p *part) end() (string, error) {
	defer runtime.UnlockOSThread()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		return "", err
	}
	words, err := io.ReadAll(p.out)
	return string(words), errors.Join(err, p.cmd.Wait())
}

// traffic makes traffic from here, in the cgroup that is watched.
func (c *cable) make(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, c.traffic, args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.cgroup != "" {
		dir, err := os.Open(c.cgroup)
		if err != nil {
			return err
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	runtime.LockOSThread() // with whose thread it would die (Pdeathsig)
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("traffic %s: %w", args[0], err)
	}
	return nil
}

func (c *cable) close() error {
	var errs []error
	if c.server != nil {
		errs = append(errs, c.server.stop())
	}
	if c.cgroup != "" {
		errs = append(errs, os.Remove(c.cgroup))
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}
