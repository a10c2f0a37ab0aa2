package rules

import (
	"strings"
	"sync"
	"testing"

	"safelight/internal/event"
	"safelight/internal/packdir"
)

// shippedOnce compiles the packs that ship: rules never change once they are
// compiled, so that all tests share them.
var shippedOnce = sync.OnceValues(func() (*Ruleset, error) {
	files, err := packdir.Shipped()
	if err != nil {
		return nil, err
	}
	return Compile(files)
})

func shipped(t testing.TB) *Ruleset {
	t.Helper()
	rs, err := shippedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func shippedFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestG01EveryPleaIsUrgentAndReadsAsAskingForHelp(t *testing.T) {
	rs, lines := shipped(t), pleas()
	if len(lines) < 100 {
		t.Errorf("%d pleas, want at least 100", len(lines))
	}
	for _, p := range lines {
		v := rs.search(p.line)
		if v.Decision != Flag || v.Severity != event.Urgent || !v.Help || !strings.Contains(v.Why, "somebody asking for help") {
			t.Errorf("%q: %+v", p.line, v)
		}
		if p.signal == p.line || strings.ContainsAny(p.line, "[]") {
			t.Errorf("%q marks no words that ask for help", p.line)
		}
	}
}

func TestG01WordsThatAskForHelpFlagNothingByThemselves(t *testing.T) {
	rs := shipped(t)
	for _, w := range helpWords {
		want(t, w, rs.search(w), None, "")
		want(t, w, rs.search("childline "+w+" please"), None, "")
	}
}

func TestG01WordsThatAskForHelpHideNothing(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: stab myself}\n  - {id: k-2, text: help}\n"+okTests)
	for _, w := range helpWords {
		for _, text := range []string{w + " stab myself", "stab myself " + w, w + " i will stab myself " + w} {
			v := rs.search(text)
			if v.Rule != "knives/k-1" || !v.Help || v.Severity != event.Urgent {
				t.Errorf("%q: %+v", text, v)
			}
		}
	}
	want(t, "its own span is masked", rs.search("childline help me"), None, "")
	want(t, "and nothing else", rs.search("help yourself"), Flag, "knives/k-2")
}

func TestG01WordsApartThatAskForHelpHideNoPhrase(t *testing.T) {
	rs := rulesFor(t, "phrases: [{id: k-1, text: stab myself}]\n"+okTests)
	for _, near := range helpNear {
		for n, set := range near.words {
			for _, w := range set {
				text := "stab myself"
				for m, other := range near.words {
					if m == n {
						text += " " + w
					} else {
						text += " " + other[0]
					}
				}
				if v := rs.search(text); v.Rule != "knives/k-1" || !v.Help || v.Severity != event.Urgent {
					t.Errorf("%q: %+v", text, v)
				}
			}
		}
		for i, word := range []string{near.words[0][0], near.words[1][0], near.words[2][0]} {
			text := strings.Join([]string{near.words[0][0], near.words[1][0], near.words[2][0]}, " ")
			v := rulesFor(t, "phrases: [{id: k-1, text: "+word+"}]\n"+okTests).search(text)
			if v.Rule != "knives/k-1" || !v.Help {
				t.Errorf("%q is a school's own phrase, and hidden by set %d in %q: %+v", word, i, text, v)
			}
		}
	}
}

// Beside words that ask for help less is enough: they are not to be that little
// themselves, else whoever asks how to tell a teacher of anything is an urgent alert.
func TestG01WordsThatAskForHelpAddNothingToASum(t *testing.T) {
	rs := compile(t, with("acme/lists/points.txt", "40 can\n40 tell\n40 teacher\n45 blade\n30 sleeve\n", "acme/knives.yaml",
		head+"phrases: [{id: k-1, text: machete}]\nweighed: [{id: k-w, file: lists/points.txt}]\ntests: {hit: [machete], miss: [a]}\n"))
	for text, want := range map[string]string{
		"can i tell the teacher":                  "",
		"can i tell the teacher i broke a blade":  "",
		"blade sleeve, can i tell the teacher":    "knives/k-w",
		"blade sleeve":                            "",           // 75, and nobody asks
		"the teacher can tell, of a blade sleeve": "knives/k-w", // nobody asks: 195
	} {
		if v := rs.search(text); v.Rule != want || v.Help != strings.Contains(text, "can i") && want != "" {
			t.Errorf("%q: %+v, want %q", text, v, want)
		}
	}
}

