package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/agent/about"
	"safelight/agent/daemon"
	"safelight/agent/enrol"
	"safelight/agent/source"
	"safelight/agent/watch"
	"safelight/internal/cli"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// ask types a command.
func ask(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errw bytes.Buffer
	env := cli.Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errw}
	code = cli.Run(context.Background(), env, "safelight-agent", "", verbs(), args)
	return code, out.String(), errw.String()
}

// rulesDir is a folder with one small pack.
func rulesDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pack.yaml": "pack: our-school\ntitle: Our school\nversion: 1\n",
		"gambling.yaml": `category: gambling
title: Gambling
noun: gambling
about: Sites for betting.
purpose: safeguarding
risk: ordinary
severity: medium
owner: DSL
why: Betting is not for children.
phrases: [{id: ga-001, text: lucky crate}]
domains: [bets.example]
tests: {hit: [lucky crate, {domain: bets.example}], miss: [milk crate, {domain: notbets.example}]}
first_steps: [Ask what it is about.]
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type verdictLine struct{ Kind, Text, Verdict, Category, Severity, Rule, Match, Why string }

func decodeLines[T any](t *testing.T, text string) (lines []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, v)
	}
	return lines
}

func TestJudgeAnswersALineEachInOrder(t *testing.T) {
	input := "\ufeffdomain\twww.bets.example\r\nsearch\tfree\tlucky\tcrate\nprocess\tbash\ndomain\twww.childline.org.uk\nsearch\tlucky crate"
	code, out, stderr := ask(t, input, "judge", "--rules", rulesDir(t))
	if code != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", code, stderr)
	}
	var got []string
	for _, v := range decodeLines[verdictLine](t, out) {
		got = append(got, v.Verdict)
	}
	if want := "flag flag none safe flag"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s:\n%s", got, want, out)
	}
}

func TestJudgeNamesEachBadLineAndAnswersTheOthers(t *testing.T) {
	code, out, stderr := ask(t, "no tab\nrumour\tx\n\nsearch\t\xff\ndomain\tbets.example\n", "judge", "--rules", rulesDir(t))
	if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"flag"`) {
		t.Errorf("status %d, printed %q", code, out)
	}
	for _, want := range []string{"line 1: line has no tab", `line 2: kind "rumour"`, "line 3:", "line 4: search text is not UTF-8", "4 lines of standard input could not be judged"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not say %q:\n%s", want, stderr)
		}
	}
}

func TestJudgeOfAnEmptyFileSaysNothing(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := ask(t, "", "judge", "--rules", rulesDir(t), empty); code != 0 || out != "" || stderr != "" {
		t.Errorf("status %d, printed %q, %q", code, out, stderr)
	}
}

func TestObserveReadsALogAndCountsWhatItCannot(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	lines := "1700000000.123 20 10.0.0.5 TCP_TUNNEL/200 39 CONNECT one.example:443 demo07 HIER_DIRECT/192.0.2.1 -\n" +
		"1700000001.123 20 10.0.0.5 TCP_TUNNEL/200 39 CONNECT www.childline.org.uk:443 demo07 HIER_DIRECT/192.0.2.1 -\n" +
		"nonsense\n" + strings.Repeat("a", 10<<20) + "\n" +
		"1700000002.123 20 10.0.0.5 TCP_DENIED/403 0 GET http://two.example/secret?q=words - HIER_NONE/- -"
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := ask(t, "", "observe", "--log", "squid="+log)
	if code != 0 || !strings.Contains(stderr, "1 of 5 lines") || !strings.Contains(stderr, "1 were too long") {
		t.Errorf("status %d, stderr %q", code, stderr)
	}
	type seen struct{ Time, Kind, Name, Via, User, Client string }
	got := decodeLines[seen](t, out)
	if len(got) != 2 || got[0] != (seen{"2023-11-14T22:13:20.123Z", "domain", "one.example", "log", "demo07", "10.0.0.5"}) || got[1].Name != "two.example" {
		t.Errorf("saw %+v", got)
	}
	for _, private := range []string{"childline", "secret", "words"} {
		if strings.Contains(out, private) {
			t.Errorf("it printed %q", private)
		}
	}
}

