package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/packdir"
)

// desk is a trial school at the command line, with a DSL and IT.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t, filepath.Join(t.TempDir(), "school")}
	d.run(0, "init")
	d.run(0, "user", "add", "--name", "Demo DSL", "--email", "dsl@school.example", "--duty", "dsl")
	d.run(0, "user", "add", "--name", "Demo IT", "--email", "it@school.example", "--duty", "it")
	return d
}

// run types a command and gives what it printed, or what it complained of.
func (d *desk) run(want int, args ...string) string {
	d.t.Helper()
	code, out, stderr := ask(d.t, append(args, "--dir", d.dir)...)
	if code != want {
		d.t.Fatalf("%v: status %d, printed %q, %q; want status %d", args, code, out, stderr, want)
	}
	if want == 0 {
		return out
	}
	return stderr
}

// says fails unless every part is in the text.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not say %q", text, p)
		}
	}
}

// ours is a folder of rules with two categories: commands are tried with these where
// the words that ship are no matter, since these take seconds to compile and compare.
func ours(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ours")
	write(t, filepath.Join(dir, "ours", "pack.yaml"), "pack: ours\ntitle: Ours\nversion: 1\n")
	for id, rest := range map[string]string{
		"gambling": "title: Gambling\nrisk: ordinary\nseverity: medium\ndomains: [bets.test]\nphrases: [{id: g-1, text: sure bets tonight}]\n" +
			"tests: {hit: [sure bets tonight], miss: [sure footing tonight]}\n",
		"suicide": "title: Suicide\nrisk: life\nseverity: urgent\nphrases: [{id: s-1, text: suicidal}]\nallow:\n  - suicidal tendencies band\n" +
			"tests: {hit: [feeling suicidal], miss: [suicidal tendencies band]}\n",
	} {
		write(t, filepath.Join(dir, "ours", id+".yaml"), "category: "+id+"\nnoun: "+id+"\nabout: A test.\npurpose: safeguarding\nowner: DSL\nwhy: A test.\nfirst_steps: [See the child.]\n"+rest)
	}
	return dir
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// begin brings our rules into force, which are not those that ship and so take two
// people.
func (d *desk) begin() {
	d.t.Helper()
	var p admin.RulesProposed
	out := d.run(0, "rules", "propose", ours(d.t), "--as", "Demo IT", "--reason", "A trial", "--necessity", "Ours", "--json")
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		d.t.Fatal(err)
	}
	says(d.t, d.run(0, "rules", "publish", p.Proposal, "--as", "Demo DSL", "--reason", "A trial"), "Published rules 1.1.", "drops the category Self-harm altogether")
}

// A trial school takes the rules that ship as they are, by one person, and finds
// them as they were.
func TestTheRulesThatShipArePublishedAndShownAsTheyAre(t *testing.T) {
	d := newDesk(t)
	mine := filepath.Join(t.TempDir(), "rules")
	says(t, d.run(0, "rules", "publish", "../packs", "--as", "Demo DSL", "--reason", "A trial"), "Published rules 1.1.", "Compared with the shipped rules, it:\n  nothing")
	says(t, d.run(0, "rules", "show", "in-force", "--into", mine), "Rules 1.1, published", "Wrote ", mine)
	shipped, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	shown, err := packdir.Read(mine)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(shipped, shown, bytes.Equal) {
		t.Errorf("%d files shipped, %d shown, and they are not the same", len(shipped), len(shown))
	}
}

