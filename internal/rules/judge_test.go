package rules

import (
	"strings"
	"testing"

	"safelight/internal/event"
)

func TestADomainMatchesOnLabelBoundaries(t *testing.T) {
	rs := rulesFor(t, "domains: [blades.example, bücher.example]\n"+okTests)
	for host, rule := range map[string]string{
		"blades.example":            "knives/blades.example",
		"Shop.BLADES.example.":      "knives/blades.example",
		"a.b.c.blades.example":      "knives/blades.example",
		"bücher.example":            "knives/xn--bcher-kva.example",
		"www.xn--bcher-kva.example": "knives/xn--bcher-kva.example",
		"notblades.example":         "",
		"blades.example.org":        "",
		"example":                   "",
		"blades-example":            "",
		"192.0.2.1":                 "",
		"not a host":                "",
		"":                          "",
	} {
		decision := Flag
		if rule == "" {
			decision = None
		}
		want(t, host, rs.host(host), decision, rule)
	}
	v := rs.host("shop.blades.example")
	if v.Match != "blades.example" || v.Start != 5 || v.End != 19 || v.Severity != event.High || v.Pack != "acme 3" {
		t.Errorf("got %+v", v)
	}
}

func TestTheMostSpecificDomainWins(t *testing.T) {
	rs := rulesFor(t, "domains:\n  - a.example\n  - {name: x.docs.a.example, severity: low}\n  - {allow: [docs.a.example]}\n"+okTests)
	want(t, "listed", rs.host("www.a.example"), Flag, "knives/a.example")
	want(t, "allowed below", rs.host("docs.a.example"), None, "")
	want(t, "allowed deeper", rs.host("y.docs.a.example"), None, "")
	v := rs.host("x.docs.a.example")
	want(t, "listed below the allowed", v, Flag, "knives/x.docs.a.example")
	if v.Severity != event.Low {
		t.Errorf("severity %s, want the rule's own", v.Severity)
	}
}

func TestAProgramMatchesByNameAndPath(t *testing.T) {
	rs := rulesFor(t, "programs:\n  - tor.exe\n  - {name: firefox, path: '*\\Tor Browser\\*'}\n"+okTests)
	for _, c := range []struct{ text, exe, rule string }{
		{"tor.exe", "", "knives/program/tor"},
		{"TOR", "", "knives/program/tor"},
		{"tor", "/usr/bin/tor", "knives/program/tor"},
		{`C:\Program Files\Tor.EXE`, "", "knives/program/tor"},
		{"a-name-cut-sho", "/opt/x/tor", "knives/program/tor"},
		{"tornado.exe", "", ""},
		{"tor.sh", "", ""},
		{"firefox.exe", `C:\Users\demo\Tor Browser\Browser\firefox.exe`, "knives/program/firefox"},
		{"firefox", "/home/demo/tor browser/firefox", "knives/program/firefox"},
		{"firefox.exe", `C:\Program Files\Mozilla Firefox\firefox.exe`, ""},
		{"firefox", "", ""},
		{"", "", ""},
	} {
		decision := Flag
		if c.rule == "" {
			decision = None
		}
		want(t, c.text+" "+c.exe, rs.Judge(Input{Kind: event.Process, Text: c.text, Exe: c.exe}), decision, c.rule)
	}
}

