package e2etest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"safelight/agent/source/network/bpf"
	"safelight/internal/trialschool"
)

const (
	inNamespace = "SAFELIGHT_E2E_NAMESPACE" // the capture that agent.yaml is to name
	builtIn     = "SAFELIGHT_E2E_BIN"
)

// inNetwork runs the test again, in a process with a network of its own where
// nothing but loopback is, and in the cgroup. It gives what was passed there.
func inNetwork(t *testing.T, name, network, cgroup string) {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	t.Run(name, func(t *testing.T) {
		cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), inNamespace+"="+network, builtIn+"="+bin)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if cgroup != "" {
			dir := must[*os.File](t)(os.Open(cgroup))
			defer dir.Close()
			cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
		}
		// A child with Pdeathsig dies with the thread that started it (prctl(2)).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		out, err := cmd.CombinedOutput()
		switch {
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EINVAL):
			t.Skipf("SKIPPED: a network namespace cannot be made here: %v", err)
		case err != nil:
			t.Fatalf("in the namespace: %v\n%s", err, out)
		case strings.Contains(string(out), "--- SKIP: "+test+" ("):
			t.Skipf("SKIPPED in the namespace:\n%s", out)
		}
		if testing.Verbose() {
			t.Logf("%s", out)
		}
	})
}

// newCgroup makes a cgroup for a test; BPF attached to it sees nobody else's.
func newCgroup(t *testing.T) (dir string, ok bool) {
	t.Helper()
	root, err := bpf.Root()
	if err == nil {
		dir, err = os.MkdirTemp(root, "safelight-check-") //nolint:usetesting // a cgroup, and no folder of files
	}
	if err != nil {
		t.Logf("SKIPPED with BPF: %v", err)
		return "", false
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Errorf("the cgroup stays behind: %v", err)
		}
	})
	return dir, true
}

func raiseLoopback(t *testing.T) {
	t.Helper()
	fd := must[int](t)(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))
	defer unix.Close(fd)
	req := must[*unix.Ifreq](t)(unix.NewIfreq("lo"))
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(req))); errno != 0 {
		t.Fatalf("raising loopback: %v", errno)
	}
}

// checkedHere is what of `selfcheck --json` is looked at.
type checkedHere struct {
	Passed  bool
	Results []struct {
		Source, What, Outcome, Way, Via, Detail string
		DelayMS                                 int64 `json:"delay_ms"`
	}
	Ledger struct {
		Reached bool
		Why     string
	}
}

// selfcheckOn runs the verb and says how it ended.
func selfcheckOn(t *testing.T, s *trialschool.School) (done checkedHere, status int, said string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), s.Agent, "selfcheck", "--json", "--dir", s.AgentDir())
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	if out.Len() > 0 {
		check(t, json.Unmarshal([]byte(out.String()), &done))
	}
	return done, status, errs.String()
}

func (c checkedHere) outcome(what string) string {
	for _, r := range c.Results {
		if r.What == what {
			return r.Outcome
		}
	}
	return "not in the report"
}

// weekListed is what of `check list --json` is looked at.
type weekListed struct {
	Summary string
	Devices []struct {
		State, Cause string
		Results      []struct{ What, Outcome string }
	}
	Signed  map[string]struct{ By, Summary string }
	Request *struct{ Answered int }
}

// TestG19ACheckIsFollowedFromTheWireToTheLedgerAndIsNobodysEvent runs both
// programs live: what the agent tries is seen by its own capture of packets and
// programs, arrives as a check, and nowhere else.
func TestG19ACheckIsFollowedFromTheWireToTheLedgerAndIsNobodysEvent(t *testing.T) {
	if network := os.Getenv(inNamespace); network != "" {
		raiseLoopback(t)
		liveCheck(t, network)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: looking at packets needs root")
	}
	inNetwork(t, "by packets", "{enabled: true, capture: packet}", "")
	own, ok := newCgroup(t)
	if !ok {
		return
	}
	inNetwork(t, "by BPF", fmt.Sprintf("{enabled: true, capture: bpf, cgroup: %q}", own), own)
	if elsewhere, ok := newCgroup(t); ok {
		inNetwork(t, "by a source that runs and looks elsewhere", fmt.Sprintf("{enabled: true, capture: bpf, cgroup: %q} # blind", elsewhere), own)
	}
}