// Who asks where to buy a thing, or boasts, asks nobody for help, and is not said to.
func TestG15WhoLooksForAThingIsNotSaidToAskForHelp(t *testing.T) {
	rs := rulesFor(t, "phrases: [{id: k-1, text: knife}]\n"+okTests)
	for _, text := range []string{
		"who do i ask for a knife", "who can i ask to get me a knife", "who do i go to for a knife", "who can i go to to get a knife",
		"who do i see to get a knife", "who can i trust to sell me a knife", "what adult knife", "which adult knife", "who can stop us with a knife",
	} {
		if v := rs.search(text); v.Rule != "knives/k-1" || v.Help {
			t.Errorf("%q: %+v", text, v)
		}
	}
	for _, text := range []string{
		"who do i ask if he has a knife", "who can i go to about the knife", "who do i see if my brother has a knife", "which adult can i show the knife",
	} {
		if v := rs.search(text); !v.Help {
			t.Errorf("%q: %+v", text, v)
		}
	}
}

func TestG01AHelplineIsSafeWhateverARuleSays(t *testing.T) {
	files := with("acme/knives.yaml", head+"locked: true\ndomains: [childline.org.uk, www.samaritans.org]\nphrases:\n  - {id: k-1, text: nspcc, in: [host]}\n"+
		"tests: {hit: [], miss: [x]}\n")
	files["acme/knives.yaml"] = []byte(strings.Replace(string(files["acme/knives.yaml"]), "hit: []", "hit: [{domain: nspcc.example.com}]", 1))
	rs := compile(t, files)
	for _, host := range []string{"childline.org.uk", "www.childline.org.uk", "WWW.Samaritans.org.", "learning.nspcc.org.uk", "report.ceop.police.uk"} {
		v := rs.host(host)
		want(t, host, v, Safe, "")
		if !IsHelpline(host) {
			t.Errorf("%s is not known as a helpline", host)
		}
	}
	for _, host := range []string{"org.uk", "police.uk", "notchildline.org.uk", "childline.org.uk.example", "", "a b", "uk"} {
		if IsHelpline(host) {
			t.Errorf("%q passes for a helpline", host)
		}
	}
	text := checkOf(t, files)
	contains(t, text, `rule knives/childline.org.uk hits the helpline "childline.org.uk"`)
	contains(t, text, `domain "www.samaritans.org" is part of a helpline's or protected site`)
}

func TestG01EveryHelplineIsAPlainName(t *testing.T) {
	for name := range helplines {
		if clean, err := cleanHost(name); err != nil || clean != name || !strings.Contains(name, ".") {
			t.Errorf("helpline %q is no host name", name)
		}
	}
}

func TestG01ASchoolsAllowPhraseCannotHideAPlea(t *testing.T) {
	files := merged(shippedFiles(t), map[string][]byte{
		"school/pack.yaml": []byte("pack: our-school\ntitle: Our school\nversion: 1\n"),
		"school/su.yaml":   []byte("extends: suicide\nowner: x\nwhy: y\nallow: [i want to kill myself]\ntests: {hit: [], miss: [x]}\n"),
	})
	contains(t, checkOf(t, files), `is not flagged as urgent`)
}

