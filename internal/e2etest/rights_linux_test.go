package e2etest

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is an account without any right, as a pupil's is on a school's device.
const nobody = 65534

// asNobody runs a program as that account and says what it said.
func asNobody(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: false}}
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func TestAPupilCanNeitherStopTheAgentNorReadItsFiles(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root, to be somebody else")
	}
	s := newSchool(t)
	check(t, os.Chmod(s.Dir, 0o755)) // so that only the agent's own folder keeps anybody out
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	if out, err := asNobody(t, "/bin/ls", s.Dir); err != nil || !strings.Contains(out, "agent") {
		t.Fatalf("nobody cannot even see that there is an agent, which proves nothing: %v %s", err, out)
	}
	pid := strconv.Itoa(agent.Pid())
	for _, signal := range []string{"-TERM", "-KILL", "-STOP", "-INT", "-HUP"} {
		if out, err := asNobody(t, "/bin/kill", signal, pid); err == nil || !strings.Contains(out, "not permitted") {
			t.Errorf("signal %s: %v %s", signal, err, out)
		}
	}
	for _, path := range []string{"", "agent.yaml", "device.key", "device.crt", "spool", "policy", "overlays", "status.sock", "health.json", "alive.json", "about", "accounts"} {
		full := filepath.Join(s.AgentDir(), path)
		for _, way := range [][]string{{"/bin/ls", full}, {"/bin/cat", full}, {"/bin/rm", "-rf", full}, {"/bin/mv", full, full + ".gone"}} {
			if out, err := asNobody(t, way[0], way[1:]...); err == nil && way[0] != "/bin/rm" {
				t.Errorf("%v: %s", way, out)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(s.AgentDir(), "device.key")); err != nil {
		t.Errorf("a file of the agent's is gone: %v", err)
	}
	for _, verb := range [][]string{{"status"}, {"selfcheck"}, {"goodbye", "--reason", "removed"}, {"service", "stop"}} {
		// The program itself may not be read by everybody where this test built it.
		check(t, os.Chmod(filepath.Dir(s.Agent), 0o755))
		out, err := asNobody(t, s.Agent, append(verb, "--dir", s.AgentDir())...)
		if err == nil {
			t.Errorf("%v: %s", verb, out)
		}
	}
	if out, err := asNobody(t, s.Agent, "run", "--dir", s.AgentDir()); err == nil {
		t.Errorf("a second agent on the same folder: %s", out)
	}
	conn, err := net.Dial("unix", filepath.Join(s.AgentDir(), "status.sock"))
	if err != nil {
		t.Errorf("after all that the agent does not answer its owner: %v", err)
	} else {
		_ = conn.Close()
	}
	check(t, errors.Join(agent.Stop(), collector.Stop()))
	if got := healthFacts(t, s); strings.Contains(got, "removed") {
		t.Errorf("nobody said goodbye in the agent's name: %s", got)
	}
}

// What is for everybody, everybody reads (D20).
func TestD20APupilReadsWhatTheDeviceRecords(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root, to be somebody else")
	}
	s := newSchool(t)
	check(t, errors.Join(os.Chmod(s.Dir, 0o755), os.Chmod(filepath.Dir(s.Agent), 0o755)))
	out, err := asNobody(t, s.Agent, "about", "--dir", s.AgentDir())
	if err != nil || !strings.Contains(out, "0800 1111") {
		t.Errorf("%v %s", err, out)
	}
}