func TestGlobIsBoundedAndExact(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "", true},
		{"*", "", true},
		{"*", "a/b", true},
		{"a*b", "a/x/b", true},
		{"a*b", "a/x/bc", false},
		{"*tor*", "x/tor/y", true},
		{"?at", "cat", true},
		{"?at", "at", false},
		{"/home/?lan/*", "/home/élan/x", true}, // a character is one, however many bytes it has
		{"??", "é", false},
		{"**a**", "bab", true},
		{"a", "", false},
		{"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := glob([]byte(c.pattern), []byte(c.path)); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

func TestAnAllowPhraseMasksItsOwnSpanOnly(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: knife}\n  - {id: k-2, text: kill him}\nallow: [knife skills, how to kill]\n"+okTests)
	want(t, "covered", rs.search("knife skills lesson"), None, "")
	want(t, "covered, then not", rs.search("knife skills and a knife"), Flag, "knives/k-1")
	want(t, "before the covered", rs.search("knife and knife skills"), Flag, "knives/k-1")
	want(t, "reaching outside the covered", rs.search("how to kill him"), Flag, "knives/k-2")
	v := rs.search("knife skills and a KNIFE!")
	if v.Match != "KNIFE" || v.Start != 19 || v.End != 24 {
		t.Errorf("span %d-%d %q", v.Start, v.End, v.Match)
	}
}

func TestTheGravestFindingIsTold(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: big knife, severity: low}\n  - {id: k-2, text: stab him}\n  - {id: k-3, text: knife, severity: low}\n"+okTests)
	want(t, "severity", rs.search("big knife to stab him"), Flag, "knives/k-2")
	want(t, "longer", rs.search("big knife"), Flag, "knives/k-1")
}

func TestAWordInAHostNameIsANoteAtMost(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: zombie knife, in: [search, host]}\n  - {id: k-2, text: machete}\ndomains: [{allow: [zombie-knife.museum.example]}]\n"+okTests)
	want(t, "whole words", rs.host("zombie-knife.example.com"), Note, "knives/k-1")
	want(t, "across labels", rs.host("zombie.knife.example.com"), None, "")
	want(t, "part of a word", rs.host("zombie-knifeshop.example.com"), None, "")
	want(t, "last label", rs.host("shop.zombie-knife"), None, "")
	want(t, "phrases judge search words only, by default", rs.host("machete.example.com"), None, "")
	want(t, "a domain rule stands above words", rs.host("zombie-knife.museum.example"), None, "")
	want(t, "leet is for people", rs.host("z0mbie-kn1fe.example.com"), None, "")
}

func TestAnUnknownKindJudgesToNothing(t *testing.T) {
	rs := rulesFor(t, okTests)
	want(t, "kind", rs.Judge(Input{Kind: "page", Text: "big knife"}), None, "")
}

func TestJudgingWhatNobodyFlagsAllocatesNothing(t *testing.T) {
	files, lists := wide(t)
	_, rs := both(t, files, lists)
	for what, in := range map[string]Input{
		"domain":  {Kind: event.Domain, Text: "www.news.bbc.example"},
		"search":  {Kind: event.Search, Text: "how do plants make their food"},
		"process": {Kind: event.Process, Text: "Word.exe", Exe: `C:\Program Files\Office\Word.exe`, Signer: "Demo  Maker Ltd"},
	} {
		j := &judging{} // the pool of Judge drops rooms at random under the race detector
		if n := testing.AllocsPerRun(200, func() { j.judge(rs, in, nil) }); n > 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func TestALockedRuleIsFoundBehindAnyNumberOfOthers(t *testing.T) {
	deep := ""
	for i := range 20 {
		deep += ", " + strings.Repeat("x.", i+1) + "bad.example"
	}
	files := with("acme/knives.yaml", head+"domains: [bad.example"+deep+"]\n"+okTests, "acme/i.yaml", lockedHead+"domains: [bad.example]\n"+okTests)
	want(t, "locked", compile(t, files).host(strings.Repeat("x.", 25)+"bad.example"), Flag, "illegal-content/bad.example")
}

func BenchmarkJudge(b *testing.B) {
	rs := shipped(b)
	for _, in := range []Input{
		{Kind: event.Domain, Text: "www.news.bbc.example"},
		{Kind: event.Search, Text: "how do plants make their own food"},
	} {
		b.Run(string(in.Kind), func(b *testing.B) {
			for b.Loop() {
				rs.Judge(in)
			}
		})
	}
}