func TestG02AFindingSaysWhatWasNotSeen(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: big knife}\ndomains: [blades.example]\nprograms: [blade]\n"+okTests)
	for _, c := range []struct {
		in                Input
		notSeen, sentence string
	}{
		{Input{Kind: event.Domain, Text: "blades.example"}, "domain only; page content unknown", "a site on the knives list was asked for"},
		{Input{Kind: event.Search, Text: "big knife"}, "search words only; what was opened afterwards is unknown", "a search matched words on the knives list"},
		{Input{Kind: event.Process, Text: "blade.exe"}, "program start only; what was done with it is unknown", "a program on the knives list started; many have ordinary uses"},
	} {
		v := rs.Judge(c.in)
		if len(v.NotSeen) == 0 || v.NotSeen[0] != c.notSeen || v.Why != c.sentence {
			t.Errorf("%s: %q, %q", c.in.Kind, v.Why, v.NotSeen)
		}
		if !strings.Contains(strings.Join(v.NotSeen, "|"), "an account is not a person") {
			t.Errorf("%s does not say that an account is not a person", c.in.Kind)
		}
		v.NotSeen[0] = "changed"
		if rs.Judge(c.in).NotSeen[0] != c.notSeen {
			t.Errorf("%s: one caller can change what the next one is told", c.in.Kind)
		}
	}
}

func TestG05WhatIsProtectedIsNeverFlagged(t *testing.T) {
	files := with("acme/knives.yaml", head+"locked: true\nphrases:\n  - {id: k-1, text: gay}\ndomains: [a.protected.example, protected.example]\ntests: {hit: [gay], miss: [x]}\n")
	rs := compile(t, files)
	for _, host := range []string{"protected.example", "a.protected.example", "b.a.protected.example"} {
		v := rs.host(host)
		want(t, host, v, None, "")
		contains(t, v.Why, "identity, belief, health and lawful activity are never flagged")
	}
	text := checkOf(t, files)
	contains(t, text, `acme/knives.yaml:13:5: rule knives/k-1 hits the protected line "am i gay" (protected/help.yaml:5)`)
	contains(t, text, `rule knives/protected.example hits the protected site "protected.example"`)
	contains(t, text, `domain "a.protected.example" is part of a helpline's or protected site`)
}

func TestG05NoRulesWithoutTheProtectedPack(t *testing.T) {
	files := with("acme/knives.yaml", head+okTests)
	delete(files, "protected/pack.yaml")
	delete(files, "protected/help.yaml")
	contains(t, problemsOf(t, files), "no protected pack; every set of rules carries it")
}

func TestG05TheShippedPackProtectsWidelyAndNothingHitsIt(t *testing.T) {
	rs := shipped(t)
	if len(rs.source.miss) < 200 || len(rs.protected) < 60 {
		t.Errorf("%d lines and %d sites are protected, want 200 and 60", len(rs.source.miss), len(rs.protected))
	}
	for _, line := range rs.source.miss {
		for _, role := range roleNames {
			v := rs.Judge(Input{Kind: line.kind, Text: line.text, Role: role})
			if v.Decision != None && v.Decision != Safe {
				t.Errorf("%s: %q is a %s by %s", role, line.text, v.Decision, v.Rule)
			}
		}
	}
}

func TestG08BehaviourAndSecurityStayOnTheDevice(t *testing.T) {
	for _, purpose := range []string{Behaviour, Security} {
		rs := compile(t, with("acme/knives.yaml", strings.Replace(head, "purpose: safeguarding", "purpose: "+purpose, 1)+"domains: [blades.example]\n"+okTests))
		want(t, purpose, rs.host("blades.example"), Note, "knives/blades.example")
	}
	for _, c := range shipped(t).policy.Categories {
		for i, a := range c.Actions {
			if c.Purpose != Safeguarding && a == ActionAlert {
				t.Errorf("%s alerts for %s", c.ID, roleNames[i])
			}
		}
	}
}

