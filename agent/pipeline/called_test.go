package pipeline_test

import (
	"slices"
	"testing"

	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/internal/event"
	"safelight/internal/rules"
)

const programPack = `category: test
title: Test
noun: test
about: Programs made up for tests.
purpose: safeguarding
risk: ordinary
severity: high
owner: Designated Safeguarding Lead
why: Somebody has to notice.
action: {pupil: alert}
programs: [hidden-browser.py, org.invented.hiddenbrowser, hidden-game.exe]
first_steps: [See the pupil in person.]
tests:
  hit: [{process: hidden-browser.py}]
  miss: [{process: homework.py}]
`

func TestAProgramGoesByTheNamesOfItsScriptAndItsApp(t *testing.T) {
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
		"starter/pack.yaml":   []byte("pack: starter\ntitle: Test pack\nversion: 1\n"),
		"starter/test.yaml":   []byte(programPack),
	})
	must(t, err)
	h := newHouse(t)
	p := parts(t, h.disk, h.logged)
	p.Policy = func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 1, 1) }
	h.Pipeline = pipeline.New(p)
	stop := h.start(t)
	h.PolicyArrived()
	for _, o := range []event.Observation{
		{Name: "python3", Exe: "/usr/bin/python3.11", Origin: event.Origin{Script: "~/hidden-browser.py"}},
		{Name: "python3", Exe: "/usr/bin/python3.11", Origin: event.Origin{Script: "~/homework.py"}},
		{Name: "browser", Exe: "/app/bin/browser", Origin: event.Origin{App: "flatpak:org.invented.hiddenbrowser"}},
		{Name: "firefox", Exe: "/Applications/hidden-game.exe.app/Contents/MacOS/firefox", Origin: event.Origin{App: "bundle:hidden-game.exe"}},
		{Name: "wine", Exe: "/usr/bin/wine", Origin: event.Origin{Script: `C:\games\hidden-game.exe`}},
		{Name: "homework.exe", Exe: `C:\Users\pupil14\homework.exe`, OriginalName: "Hidden-Game.exe"},
		{Name: "sums.exe", Exe: `C:\Users\pupil14\sums.exe`, OriginalName: "sums.exe", Product: "Hidden-Game"},
		{Name: "host.exe", Exe: `C:\Windows\host.exe`, Origin: event.Origin{App: "msix:org.invented.hiddenbrowser"}},
		{Name: "notes.exe", Exe: `C:\Users\pupil14\notes.exe`, OriginalName: "notes.exe", Product: "Hidden-Game Guide"},
		{Name: "sh", Exe: "/bin/dash", Origin: event.Origin{App: "docker:0123456789ab"}},
	} {
		o.Time, o.Kind, o.Via, o.User = noon, event.Process, event.ViaExec, "pupil14"
		if !h.Sink("process").Offer(source.Observed{Observation: o}) {
			t.Fatal("no room")
		}
	}
	stop()
	if got, want := h.disk.names(), []string{"python3", "browser", "firefox", "wine", "homework.exe", "sums.exe", "host.exe"}; !slices.Equal(got, want) {
		t.Errorf("flagged %q, want %q", got, want)
	}
}

// What a program's file says of itself reaches the rules that ask for it.
func TestRulesByOriginalNameAndSigner(t *testing.T) {
	pack := `category: test
title: Test
noun: test
about: Programs made up for tests.
purpose: safeguarding
risk: ordinary
severity: high
owner: Designated Safeguarding Lead
why: Somebody has to notice.
action: {pupil: alert}
programs:
  - {name: update.exe, original_name: hidden-tunnel.exe}
  - {signer: Invented Games Ltd}
  - hidden-game.exe
first_steps: [See the pupil in person.]
tests:
  hit: [{process: hidden-game.exe}]
  miss: [{process: homework.py}]
`
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
		"starter/pack.yaml":   []byte("pack: starter\ntitle: Test pack\nversion: 1\n"),
		"starter/test.yaml":   []byte(pack),
	})
	must(t, err)
	h := newHouse(t)
	p := parts(t, h.disk, h.logged)
	p.Policy = func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 1, 1) }
	h.Pipeline = pipeline.New(p)
	stop := h.start(t)
	h.PolicyArrived()
	for _, o := range []event.Observation{
		{Name: "update.exe", OriginalName: "hidden-tunnel.exe"},
		{Name: "update.exe", OriginalName: "update.exe"},
		{Name: "play.exe", Signer: "Invented  Games LTD"},
		{Name: "work.exe", Signer: "Invented Tools Ltd"},
	} {
		o.Time, o.Kind, o.Via, o.User, o.Exe = noon, event.Process, event.ViaExec, "pupil14", `C:\`+o.Name
		if !h.Sink("process").Offer(source.Observed{Observation: o}) {
			t.Fatal("no room")
		}
	}
	stop()
	if got, want := h.disk.names(), []string{"update.exe", "play.exe"}; !slices.Equal(got, want) {
		t.Errorf("flagged %q, want %q", got, want)
	}
}
