package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

const (
	agent  = "safelight-agent"
	exe    = `C:\Program Files\Safelight\agent\safelight-agent.exe`
	state  = "ProgramData/Safelight/agent"
	notice = "Safelight - what this device records.lnk"
)

// device is a Windows with the agent on it, and the school it belongs to.
type device struct {
	*machine
	*school
	packages packages
	tokens   []string // that were ever given to it
	identity string
}

// One device's life in order: each step stands on the one before.
func TestTheAgentsPackageUnderWine(t *testing.T) {
	needed(t)
	d := &device{packages: build(t, "agent"), machine: newMachine(t)}
	account := d.machine.run(t, "cmd", "/c", "echo", "%USERNAME%")
	d.school = found(t, account)
	for _, s := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"installs and runs", d.installs},
		{"enrols and takes the token out", d.enrols},
		{"says what it cannot see", d.honest},
		{"tells of a program, which becomes an alert", d.sees},
		{"stops, starts and goes on", d.stopsAndStarts},
		{"keeps identity, configuration and spool over an upgrade", d.upgraded},
		{"refuses an older version", d.downgrade},
		{"leaves what it promises when uninstalled, and is the same device again", d.removed},
		{"leaves nothing when purged", d.purged},
		{"enrols by a file that is laid beside", d.byFile},
		{"leaves no token anywhere", d.noToken},
	} {
		if !t.Run(s.name, s.do) {
			t.Logf("log:\n%s", d.lastWords())
			return
		}
	}
}

func (d *device) install(t *testing.T, version string, properties ...string) {
	t.Helper()
	began := time.Now()
	d.machine.run(t, append([]string{"msiexec", "/i", d.packages["agent"+version], "/qn"}, properties...)...)
	t.Logf("installed %s in %s", version, time.Since(began).Round(100*time.Millisecond))
	d.is(t, agent, "RUNNING")
	if said := d.machine.run(t, exe, "version"); !strings.Contains(said, version) {
		t.Errorf("it says %q", said)
	}
}

func (d *device) token(t *testing.T) string {
	t.Helper()
	token := d.school.token(t)
	d.tokens = append(d.tokens, token)
	return token
}

// device is what of `status --json` is looked at.
type status struct {
	trialschool.AgentStatus
	Device string
}

func (d *device) status() (st status, err error) {
	out, err := d.try(exe, "status", "--json")
	if err != nil {
		return st, fmt.Errorf("%w: %s", err, out)
	}
	return st, json.Unmarshal([]byte(out), &st)
}

// ready waits until it is connected and has its rules; what Wine cannot see by
// stays unavailable.
func (d *device) ready(t *testing.T) (st status) {
	t.Helper()
	d.until(t, "the agent to be connected", func() (bool, string) {
		var err error
		st, err = d.status()
		ready := err == nil && st.Connected && st.Policy != nil
		for _, s := range st.Sources {
			ready = ready && (s.Name != "process" || s.State == "running")
		}
		return ready, fmt.Sprintf("%+v %v", st, err)
	})
	return st
}

func (d *device) installs(t *testing.T) {
	d.install(t, before, "COLLECTOR="+d.AgentsAddr, "TOKEN="+d.token(t))
	for _, path := range []string{"LICENSE.txt", "NOTICE.txt", "README.txt"} {
		if said := d.read(t, "Program Files/Safelight/agent/"+path); !strings.Contains(said, "\r\n") {
			t.Errorf("%s is not of Windows' lines", path)
		}
	}
	if found := d.notices(); len(found) != 1 {
		t.Errorf("notices in the start menu: %v", found)
	}
}

// notices are the entries of start menus.
func (d *device) notices() []string {
	return slices.DeleteFunc(append(d.below("users"), d.below("ProgramData/Microsoft")...), func(p string) bool { return filepath.Base(p) != notice })
}

func (d *device) enrols(t *testing.T) {
	d.identity = d.ready(t).Device
	if got := d.devices(t); !slices.Equal(got, []string{d.identity}) || d.identity == "" {
		t.Errorf("it says it is %q, the collector knows %v", d.identity, got)
	}
	rest := d.read(t, state+"/enrol.conf")
	if strings.Contains(rest, "SL1") || !strings.Contains(rest, "collector: "+d.AgentsAddr) {
		t.Errorf("the enrolment file says %q", rest)
	}
	if log := d.read(t, state+"/agent.log"); strings.Contains(log, "SL1.") || !strings.Contains(log, "enrolled by file") {
		t.Errorf("the log says %s", log)
	}
}

