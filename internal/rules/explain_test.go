package rules

import (
	"strings"
	"testing"

	"safelight/internal/event"
)

// said finds what an explanation says of a rule.
func said(t *testing.T, e Explanation, rule string) Finding {
	t.Helper()
	for _, f := range e.Findings {
		if f.Rule == rule {
			return f
		}
	}
	t.Errorf("nothing is said of %s: %+v", rule, e.Findings)
	return Finding{}
}

func TestAnExplanationSaysWhyEachRuleDidNotWin(t *testing.T) {
	rs := compile(t, with(
		"acme/knives.yaml", head+"threshold: 100\nphrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: knife, severity: low}\n  - {id: k-3, text: sharp, weight: 50}\n  - {id: k-4, text: couteau, lang: fr}\nallow: [knife drawer]\n"+okTests,
		"acme/weak.yaml", strings.Replace(head, "category: knives", "category: weak", 1)+"phrases: [{id: w-1, text: tonight, weight: 30}]\n"+okTests,
		"school/k.yaml", "extends: knives\nowner: a\nwhy: b\nscope: {years: [7]}\nphrases: [{id: s-1, text: drawer}]\n"+okTests))
	in := Input{Kind: event.Search, Text: "samaritans B1G knife and knife drawer, couteau tonight", Role: "pupil", Year: "9"}
	e := rs.Explain(in)
	if !e.Help || e.Verdict.Rule != "knives/k-1" || len(e.Findings) == 0 || !e.Findings[0].Won {
		t.Fatalf("got %+v", e)
	}
	won := said(t, e, "knives/k-1")
	if !won.Won || won.Lost != "" || won.ReadAs != "big knife" || won.File != "acme/knives.yaml" || won.Line != 13 || won.Match != "B1G knife" {
		t.Errorf("the winner: %+v", won)
	}
	for rule, why := range map[string]string{
		"knives/s-1": "not in its scope: years 7",
		"knives/k-4": "off: no speaker of its language (fr) has reviewed it",
		"weak/w-1":   "the phrases of the category weigh 30 together and must reach 100",
	} {
		f := said(t, e, rule)
		if f.Won || f.Lost != why {
			t.Errorf("%s: %q, want %q", rule, f.Lost, why)
		}
	}
	masked, outweighed := false, false
	for _, f := range e.Findings {
		if f.Rule == "knives/k-2" {
			masked = masked || strings.Contains(f.Lost, "masked by the allow phrase of knives/allow/knife drawer (acme/knives.yaml:17)")
			outweighed = outweighed || f.Lost == "the other is high and this is low" && f.By == "knives/k-1"
		}
	}
	if !masked || !outweighed {
		t.Errorf("masked %v, outweighed %v: %+v", masked, outweighed, e.Findings)
	}
	in.Role = "staff"
	f := said(t, rs.Explain(in), "knives/k-1")
	if f.Won || f.Lost != "its category does nothing for staff" {
		t.Errorf("for staff: %+v", f)
	}
}

func TestAnExplanationOfASiteNamesWhatStandsAbove(t *testing.T) {
	rs := orderOf(t, "domains: [{allow: [play.example]}]\n")
	e := rs.Explain(Input{Kind: event.Domain, Text: "www.play.example"})
	f := said(t, e, "games/play.example")
	if e.Verdict.Decision != None || f.Won || f.By != "games/allow/play.example" || !strings.Contains(f.Lost, "(school/games.yaml:") {
		t.Errorf("got %+v", f)
	}
	if e := rs.Explain(Input{Kind: event.Domain, Text: "www.childline.org.uk"}); e.Verdict.Decision != Safe || len(e.Findings) != 0 {
		t.Errorf("got %+v", e)
	}
}
