package rules

import (
	"strings"
	"testing"

	"safelight/internal/event"
)

var (
	hashA = strings.Repeat("a1", 32)
	hashB = strings.Repeat("b2", 32)
)

func started1(text, exe string) Input { return Input{Kind: event.Process, Text: text, Exe: exe} }

func TestEveryFieldOfAProgramMustHold(t *testing.T) {
	rs := rulesFor(t, "programs:\n"+
		"  - {original_name: tor.exe}\n"+
		"  - {signer: Proton AG, path: '*\\vpn\\*'}\n"+
		"  - {name: chrome.exe, original_name: knife.exe}\n"+
		"  - {path: '*/cheats/*'}\n"+
		"  - {name: game, sha256: "+strings.ToUpper(hashA)+"}\n"+okTests)
	for _, c := range []struct {
		in   Input
		rule string
	}{
		{Input{Text: "notes.exe", OriginalName: "TOR.EXE"}, "knives/program/tor"},
		{Input{Text: "notes.exe", OriginalName: "notes.exe"}, ""},
		{Input{Text: "x", Exe: `C:\VPN\x.exe`, Signer: "PROTON  ag"}, "knives/program/proton-ag"},
		{Input{Text: "x", Exe: `C:\Other\x.exe`, Signer: "Proton AG"}, ""},
		{Input{Text: "x", Exe: `C:\VPN\x.exe`}, ""},
		{Input{Text: "chrome.exe", OriginalName: "knife.exe"}, "knives/program/chrome"},
		{Input{Text: "chrome.exe", OriginalName: "chrome.exe"}, ""},
		{Input{Text: "x", Exe: "/home/demo/Cheats/x"}, "knives/program/cheats"},
		{Input{Text: "game", SHA256: hashA}, "knives/program/game"},
		{Input{Text: "game", SHA256: hashB}, ""},
		{Input{Text: "game"}, ""},
	} {
		c.in.Kind = event.Process
		decision := Flag
		if c.rule == "" {
			decision = None
		}
		want(t, c.in.Text+" "+c.in.Exe+" "+c.in.OriginalName, rs.Judge(c.in), decision, c.rule)
	}
}

// A hash costs reading the whole file: it is asked for only where it decides.
func TestAHashIsAskedForOnlyWhereItDecides(t *testing.T) {
	rs := rulesFor(t, "programs:\n  - {name: game, sha256: "+hashA+"}\n  - {name: tool, path: '*/x/*', sha256: "+hashA+"}\n  - {name: both, sha256: "+hashA+"}\n  - {name: both, severity: urgent}\n"+okTests)
	for _, c := range []struct {
		in   Input
		want bool
	}{
		{started1("game", ""), true},
		{started1("other", "/usr/bin/other"), false},
		{started1("tool", "/x/tool"), true},
		{started1("tool", "/y/tool"), false},
		{started1("both", ""), false}, // flagged anyway, and graver
		{Input{Kind: event.Process, Text: "game", SHA256: hashB}, false},
		{Input{Kind: event.Process, Text: "game", Role: "staff"}, false},
		{Input{Kind: event.Domain, Text: "game.example"}, false},
	} {
		if got := rs.NeedsHash(c.in); got != c.want {
			t.Errorf("%+v: %v", c.in, got)
		}
	}
	if rulesFor(t, "programs: [tor]\n"+okTests).NeedsHash(started1("tor", "")) {
		t.Error("no rule wants a hash, and one is asked for")
	}
	if !rulesFor(t, "programs: [{sha256: "+hashA+"}]\n"+okTests).NeedsHash(started1("anything", "")) {
		t.Error("a rule by hash alone looks at every program")
	}
}

// S25: what is not approved is a note, and nothing more.
func TestAProgramThatIsNotApprovedIsANoteOnly(t *testing.T) {
	files := with("acme/knives.yaml", head+"programs: [tor]\n"+okTests,
		"school/approved.yaml", "approved: knives\ntitle: Ours\nwhy: To see what is new.\nowner: IT\nprograms: [word.exe, {name: calc, sha256: "+hashA+"}, {path: '/usr/bin/*'}]\ntests: {hit: [{process: strange}], miss: [{process: word}]}\n",
		"school/more.yaml", "approved: knives\ntitle: More\nwhy: More.\nowner: IT\nprograms: [excel]\n")
	rs := compile(t, files)
	for _, c := range []struct {
		in       Input
		decision Decision
		rule     string
	}{
		{started1("WORD.EXE", ""), None, ""},
		{started1("excel", ""), None, ""},
		{started1("bash", "/usr/bin/bash"), None, ""},
		{started1("tor", ""), Flag, "knives/program/tor"},
		{started1("strange", "/tmp/strange"), Note, "knives/not-approved"},
		{started1("calc", ""), Note, "knives/not-approved"},
		{Input{Kind: event.Process, Text: "calc", SHA256: hashA}, None, ""},
		{Input{Kind: event.Process, Text: "strange", Role: "staff"}, None, ""},
		{started1("", ""), None, ""},
	} {
		v := rs.Judge(c.in)
		want(t, c.in.Text, v, c.decision, c.rule)
		if c.decision == Note && (v.Severity != event.Low || !strings.Contains(v.Why, "not on the school's list of approved programs")) {
			t.Errorf("%+v", v)
		}
	}
	if !rs.NeedsHash(started1("calc", "")) || rs.NeedsHash(started1("word", "")) {
		t.Error("an approved list by hash asks for it where it decides")
	}
	delete(files, "school/approved.yaml")
	delete(files, "school/more.yaml")
	want(t, "without a list", compile(t, files).Judge(started1("strange", "")), None, "")
}

func TestABadApprovedListIsRefusedWithTheMend(t *testing.T) {
	for text, want := range map[string]string{
		"approved: spoons\ntitle: t\nwhy: w\nowner: o\nprograms: [a]\n":                           `approved is for "spoons", which no pack here defines`,
		"approved: knives\ntitle: t\nwhy: w\nowner: o\nprograms: []\n":                            "no programs; add",
		"approved: knives\ntitle: t\nwhy: w\nowner: o\n":                                          "no programs; add",
		"approved: knives\ntitle: t\nowner: o\nprograms: [a]\n":                                   "no why",
		"approved: knives\ntitle: t\nwhy: w\nowner: o\nprograms: [{name: a, severity: urgent}]\n": "an approved program with a severity",
	} {
		contains(t, problemsOf(t, with("acme/knives.yaml", head+okTests, "school/a.yaml", text)), want)
	}
	locked := with("acme/knives.yaml", head+"locked: true\n"+okTests, "school/a.yaml", "approved: knives\ntitle: t\nwhy: w\nowner: o\nprograms: [a]\n")
	contains(t, problemsOf(t, locked), `approved is for "knives", which is locked`)
}