func TestG09AdultsAtWorkAreNotPupils(t *testing.T) {
	rs := rulesFor(t, "domains: [blades.example]\n"+okTests)
	for _, role := range []string{"staff", "contractor", "volunteer", "governor", "visitor", "head"} {
		want(t, role, rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Role: role}), None, "")
	}
	for _, role := range []string{"pupil", "adult-learner", "", "unknown", "nonsense"} {
		want(t, role, rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Role: role}), Flag, "knives/blades.example")
	}
	byp := compile(t, with("acme/bypass.yaml", strings.Replace(head, "category: knives", "category: bypass", 1)+"domains: [vpn.example]\n"+okTests))
	want(t, "bypass", byp.Judge(Input{Kind: event.Domain, Text: "vpn.example", Role: "staff"}), Flag, "bypass/vpn.example")
	for _, c := range shipped(t).policy.Categories {
		for i, a := range c.Actions {
			if i >= learners && a != ActionNone && c.ID != "illegal-content" && c.ID != "contact-outside-school" && c.ID != "bypass" {
				t.Errorf("%s looks at %s", c.ID, roleNames[i])
			}
		}
	}
}

func TestG09OutOfHoursAnAdultIsJudgedForIllegalContentAlone(t *testing.T) {
	byp := strings.Replace(head, "category: knives", "category: bypass", 1)
	rs := compile(t, with("acme/bypass.yaml", byp+"domains: [vpn.example]\n"+okTests, "acme/illegal.yaml", lockedHead+"domains: [bad.example]\n"+okTests,
		"school/bypass.yaml", "extends: bypass\nowner: a\nwhy: b\nscope: {roles: [staff], when: [out-of-hours]}\ndomains: [exam.example]\n"+okTests))
	judge := func(host, role string, periods ...string) Verdict {
		return rs.Judge(Input{Kind: event.Domain, Text: host, Role: role, Periods: periods})
	}
	want(t, "staff, in hours", judge("vpn.example", "staff", "school-day", "lesson"), Flag, "bypass/vpn.example")
	want(t, "staff, hours not known", judge("vpn.example", "staff"), Flag, "bypass/vpn.example")
	for _, role := range []string{"staff", "contractor", "volunteer", "governor", "visitor", "head"} {
		want(t, role+", out of hours", judge("vpn.example", role, "out-of-hours"), None, "")
		want(t, role+", illegal content", judge("bad.example", role, "out-of-hours"), Flag, "illegal-content/bad.example")
	}
	want(t, "a scope that names those hours", judge("exam.example", "staff", "out-of-hours"), Flag, "bypass/exam.example")
	want(t, "pupil, out of hours", judge("vpn.example", "pupil", "out-of-hours"), Flag, "bypass/vpn.example")
	want(t, "nobody known, out of hours", judge("vpn.example", "", "out-of-hours"), Flag, "bypass/vpn.example")
	f := said(t, rs.Explain(Input{Kind: event.Domain, Text: "vpn.example", Role: "staff", Periods: []string{"out-of-hours"}}), "bypass/vpn.example")
	contains(t, f.Lost, "out of hours an adult at work")
}

func TestG15WordsDoNoHarm(t *testing.T) {
	for _, c := range shipped(t).Categories() {
		for _, kind := range []event.Kind{event.Domain, event.Search, event.Process} {
			h := " " + c.Headline(kind) + " "
			for _, word := range []string{" he ", " she ", " they ", " you ", " pupil ", " child ", " visited ", " searched for ", " tried ", " used ", " inappropriate "} {
				if strings.Contains(strings.ToLower(h), word) {
					t.Errorf("%s: %q says%q", c.ID, h, word)
				}
			}
			if c.ID == "bullying" && !strings.Contains(h, "possible") {
				t.Errorf("%q does not say possible", h)
			}
			if kind == event.Process && !strings.Contains(h, "many have ordinary uses") {
				t.Errorf("%q", h)
			}
		}
	}
}

const lockedHead = "category: illegal-content\ntitle: Illegal\nnoun: illegal content\nabout: x\npurpose: safeguarding\nrisk: high\n" +
	"severity: urgent\nowner: DSL\nwhy: y\nfirst_steps: [z]\nlocked: true\naction: {staff: alert}\n"