func replaceIn(t *testing.T, file, old, now string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestATechnicianChangesARuleInAFewCommands is the way of a change as docs/rules.md
// tells it.
func TestATechnicianChangesARuleInAFewCommands(t *testing.T) {
	d := newDesk(t)
	mine := filepath.Join(t.TempDir(), "rules")
	dsl, it := []string{"--as", "Demo DSL", "--reason", "A trial"}, []string{"--as", "Demo IT", "--reason", "A book of year 9"}
	d.begin()
	says(t, d.run(0, "rules", "show", "in-force", "--into", mine), "Rules 1.1, published", "Wrote ", mine)
	suicide := filepath.Join(mine, "ours", "suicide.yaml")
	replaceIn(t, suicide, "allow:\n", "allow:\n  - suicidal squad of a film\n")
	says(t, d.run(0, "rules", "diff", mine), "From 1.1 to ", "adds 1 allow phrase to Suicide [lowers]: suicidal squad of a film", "takes two people")
	says(t, d.run(0, "rules", "explain", "--rules", mine, "search", "suicidal squad of a film"), "Nothing comes of it", "masked by the allow phrase")
	says(t, d.run(0, "rules", "explain", "search", "suicidal squad of a film"), "By the rules of 1.1. An event is sent: Suicide, ", "it decides")
	says(t, d.run(0, "rules", "try", mine, "--since", "30d", "--as", "Demo DSL"), "Trial T-", "raise the same alerts", "alerts", "Sites and programs only; searches are not seen", "fewer than 50 pupils")
	says(t, d.run(1, append([]string{"rules", "publish", mine}, dsl...)...), "takes two people", "adds 1 allow phrase to Suicide", "rules propose "+mine)

	var p admin.RulesProposed
	if err := json.Unmarshal([]byte(d.run(0, append([]string{"rules", "propose", mine, "--json"}, it...)...)), &p); err != nil {
		t.Fatal(err)
	}
	if !p.Review.Lowering || p.Review.Widening || p.By != "Demo IT" || p.Over != "1.1" {
		t.Errorf("proposed %+v", p)
	}
	says(t, d.run(0, "rules", "proposals"), p.Proposal, "Demo IT", "open", "over 1.1", "A book of year 9")
	says(t, d.run(0, "rules", "show", p.Proposal), p.Proposal+", proposed by Demo IT: A book of year 9", "Compared with 1.1, it:\n  adds 1 allow phrase to Suicide")
	says(t, d.run(1, "rules", "publish", p.Proposal, "--as", "Demo IT", "--reason", "x"), "dsl publishes them")
	says(t, d.run(0, append([]string{"rules", "publish", p.Proposal}, dsl...)...), "Published rules 1.2.", "adds 1 allow phrase to Suicide [lowers]")
	says(t, d.run(0, "rules", "history"), "1.2", "Demo DSL, proposed by Demo IT", "1.1")
	says(t, d.run(0, append([]string{"rules", "rollback", "1"}, dsl...)...), "Published rules 1.3.", "drops 1 allow phrase of Suicide")
	says(t, d.run(1, append([]string{"rules", "rollback", "2"}, dsl...)...), "takes two people", "rules propose 1.2")
	says(t, d.run(0, "rules", "proposals"), "published as 1.2 by Demo DSL")
	says(t, d.run(0, "rules", "propose", "2", "--as", "Demo IT", "--reason", "It was right"), "Proposed P-", "Next: a DSL who is somebody else")
	says(t, d.run(0, "audit", "verify"), "whole")
	for _, what := range []string{"rules.propose", "rules.publish", "rules.try", "read.trial", "read.rules"} {
		if n := d.recorded(what); n == 0 {
			t.Errorf("%s is not on record", what)
		}
	}
}

// recorded counts what the record says was done.
func (d *desk) recorded(what string) int {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "record.jsonl")
	d.run(0, "audit", "export", file, "--as", "Demo DSL")
	data, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Count(string(data), `"what":"`+what+`"`)
}

func TestRuleVerbsThatHaveNothingToShowSaySo(t *testing.T) {
	d := newDesk(t)
	says(t, d.run(1, "rules", "explain", "search", "words"), "no rules are in force yet")
	says(t, d.run(1, "rules", "show", "7"), "no rules 0.7")
	says(t, d.run(1, "rules", "withdraw", "P-NONE", "--as", "Demo DSL", "--reason", "x"), "no such proposal")
	says(t, d.run(1, "rules", "suggestions", "--as", "Demo IT"), "words that pupils searched for")
	says(t, d.run(1, "rules", "trials", "T-NONE"), "no trial T-NONE")
	says(t, d.run(1, "rules", "diff", "./nowhere"), "./nowhere", "rules history")
	for _, verb := range []string{"proposals", "trials", "history", "precision"} {
		if out := d.run(0, "rules", verb); out != "" {
			t.Errorf("%s prints %q", verb, out)
		}
	}
	for _, args := range []string{"rules try", "rules try x", "rules propose x", "rules diff", "rules explain search", "rules explain foo bar", "rules withdraw x", "rules rollback 1", "rules suggestions", "rules trials a b"} {
		d.run(2, strings.Fields(args)...)
	}
}