func TestObserveMarksWhatNobodyChose(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	lines := "1700000000.123 20 10.0.0.5 TCP_TUNNEL/200 39 CONNECT update.googleapis.com:443 demo07 HIER_DIRECT/192.0.2.1 -\n" +
		"1700000001.123 20 10.0.0.5 TCP_TUNNEL/200 39 CONNECT one.example:443 demo07 HIER_DIRECT/192.0.2.1 -\n"
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := ask(t, "", "observe", "--log", "squid="+log)
	type seen struct {
		Name  string
		Noise bool
	}
	if got := decodeLines[seen](t, out); code != 0 || len(got) != 2 || got[0] != (seen{"update.googleapis.com", true}) || got[1] != (seen{"one.example", false}) {
		t.Errorf("status %d, saw %+v, %s", code, got, stderr)
	}
}

// What `observe` does not compile marks nothing.
func TestObserveKnowsEveryMarkThatShips(t *testing.T) {
	files, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	all, err := rules.OutlineOf(files)
	if err != nil {
		t.Fatal(err)
	}
	few, err := rules.OutlineOf(marksAlone(files))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all.Marks, few.Marks) || len(all.Marks) < 100 || len(few.Categories) > 0 {
		t.Errorf("%d marks and %d categories, want the %d marks there are and nothing else", len(few.Marks), len(few.Categories), len(all.Marks))
	}
}