// orderOf builds what G16 puts in order: a vendor's category, a school's rules
// over it, and a locked one.
func orderOf(t *testing.T, school string) *Ruleset {
	t.Helper()
	files := with(
		"starter/pack.yaml", "pack: starter\ntitle: x\nversion: 1\n",
		"starter/games.yaml", strings.Replace(head, "category: knives", "category: games", 1)+
			"domains: [play.example, both.example, sub.both.example]\nphrases:\n  - {id: g-1, text: play now}\n"+okTests,
		"starter/illegal.yaml", lockedHead+"domains: [bad.example, both.example]\n"+okTests,
		"school/games.yaml", "extends: games\nowner: x\nwhy: y\n"+school+okTests)
	return compile(t, files)
}

func TestG16TheOrderOfDecision(t *testing.T) {
	rs := orderOf(t, "allow: [play now please]\ndomains: [{allow: [play.example, both.example, own.example]}, own.example, deep.play.example]\n")
	exempt := func(host string) Verdict {
		return rs.Judge(Input{Kind: event.Domain, Text: host, Exempt: []string{"games", "illegal-content"}})
	}
	want(t, "school's allow above the pack's rule", rs.host("play.example"), None, "")
	want(t, "even above a narrower one of the pack", rs.host("sub.both.example"), Flag, "illegal-content/both.example")
	want(t, "a school's allow above its own rule", rs.host("own.example"), None, "")
	want(t, "but the most specific of its own", rs.host("deep.play.example"), Flag, "games/deep.play.example")
	want(t, "locked above a school's allow", rs.host("both.example"), Flag, "illegal-content/both.example")
	want(t, "exemption above a rule", exempt("deep.play.example"), Exempt, "games/deep.play.example")
	want(t, "locked above an exemption", exempt("bad.example"), Flag, "illegal-content/bad.example")
	want(t, "helpline above all", exempt("www.childline.org.uk"), Safe, "")
	want(t, "a school's allow phrase", rs.search("play now please"), None, "")
	want(t, "masks its span only", rs.search("play now please play now"), Flag, "games/g-1")
}

func TestG16ASchoolsRuleStandsAboveThePacksAllow(t *testing.T) {
	files := with(
		"starter/pack.yaml", "pack: starter\ntitle: x\nversion: 1\n",
		"starter/a.yaml", head+"allow: [big knife fish]\ndomains: [{allow: [a.example]}]\nphrases:\n  - {id: k-1, text: big knife}\n"+okTests,
		"school/a.yaml", "extends: knives\nowner: x\nwhy: y\ndomains: [a.example]\nphrases:\n  - {id: s-1, text: knife fish, severity: low}\n"+okTests)
	rs := compile(t, files)
	want(t, "domain", rs.host("a.example"), Flag, "knives/a.example")
	v := rs.search("big knife fish")
	want(t, "phrase", v, Flag, "knives/s-1")
	if v.Pack != "our-school 7" || v.Severity != event.Low {
		t.Errorf("got %+v", v)
	}
}

func TestG16OnlyWhatIsOnTheListMayBeExempted(t *testing.T) {
	rs := rulesFor(t, "domains: [blades.example]\n"+okTests)
	want(t, "knives", rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Exempt: []string{"knives"}}), Flag, "knives/blades.example")
}

func TestG16NobodyAllowsAnythingInALockedCategory(t *testing.T) {
	for _, line := range []string{"allow: [x y]\n", "domains: [{allow: [bad.example]}]\n"} {
		files := with("acme/i.yaml", lockedHead+"domains: [bad.example]\n"+okTests, "school/i.yaml", "extends: illegal-content\nowner: x\nwhy: y\n"+line+okTests)
		contains(t, problemsOf(t, files), `school/i.yaml:1:1: allows something in "illegal-content", which is locked`)
	}
	rs := compile(t, with("acme/i.yaml", lockedHead+"tests: {hit: [], miss: [x]}\n",
		"school/i.yaml", "extends: illegal-content\nowner: x\nwhy: y\ndomains: [bad.example]\ntests: {hit: [{domain: bad.example}], miss: [x]}\n"))
	want(t, "the school's lawful source", rs.Judge(Input{Kind: event.Domain, Text: "bad.example", Role: "staff"}), Flag, "illegal-content/bad.example")
}
