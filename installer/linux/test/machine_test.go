package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// machine is a Debian in a folder, and once it is booted a container with a
// network of its own that has nothing but loopback.
type machine struct {
	root, packages string
	name           string
	nspawn         *exec.Cmd
	leader         string // process id of its systemd, as seen from here
}

// needed skips where a real systemd cannot be had.
func needed(t *testing.T) {
	t.Helper()
	if os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
		t.Skip("SKIPPED: a part of make acceptance (SAFELIGHT_ACCEPTANCE=1)")
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: containers need root")
	}
	for _, tool := range []string{"systemd-nspawn", "mmdebstrap", "nsenter", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s (.ci/setup long installs it)", tool)
		}
	}
}

// unpack lays a fresh Debian down, with the packages that build makes in /mnt/pkg.
func unpack(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{root: filepath.Join(dir, "root"), packages: filepath.Join(dir, "pkg"), name: fmt.Sprintf("safelight-%d", os.Getpid())}
	must(t, os.Mkdir(m.root, 0o755))
	debian := strings.TrimSpace(here(t, "./rootfs"))
	here(t, "tar", "-xf", debian, "-C", m.root)
	hosts := filepath.Join(m.root, "etc/hosts") // a Debian of mmdebstrap has none
	must(t, os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"), 0o644))
	return m
}

func (m *machine) command(more ...string) *exec.Cmd {
	cmd := exec.Command("systemd-nspawn", append([]string{
		"--quiet", "--directory", m.root, "--register=no", "--keep-unit", "--private-network", "--machine", m.name,
		// Its own filter would refuse what the units' filters allow.
		"--capability=all", "--system-call-filter=bpf", "--system-call-filter=perf_event_open",
		"--bind-ro=" + m.packages + ":/mnt/pkg",
	}, more...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	return cmd
}

// asImage runs a command where no systemd runs, as in an image being built.
func (m *machine) asImage(t *testing.T, command string) string {
	t.Helper()
	out, err := m.command("--pipe", "/bin/sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// boot starts its systemd and waits until everything is up. It is shut down at
// the test's end.
func (m *machine) boot(t *testing.T) {
	t.Helper()
	m.nspawn = m.command("--boot")
	log, err := os.Create(filepath.Join(filepath.Dir(m.root), "console"))
	must(t, err)
	t.Cleanup(func() { _ = log.Close() })
	m.nspawn.Stdout, m.nspawn.Stderr = log, log
	must(t, m.nspawn.Start())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.nspawn.Wait() }()
	t.Cleanup(func() { m.shutDown(t, done) })
	children := fmt.Sprintf("/proc/%d/task/%d/children", m.nspawn.Process.Pid, m.nspawn.Process.Pid)
	m.until(t, "the machine to be up", func() (bool, string) {
		pids, err := os.ReadFile(children)
		if err != nil || len(strings.Fields(string(pids))) == 0 {
			return false, fmt.Sprint("no systemd yet: ", err)
		}
		m.leader = strings.Fields(string(pids))[0]
		state, _ := m.try("systemctl is-system-running") // its status is not 0 until all is up
		return strings.TrimSpace(state) == "running", state
	})
}

func (m *machine) shutDown(t *testing.T, done <-chan struct{}) {
	if m.leader != "" {
		_, _ = m.try("systemctl --no-block poweroff")
	}
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("the machine did not shut down; its container was killed")
		_ = m.nspawn.Process.Kill()
		<-done
	}
}

// try runs a command of the machine's shell, as its root.
func (m *machine) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), trialschool.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", m.leader, "--all", "env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "sh", "-c", "cd /; "+command)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try, where failing ends the test.
func (m *machine) run(t *testing.T, format string, args ...any) string {
	t.Helper()
	command := fmt.Sprintf(format, args...)
	out, err := m.try(command)
	if err != nil {
		journal, _ := m.try("journalctl --no-pager -o cat -n 30 -u safelight-agent -u safelight-collector")
		t.Fatalf("%s: %v: %s\njournal:\n%s", command, err, out, journal)
	}
	return strings.TrimSpace(out)
}

// asPupil runs a command as the pupil and within the machine's cgroups, as a
// desktop would; what nsenter runs is in none of them.
func (m *machine) asPupil(t *testing.T, command string) {
	t.Helper()
	m.run(t, "systemd-run --quiet --pipe --wait --uid=%s %s", pupil, command)
}

func (m *machine) property(t *testing.T, unit, property string) string {
	t.Helper()
	return m.run(t, "systemctl show --value --property %s %s", property, unit)
}

func (m *machine) until(t *testing.T, what string, done func() (bool, string)) {
	t.Helper()
	if err := trialschool.Until(context.Background(), what, done); err != nil {
		journal := ""
		if m.leader != "" {
			journal, _ = m.try("journalctl --no-pager -o cat -n 30 -u safelight-agent -u safelight-collector")
		}
		t.Fatalf("%v\njournal:\n%s", err, journal)
	}
}

// here runs a command on this machine and returns what it printed.
func here(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "SOURCE_DATE_EPOCH=1795305600")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