func TestObserveReadsACSVByTheColumnsNamed(t *testing.T) {
	log := filepath.Join(t.TempDir(), "filter.csv")
	if err := os.WriteFile(log, []byte("Wann,Wer,Ziel\n2026-11-21T09:00:00Z,demo07,one.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := ask(t, "", "observe", "--log", log, "--columns", "time=Wann,user=Wer,host=Ziel")
	if code != 0 || !strings.Contains(out, `"name":"one.example"`) || !strings.Contains(out, `"user":"demo07"`) {
		t.Errorf("status %d, printed %q, %q", code, out, stderr)
	}
	if code, _, stderr := ask(t, "", "observe", "--log", "csv="+log); code != 1 || !strings.Contains(stderr, "columns") {
		t.Errorf("without them: status %d, %q", code, stderr)
	}
	if err := os.WriteFile(log+".gz", []byte("\x1f\x8b\x08"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := ask(t, "", "observe", "--log", "csv="+log+".gz"); code != 1 || !strings.Contains(stderr, "gunzip") {
		t.Errorf("compressed: status %d, %q", code, stderr)
	}
	if code, _, stderr := ask(t, "", "observe", "--log", log, "--columns", "hots=Ziel"); code != 2 || !strings.Contains(stderr, "host") {
		t.Errorf("with a slip: status %d, %q", code, stderr)
	}
}

func TestObserveFindsALogsFormat(t *testing.T) {
	log := filepath.Join(t.TempDir(), "pihole=1.log") // the name itself holds a sign that could mislead
	lines := "Nov 21 23:15:01 dnsmasq[412]: query[A] one.example from 10.0.0.5\nNov 21 23:15:01 dnsmasq[412]: gravity blocked one.example is 0.0.0.0\n"
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--log", log}, {"--log", log, "--format", "pi-hole"}, {"--log", "dnsmasq=" + log}} {
		code, out, stderr := ask(t, "", append([]string{"observe"}, args...)...)
		if code != 0 || stderr != "" || !strings.Contains(out, `"name":"one.example"`) || !strings.Contains(out, `"attempt":true`) || !strings.Contains(out, `"log_of":"dns"`) {
			t.Errorf("%v: status %d, printed %q, %q", args, code, out, stderr)
		}
	}
	if err := os.WriteFile(log, []byte("Dear diary,\ntoday it rained.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := ask(t, "", "observe", "--log", log)
	if code != 1 || !strings.Contains(stderr, "squid, combined, dnsmasq") {
		t.Errorf("status %d, %q; want the formats there are", code, stderr)
	}
}

func TestWrongUsageIsStatusTwoAndFailureOneLine(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	for args, want := range map[string]int{
		"judge": 2, "judge --rules x a b": 2, "judge --rules x --role teacher": 2, "judge --rules x --at noon": 2,
		"observe": 2, "observe --live --pcap x": 2, "observe --log squid": 2, "observe --log nothing=x": 2, "observe --log x --format nothing": 2,
		"observe --pcap x --interface lo": 2, "observe --live --format squid": 2, "observe --live --columns host=a": 2,
		"enrol": 2, "version now": 2, "service status now": 2, "run now": 2, "run --log loud": 2, "status now": 2,
		"judge --rules " + gone: 1, "observe --pcap " + gone: 1, "observe --log squid=" + gone: 1,
		"observe --pcap .": 1, "observe --log .": 1,
		"enrol --token hello --dir " + gone: 1,
	} {
		code, out, stderr := ask(t, "", strings.Fields(args)...)
		if code != want || out != "" || stderr == "" {
			t.Errorf("%s: status %d, printed %q, %q; want status %d and a reason", args, code, out, stderr, want)
		}
		if want == 1 && strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: more than a line: %q", args, stderr)
		}
	}
}

func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	for _, v := range verbs() {
		code, out, _ := ask(t, "", append(strings.Fields(v.Name), "--help")...)
		if _, example, ok := strings.Cut(out, "Example:\n"); code != 0 || !ok || !strings.Contains(example, "safelight-agent "+v.Name) {
			t.Errorf("%s: status %d, help %q", v.Name, code, out)
		}
	}
}

func TestStatusSaysWhereASourceLooksAndWhatItMissed(t *testing.T) {
	var out strings.Builder
	st := daemon.Status{
		Running: true, Enrolled: true, Sources: []source.Status{
			{Name: "network", State: source.Running, Way: "packet", Since: time.Unix(0, 0), Interfaces: []string{"lo", "wlan0"}, Seen: 7, Lost: 2, Detail: "BPF is not to be had"},
			{Name: "process", State: source.Starting},
		},
		Coverage: daemon.Coverage{Hidden: map[string]uint64{"vpn": 1, "ech": 30}},
	}
	if err := printStatus(&out, st); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" on lo wlan0, seen 7, dropped 0, lost 2; BPF is not to be had\n", "starting, seen 0, dropped 0, lost 0\n", "names hidden    Encrypted Client Hello 30 times, a VPN service once\n", "connected       no: what is flagged waits on this device"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestADeviceThatWaitsForItsEnrolmentSaysWhyAndWhatToDo(t *testing.T) {
	const file = "/etc/safelight/enrol.conf"
	for want, wait := range map[string]enrol.Waiting{
		"waiting   for a token in " + file: {File: file},
		"refused: this token has expired":  {File: file, Tried: time.Unix(0, 0), Error: "enrolling at c:7443: refused: this token has expired: ask for a new one"},
		daemon.TokenMend + " (" + file:     {File: file, Tried: time.Unix(0, 0), Error: "no answer"},
	} {
		var out strings.Builder
		if err := printStatus(&out, daemon.Status{Running: true, Waiting: &wait}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "enrolled  no\n") || strings.Contains(out.String(), "policy") {
			t.Errorf("want %q and no more than there is in:\n%s", want, out.String())
		}
	}
}

func TestARefusedDeviceSaysSoInStatusAndInAboutAndWhatToDo(t *testing.T) {
	var out strings.Builder
	refused := &watch.Refusal{Since: time.Unix(0, 0), Reason: "this device was set up anew and has another key: enrol again"}
	for _, running := range []bool{true, false} {
		out.Reset()
		if err := printStatus(&out, daemon.Status{Running: running, Enrolled: true, Refused: refused}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), refused.Reason) || !strings.Contains(out.String(), "remove identity.json and device.key") {
			t.Errorf("it says:\n%s", out.String())
		}
	}
	out.Reset()
	if err := sayAbout(t.Context(), &out, about.Copy{Text: "What is recorded.\n", ForIT: "Enrol it anew."}, false, about.Opener{}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "What is recorded.\n\nFor IT\n\nEnrol it anew.\n" {
		t.Errorf("about says %q", out.String())
	}
}