func TestATrialThatIsKeptHasNoExamples(t *testing.T) {
	d := newDesk(t)
	d.begin()
	var r model.TrialResult
	if err := json.Unmarshal([]byte(d.run(0, "rules", "try", "in-force", "--since", "7d", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	says(t, d.run(0, "rules", "trials"), r.ID, "1.1")
	says(t, d.run(0, "rules", "trials", r.ID), "Trial "+r.ID+": 1.1 beside the rules in force (1.1)")
}

func TestRulesOfADatabaseAreWrittenIntoTheirFolderAlone(t *testing.T) {
	into := filepath.Join(t.TempDir(), "rules")
	for _, name := range []string{"../out.yaml", "/etc/out.yaml", "mine/../../out.yaml", "mine/run.sh", `mine\..\out.yaml/`} {
		if err := writeRules(into, map[string]string{name: "x"}); err == nil {
			t.Errorf("%q was written", name)
		}
	}
	if err := writeRules(into, map[string]string{"mine/a.yaml": "x", "mine/lists/b.txt": "y"}); err != nil {
		t.Fatal(err)
	}
	if err := writeRules(into, map[string]string{"mine/a.yaml": "x"}); err == nil {
		t.Error("a folder that is not empty was written over")
	}
}

// A scope that names a group of last year, or an hour with a slip in it, holds for
// nobody: whoever checks, compares and publishes is told, and not refused.
func TestScopesThatTheSchoolDoesNotHaveAreSaid(t *testing.T) {
	d := newDesk(t)
	mine := filepath.Join(t.TempDir(), "rules")
	d.begin()
	d.run(0, "rules", "show", "in-force", "--into", mine)
	write(t, filepath.Join(mine, "mine", "pack.yaml"), "pack: mine\ntitle: Mine\nversion: 1\n")
	write(t, filepath.Join(mine, "mine", "more.yaml"), `extends: gambling
owner: DSL
why: A test.
scope: {groups: [10c], sites: [man or], when: [workshp], years: [9]}
domains: [flagged.test]
tests: {hit: [{domain: flagged.test}], miss: [{domain: fine.test}]}
`)
	checked := func() (stderr string) {
		t.Helper()
		code, _, stderr := ask(t, "rules", "check", mine, "--dir", d.dir)
		if code != 0 {
			t.Fatalf("status %d: %s", code, stderr)
		}
		return stderr
	}
	if got := checked(); got != "" {
		t.Errorf("with no roster, hours or sites it says %q", got)
	}
	elsewhere := t.TempDir()
	roster, hours := filepath.Join(elsewhere, "pupils.csv"), filepath.Join(elsewhere, "hours.yaml")
	for path, text := range map[string]string{
		roster: "account,name,role,year,groups\ndemo01,Demo One,pupil,10,10b\ndemo02,Demo Two,pupil,10,10b\n",
		hours: "zone: Europe/London\nperiods: [{name: Workshop, kind: lesson, from: \"09:00\", to: \"12:00\"}]\nterms: [{name: Now, from: " +
			time.Now().AddDate(0, 0, -20).Format(time.DateOnly) + ", to: " + time.Now().AddDate(0, 0, 20).Format(time.DateOnly) + "}]\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.run(0, "roster", "import", roster)
	d.run(0, "timetable", "import", hours)
	d.run(0, "site", "set", "Manor", "--network", "10.9.0.0/16")
	want := []string{
		`mine/more.yaml:4:18: group "10c" is not on the roster; did you mean "10b"?`, `site "man or" is not a site of the school; did you mean "Manor"?`,
		`when "workshp" is not in the timetable; did you mean "workshop"?`, `year "9" is not on the roster`,
	}
	says(t, checked(), want...)
	says(t, d.run(0, "rules", "diff", mine), want...)
	says(t, d.run(0, "rules", "propose", mine, "--as", "Demo IT", "--reason", "x", "--necessity", "y"), want...)
	replaceIn(t, filepath.Join(mine, "mine", "more.yaml"), "{groups: [10c], sites: [man or], when: [workshp], years: [9]}", "{groups: [10b], sites: [manor], when: [workshop], years: [7-11]}")
	if got := checked(); got != "" {
		t.Errorf("mended, it says %q", got)
	}
}
