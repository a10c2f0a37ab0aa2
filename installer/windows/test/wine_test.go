package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

const (
	wine     = "/usr/lib/wine/wine64"
	server   = "/usr/lib/wine/wineserver64"
	compiler = "x86_64-w64-mingw32-gcc"
)

// machine is a Windows in a folder.
type machine struct {
	prefix string
	keep   io.Closer // its last program; when it ends, Wine stops all services
}

// needed skips where no Windows package can be installed.
func needed(t *testing.T) {
	t.Helper()
	if os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
		t.Skip("SKIPPED: a part of make acceptance (SAFELIGHT_ACCEPTANCE=1)")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("SKIPPED: Wine runs programs of this machine's kind only, and the packages tried are for x64")
	}
	for _, tool := range []string{wine, server, compiler, "wixl", "msibuild", "faketime"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s (.ci/setup long installs it)", tool)
		}
	}
}

// newMachine starts a Windows, made once and kept in .cache: some 700 MB. One that
// the last test did not leave clean is thrown away.
func newMachine(t *testing.T) *machine {
	t.Helper()
	root, err := filepath.Abs("../../../.cache/wine")
	must(t, err)
	m := &machine{prefix: filepath.Join(root, "prefix")}
	clean := filepath.Join(root, "clean")
	if err := os.Remove(clean); err != nil {
		must(t, os.RemoveAll(root))
		must(t, os.MkdirAll(root, 0o700))
		began := time.Now()
		m.run(t, "wineboot", "--init")
		m.shutDown(t)
		shim := filepath.Join(m.prefix, "drive_c/windows/system32/bcryptprimitives.dll")
		here(t, compiler, "-shared", "-O2", "-o", shim, "testdata/bcryptprimitives.c", "-ladvapi32")
		t.Logf("made a Windows in %s", time.Since(began).Round(time.Second))
	}
	m.open(t)
	t.Cleanup(func() {
		if !t.Failed() {
			must(t, os.WriteFile(clean, nil, 0o600))
		}
	})
	return m
}

// open starts a program that stays, so that services do.
func (m *machine) open(t *testing.T) {
	t.Helper()
	stays := m.command(context.Background(), "cmd")
	in, err := stays.StdinPipe()
	must(t, err)
	must(t, stays.Start())
	m.keep = in
	t.Cleanup(func() {
		_ = in.Close()
		_ = stays.Wait()
	})
	t.Cleanup(func() { m.shutDown(t) })
}

// shutDown ends this Windows' own programs, and writes its registry to disk.
func (m *machine) shutDown(t *testing.T) {
	t.Helper()
	for _, how := range []string{"-k", "-w"} {
		cmd := exec.Command(server, how)
		cmd.Env = m.environment()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("wineserver %s: %v: %s", how, err, out)
		}
	}
}

// environment is a Windows user's: of this one's nothing is told to it but where
// things are.
func (m *machine) environment() []string {
	env := []string{
		"WINEPREFIX=" + m.prefix, "WINEARCH=win64", "WINEDEBUG=-all",
		// Nothing is asked for that would be fetched, and no menu of this machine's
		// desktop gets an entry.
		"WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=d", "HOME=" + filepath.Dir(m.prefix),
	}
	for _, name := range []string{"PATH", "USER", "TMPDIR"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, wine, args...)
	cmd.Env = m.environment()
	cmd.WaitDelay = time.Second // what it started may keep its output open
	return cmd
}

// try runs a program of the machine to its end.
func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), trialschool.Patience)
	defer cancel()
	cmd := m.command(ctx, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return strings.ReplaceAll(out.String(), "\r", ""), err
}

// run is try, where failing ends the test.
func (m *machine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.try(args...)
	if err != nil {
		t.Fatalf("%v: %v: %s\nlog:\n%s", args, err, out, m.lastWords())
	}
	return strings.TrimSpace(out)
}

// file is a path of the machine as this one sees it.
func (m *machine) file(path string) string {
	return filepath.Join(m.prefix, "drive_c", filepath.FromSlash(path))
}

func (m *machine) read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(m.file(path))
	must(t, err)
	return string(data)
}

// below is everything in a folder; nothing where there is none.
func (m *machine) below(path string) []string {
	var all []string
	_ = filepath.WalkDir(m.file(path), func(p string, _ os.DirEntry, err error) error {
		if err == nil {
			all = append(all, strings.TrimPrefix(p, m.file(path)))
		}
		return nil
	})
	slices.Sort(all)
	return all
}

// lastWords is the end of both programs' logs.
func (m *machine) lastWords() string {
	var all string
	for _, log := range []string{"agent/agent.log", "collector/collector.log"} {
		data, err := os.ReadFile(m.file("ProgramData/Safelight/" + log))
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		all += strings.Join(lines[max(0, len(lines)-15):], "\n") + "\n"
	}
	return all
}

func (m *machine) until(t *testing.T, what string, done func() (bool, string)) {
	t.Helper()
	if err := trialschool.Until(context.Background(), what, done); err != nil {
		t.Fatalf("%v\nlog:\n%s", err, m.lastWords())
	}
}

// state is a service's, as the machine's service manager says it: RUNNING,
// STOPPED, or none.
func (m *machine) state(service string) string {
	out, err := m.try("sc", "query", service)
	if err != nil {
		return "none"
	}
	for line := range strings.Lines(out) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "STATE" {
			return strings.Fields(value)[1]
		}
	}
	return fmt.Sprintf("unclear: %s", out)
}

func (m *machine) is(t *testing.T, service, state string) {
	t.Helper()
	m.until(t, service+" to be "+state, func() (bool, string) {
		now := m.state(service)
		return now == state, now
	})
}

// here runs a command on this machine and returns what it printed.
func here(t *testing.T, name string, args ...string) string {
	t.Helper()
	return hereFor(t, nil, name, args...)
}

func hereFor(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "SOURCE_DATE_EPOCH=1795305600", "CERT="), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return strings.TrimSpace(string(out))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