// honest: Wine says that event tracing was started, and traces nothing.
func (d *device) honest(t *testing.T) {
	for _, s := range d.ready(t).Sources {
		switch s.Name {
		case "network":
			if s.State == "running" || s.Detail == "" {
				t.Errorf("the network is %s: %q", s.State, s.Detail)
			}
		case "process":
			if s.Way != "polling" {
				t.Errorf("programs are seen by %s", s.Way)
			}
		}
		t.Logf("%s is %s by %q: %s", s.Name, s.State, s.Way, s.Detail)
	}
}

// play starts a program of that name under Wine, until the returned func is called.
func (d *device) play(t *testing.T, name string) (end func()) {
	t.Helper()
	path := d.file("games/" + name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	here(t, compiler, "-O2", "-o", path, "testdata/waits.c")
	cmd := d.command(t.Context(), `C:\games\`+name)
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	return func() { endProgram(t, cmd, in) }
}

func endProgram(t *testing.T, cmd *exec.Cmd, in io.Closer) {
	t.Helper()
	_ = in.Close()
	if err := cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("%s: %v", cmd.Args[1], err)
	}
}

func (d *device) sees(t *testing.T) {
	end := d.play(t, "tor.exe")
	e := d.tells(t, d.machine, "tor.exe")
	end()
	if e.Device != d.identity || e.Via != "poll" {
		t.Errorf("it was told as %+v", e)
	}
	d.until(t, "an alert", func() (bool, string) { n := d.alerts(t); return n > 0, fmt.Sprint(n) })
}

func (d *device) stopsAndStarts(t *testing.T) {
	began := time.Now()
	d.machine.run(t, "net", "stop", agent)
	d.is(t, agent, "STOPPED")
	t.Logf("stopped in %s", time.Since(began).Round(100*time.Millisecond))
	st, err := d.status()
	if err != nil || st.Running || st.Device != d.identity {
		t.Errorf("stopped, it says %+v, %v", st, err)
	}
	d.machine.run(t, "net", "start", agent)
	d.is(t, agent, "RUNNING")
	d.ready(t)
	end := d.play(t, "nordvpn.exe")
	d.tells(t, d.machine, "nordvpn.exe")
	end()
}

// upgraded installs the next version, told nothing, while an event waits.
func (d *device) upgraded(t *testing.T) {
	const conf = "network: {enabled: false}\r\nprocess: {enabled: true}\r\n"
	must(t, os.WriteFile(d.file(state+"/agent.yaml"), []byte(conf), 0o600))
	d.school.stop(t)
	before, err := d.status() // what is told of the device itself may wait too
	must(t, err)
	end := d.play(t, "expressvpn.exe")
	waiting := d.waits(t, before.Waiting()+1)
	end()
	d.install(t, after)
	if got := d.read(t, state+"/agent.yaml"); got != conf {
		t.Errorf("agent.yaml is now %q", got)
	}
	d.waits(t, waiting)
	d.school.start(t)
	if st := d.ready(t); st.Device != d.identity || len(st.Sources) != 1 {
		t.Errorf("after the upgrade it is %q with %+v", st.Device, st.Sources)
	}
	d.tells(t, d.machine, "expressvpn.exe")
	if got := d.devices(t); !slices.Equal(got, []string{d.identity}) {
		t.Errorf("the collector knows %v", got)
	}
}

// waits waits until so many records wait in the spool, or more.
func (d *device) waits(t *testing.T, n uint64) (waiting uint64) {
	t.Helper()
	d.until(t, "the event to wait in the spool", func() (bool, string) {
		st, err := d.status()
		waiting = st.Waiting()
		return err == nil && st.Running && waiting >= n, fmt.Sprintf("%d, %v", waiting, err)
	})
	return waiting
}

func (d *device) downgrade(t *testing.T) {
	out, err := d.try("msiexec", "/i", d.packages["agent"+before], "/qn")
	if code := new(exec.ExitError); !errors.As(err, &code) || code.ExitCode() != 1603&0xff {
		t.Errorf("an older version: %v: %s", err, out)
	}
	if said := d.machine.run(t, exe, "version"); !strings.Contains(said, after) {
		t.Errorf("it now says %q", said)
	}
	d.is(t, agent, "RUNNING")
	d.ready(t)
}

// uninstall stops the service first: Wine takes a service for stopped before its
// program has ended, and then cannot delete it.
func (d *device) uninstall(t *testing.T, properties ...string) {
	t.Helper()
	d.machine.run(t, "net", "stop", agent)
	d.is(t, agent, "STOPPED")
	d.machine.run(t, append([]string{"msiexec", "/x", d.packages["agent"+after], "/qn"}, properties...)...)
	d.is(t, agent, "none")
	for _, path := range []string{"Program Files/Safelight", "ProgramData/Safelight/public"} {
		if left := d.below(path); len(left) > 0 {
			t.Errorf("it leaves %s: %v", path, left)
		}
	}
	if left := d.notices(); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
	if out, err := d.try("reg", "query", `HKLM\SOFTWARE\Safelight`, "/s"); err == nil {
		t.Errorf("it leaves %s", out)
	}
}

func (d *device) removed(t *testing.T) {
	was := d.read(t, state+"/identity.json")
	d.uninstall(t)
	if got := d.read(t, state+"/identity.json"); got != was {
		t.Error("its identity has changed")
	}
	d.read(t, state+"/agent.yaml")
	d.install(t, after)
	if st := d.ready(t); st.Device != d.identity {
		t.Errorf("it became %s", st.Device)
	}
}

func (d *device) purged(t *testing.T) {
	d.uninstall(t, "PURGE=1")
	if left := d.below("ProgramData/Safelight"); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

// byFile is for who keeps logs of command lines: the token is in none.
func (d *device) byFile(t *testing.T) {
	laid := d.file("deploy/enrol.conf")
	must(t, os.MkdirAll(filepath.Dir(laid), 0o700))
	must(t, os.WriteFile(laid, []byte("# ours\r\ntoken: "+d.token(t)+"\r\ncollector: "+d.AgentsAddr+"\r\n"), 0o600))
	d.install(t, after, `ENROLFILE=C:\deploy\enrol.conf`)
	// Where the firmware says what hardware it is, the collector knows it again.
	if st := d.ready(t); !slices.Contains(d.devices(t), st.Device) || len(d.devices(t)) > 1 && st.Device == d.identity {
		t.Errorf("it is %q, was %q, and the collector knows %v", st.Device, d.identity, d.devices(t))
	}
	if got := d.read(t, state+"/enrol.conf"); strings.Contains(got, "SL1") {
		t.Errorf("the copy says %q", got)
	}
	must(t, os.Remove(laid)) // it is whose it was
	d.uninstall(t)
}

// noToken looks through all files that installing and running may write to, and
// the registry, which Wine writes to disk at its end.
func (d *device) noToken(t *testing.T) {
	must(t, d.keep.Close())
	d.shutDown(t)
	looked := 0
	look := func(path string) {
		data, err := os.ReadFile(path)
		must(t, err)
		looked++
		for _, token := range d.tokens {
			_, body, _ := strings.Cut(token, ".")
			for _, part := range []string{body[:40], body[len(body)-40:]} {
				wide := strings.Join(strings.Split(part, ""), "\x00")
				if text := string(data); strings.Contains(text, part) || strings.Contains(text, wide) {
					t.Errorf("%s holds a part of a token", path)
				}
			}
		}
	}
	registry, err := filepath.Glob(filepath.Join(d.prefix, "*.reg"))
	must(t, err)
	if len(registry) != 3 {
		t.Errorf("the registry is %v", registry)
	}
	for _, path := range registry {
		look(path)
	}
	for _, folder := range []string{"ProgramData", "users", "windows/Installer", "windows/temp", "Program Files"} {
		for _, path := range d.below(folder) {
			if info, err := os.Stat(d.file(folder + path)); err == nil && info.Mode().IsRegular() {
				look(d.file(folder + path))
			}
		}
	}
	t.Logf("looked into %d files", looked)
	must(t, os.RemoveAll(d.file("ProgramData/Safelight")))
	must(t, os.RemoveAll(d.file("games")))
}