func liveCheck(t *testing.T, network string) {
	t.Helper()
	blind := strings.HasSuffix(network, "# blind")
	s := newSchool(t)
	agent, collector := liveSchool(t, s, network)
	var status int
	var said string
	check(t, trialschool.Until(t.Context(), "both sources to run, and a check", func() (bool, string) {
		var done checkedHere
		done, status, said = selfcheckOn(t, s)
		t.Logf("status %d, %s\n%+v", status, said, done)
		switch {
		case !done.Ledger.Reached:
			return false, fmt.Sprintf("%+v %s", done, said)
		case blind:
			return status == 1 && done.outcome("dns") == "not-seen" && done.outcome("tls") == "not-seen" && done.outcome("http") == "not-seen" && done.outcome("quic") == "not-seen" && done.outcome("program") == "seen", fmt.Sprintf("%+v", done)
		}
		return status == 0 && done.Passed && done.outcome("dns") == "seen" && done.outcome("tls") == "seen" && done.outcome("http") == "seen" &&
			done.outcome("quic") == "seen" && done.outcome("program") == "seen", fmt.Sprintf("%+v", done)
	}))
	var week weekListed
	check(t, s.Ask(t.Context(), &week, "check", "list"))
	want := map[bool]string{false: "passed", true: "failed"}[blind]
	if len(week.Devices) != 1 || week.Devices[0].State != want || week.Devices[0].Cause != "asked-here" {
		t.Fatalf("the ledger says %+v, want %s", week, want)
	}
	askAll(t, s)
	signBoth(t, s, blind)
	nobodys(t, s, blind)
	check(t, agent.Stop())
	if _, status, said = selfcheckOn(t, s); status != 1 || !strings.Contains(said, "service start") {
		t.Errorf("with no agent running: status %d, %q", status, said)
	}
	check(t, collector.Stop())
	for _, line := range append(agent.Log(), collector.Log()...) {
		if strings.Contains(line, "check.safelight.invalid") {
			t.Errorf("a log holds a check's name: %s", line)
		}
	}
}

func liveSchool(t *testing.T, s *trialschool.School, network string) (agent, collector *trialschool.Program) {
	t.Helper()
	ctx := t.Context()
	collector = must[*trialschool.Program](t)(s.StartCollector(ctx))
	must[string](t)(s.AddDSL(ctx))
	must[[]byte](t)(s.Verb(ctx, "user", "add", "--name", trialschool.ITName, "--email", trialschool.ITEmail, "--duty", "it"))
	check(t, s.Publish(ctx, writeRules(t, s.Dir, "safelight.invalid", "urgent"))) // flags every check's name, were it judged
	check(t, s.Enrol(ctx, s.AgentDir(), "network: "+network+"\nprocess: {enabled: true}\n"))
	agent = must[*trialschool.Program](t)(s.StartAgent(ctx, s.AgentDir()))
	check(t, s.UntilReady(ctx, s.AgentDir()))
	return agent, collector
}

// askAll has the collector ask for a check, and waits for it.
func askAll(t *testing.T, s *trialschool.School) {
	t.Helper()
	must[[]byte](t)(s.Verb(t.Context(), "check", "request", "--within", "1s"))
	check(t, trialschool.Until(t.Context(), "the device to answer", func() (bool, string) {
		var week weekListed
		err := s.Ask(t.Context(), &week, "check", "list")
		return err == nil && week.Devices[0].Cause == "collector" && week.Request != nil && week.Request.Answered == 1, fmt.Sprintf("%+v %v", week, err)
	}))
}

// signBoth signs for both sides, which takes two people and, where something
// failed, a word on what is done.
func signBoth(t *testing.T, s *trialschool.School, failed bool) {
	t.Helper()
	sign := func(who string) error {
		_, err := s.Verb(t.Context(), "check", "sign", "--as", who)
		return err
	}
	if failed {
		if err := sign(trialschool.ITName); err == nil || !strings.Contains(err.Error(), "what was done") {
			t.Errorf("a week with a failure was signed off without a word: %v", err)
		}
		must[[]byte](t)(s.Verb(t.Context(), "check", "record", "--as", trialschool.ITName, "--kind", "action", "--what", "Capture", "--done", "Set right on Monday"))
	}
	check(t, sign(trialschool.ITName))
	if err := sign(trialschool.ITName); err == nil {
		t.Error("IT signed twice")
	}
	check(t, sign(trialschool.DSLName))
	var week weekListed
	check(t, s.Ask(t.Context(), &week, "check", "list"))
	if week.Signed["it"].By != trialschool.ITName || week.Signed["safeguarding"].By != trialschool.DSLName {
		t.Errorf("signed %+v", week.Signed)
	}
}

// nobodys finds nothing of the checks among events and alerts, though a rule flags
// their names.
func nobodys(t *testing.T, s *trialschool.School, blind bool) {
	t.Helper()
	for _, what := range []string{"events", "alerts"} {
		out := must[[]byte](t)(s.Verb(t.Context(), what, "--as", trialschool.DSLName, "--json"))
		if len(strings.TrimSpace(string(out))) != 0 {
			t.Errorf("%s hold a check:\n%s", what, out)
		}
	}
	if n := flaggedHere(t, s); n != 0 {
		t.Errorf("a rule flagged %d observations of checks", n)
	}
	if blind {
		return
	}
	// The rule works, and what only looks like a check is judged as anything else is.
	forged := "dns." + strings.Repeat("0", 32) + ".check.safelight.invalid"
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", "127.0.0.1:53") // nobody answers, and nobody need
	}}
	if _, err := resolver.LookupHost(t.Context(), forged+"."); err == nil {
		t.Fatal("somebody answered on loopback")
	}
	check(t, trialschool.Until(t.Context(), "the forged name to be flagged", func() (bool, string) {
		n := flaggedHere(t, s)
		return n > 0, fmt.Sprint(n)
	}))
}

// flaggedHere is how much the device's rules have flagged.
func flaggedHere(t *testing.T, s *trialschool.School) int {
	t.Helper()
	var st struct {
		Judging struct{ Flagged int }
	}
	out := must[[]byte](t)(trialschool.Once(t.Context(), s.Agent, "status", "--json", "--dir", s.AgentDir()))
	check(t, json.Unmarshal(out, &st))
	return st.Judging.Flagged
}
