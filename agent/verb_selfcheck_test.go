package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"safelight/agent/daemon"
	"safelight/agent/selfcheck"
)

// TestMain is the program that a check starts, where it is asked to be.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == selfcheck.ProgramVerb {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestACheckOfADeviceWithoutAnAgentSaysWhatToDo(t *testing.T) {
	code, out, errs := ask(t, "", "selfcheck", "--dir", t.TempDir())
	if code != 1 || out != "" || !strings.Contains(errs, "safelight-agent service start") || strings.Count(errs, "\n") != 1 {
		t.Errorf("status %d, %q, %q", code, out, errs)
	}
}

func TestG19TheFilterIsNotTriedWithoutSomebodyTold(t *testing.T) {
	for _, args := range [][]string{{"--filter"}, {"--told", "Demo Filter Owner"}, {"--filter", "--told", ""}} {
		code, _, errs := ask(t, "", append([]string{"selfcheck", "--dir", t.TempDir()}, args...)...)
		if code != 2 || !strings.Contains(errs, "--told WHO") {
			t.Errorf("%q: status %d, %q", args, code, errs)
		}
	}
}

func TestTheProgramOfACheckIsNoVerbAndEndsWithItsStarter(t *testing.T) {
	if code, out, _ := ask(t, "", "help"); code != 0 || strings.Contains(out, selfcheck.ProgramVerb) {
		t.Errorf("status %d: help lists what is nobody's verb", code)
	}
	cmd := exec.Command(os.Args[0], selfcheck.ProgramVerb)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("it ended before it was seen: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it outlives the agent that started it")
		_ = cmd.Process.Kill()
	}
}

func TestWhatACheckFoundReadsAsWords(t *testing.T) {
	var out strings.Builder
	at := time.Date(2026, 11, 23, 10, 46, 0, 0, time.UTC)
	done := daemon.Checked{Ledger: daemon.Ledger{Reached: true, At: &at}}
	done.Hidden = map[string]uint64{"dot": 3}
	done.Results = []selfcheck.Result{
		{Source: "network", What: selfcheck.DNS, Outcome: selfcheck.Seen, Way: "bpf", Via: "dns", DelayMS: 2012},
		{Source: "process", What: selfcheck.Program, Outcome: selfcheck.NotSeen, Detail: "the source is stopped"},
		{Source: "Ours", What: selfcheck.Filter, Outcome: selfcheck.Blocked, ShouldOpen: true},
	}
	if err := printCheck(&out, done); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"seen by dns (bpf) after 2.012s", "NOT seen: the source is stopped", "blocked, and it should be the other way round", "encrypted DNS (DNS over TLS) 3 times", "reached", moment(at), "looking up a made-up site"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "proven") {
		t.Errorf("what failed stands as proven:\n%s", out.String())
	}
	out.Reset()
	if err := printCheck(&out, daemon.Checked{Passed: true, Report: done.Report, Ledger: done.Ledger}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "monitoring works on this device") {
		t.Errorf("of a device that is proven it says\n%s", out.String())
	}
	out.Reset()
	if err := printCheck(&out, daemon.Checked{Ledger: daemon.Ledger{Why: "the collector does not answer"}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "no source is switched on") || !strings.Contains(out.String(), "NOT reached") {
		t.Errorf("of a device that watches nothing it says\n%s", out.String())
	}
}
