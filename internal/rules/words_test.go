package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"safelight/internal/event"
)

func TestAWordIsFoundHoweverItIsWritten(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: self harm}\n  - {id: k-2, text: \"don't stab\"}\n  - {id: k-3, text: café}\n  - {id: k-4, text: kill}\n"+okTests)
	for _, text := range []string{
		"self harm", "SELF HARM", "Self-Harm", "self  harm", "self, harm", "(self harm)", "self_harm", "self/harm",
		"s3lf h4rm", "s3lf harm", "$elf h@rm", "5elf-h4rm", "se1f harm", "s€lf harm",
		"s.e.l.f h.a.r.m", "s-e-l-f h-a-r-m", "s e l f h a r m", "s e l f  h a r m", "se.lf ha.rm", "s*elf h*arm",
		"sélf hàrm", "ｓｅｌｆ ｈａｒｍ", "𝓼𝓮𝓵𝓯 𝓱𝓪𝓻𝓶", "ⓢⓔⓛⓕ ⓗⓐⓡⓜ", "sеlf hаrm", "ѕеlf hаrm", "sel\u200bf harm", "se\u0301lf harm",
		"🅂🄴🄻🄵 harm", "selffff harrrm", "seeeelf haaaarm", "i will s.e.l.f h.a.r.m today", "self harm 2024", "🙂self harm🙂",
	} {
		if v := rs.search(text); v.Rule != "knives/k-1" {
			t.Errorf("%q is not read as self harm: %+v", text, v)
		}
	}
	for text, rule := range map[string]string{
		"dont stab": "knives/k-2", "don’t stab": "knives/k-2", "DON`T STAB": "knives/k-2",
		"cafe": "knives/k-3", "CAFÉ": "knives/k-3", "k!ll": "knives/k-4", "kill!": "knives/k-4", "k1ll": "knives/k-4", "kiiill": "knives/k-4",
	} {
		want(t, text, rs.search(text), Flag, rule)
	}
}

// The accidents of the Scunthorpe family: words within words, words across
// words, numbers, and other people's languages.
func TestAnOrdinaryWordIsNotReadAsAnother(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: the rapist}\n  - {id: k-2, text: sex}\n  - {id: k-3, text: ass}\n  - {id: k-4, text: kill}\n"+
		"  - {id: k-5, text: pot}\n  - {id: k-6, text: tit}\n  - {id: k-7, text: self harm}\n  - {id: k-8, text: sos}\n"+okTests)
	for _, text := range []string{
		"therapist", "the-rapids", "essex", "sussex", "sexton", "class", "bass", "skill", "kills", "killed", "spot", "potato",
		"title", "titan", "scunthorpe", "555", "a 55 b", "505", "50 5", "7 17", "717", "1984", "self charm", "selfharmony",
		"harm self", "self and harm", "рот", "рот і ніс", "сос", "тит", "σοσ", "s e x t o n", "k i l l e r", "i a m", "a b c d",
		"kil", "sek", "", "   ", "!!!", "\x00", "\xff\xfe", "…",
	} {
		if v := rs.search(text); v.Decision != None {
			t.Errorf("%q is read as %s (%q)", text, v.Rule, v.Match)
		}
	}
}

// Ten times the text costs at most twelve times the looks: steps, not seconds.
func TestTenfoldTextCostsAtMostTwelvefoldSteps(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: a a a a a a a a a a a a}\n  - {id: k-2, text: kill him}\n  - {id: k-3, all: [kill, him], within: 50}\n"+okTests)
	for _, unit := range []string{"a ", "k1ll h1m ", "s.e.l.f ", "kill him ", "aaaa", "😀", "é", "@", "a."} {
		cost := func(n int) int {
			j := &judging{}
			j.judge(rs, Input{Kind: event.Search, Text: strings.Repeat(unit, n)}, nil)
			return j.words.Steps()
		}
		small, large := cost(1000), cost(10000)
		if large > 12*max(small, 1) {
			t.Errorf("%q: %d steps, ten times of it %d", unit, small, large)
		}
	}
}

func TestManyHitsInOneTextStandOrFallOneByOne(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: kill}\nallow: [kill bill]\n"+okTests)
	want(t, "all masked", rs.search(strings.Repeat("kill bill ", 6000)), None, "")
	v := rs.search(strings.Repeat("kill bill ", 6000) + "kill")
	want(t, "the last one", v, Flag, "knives/k-1")
	if v.Start != 60000 {
		t.Errorf("found at %d", v.Start)
	}
}

// Whoever writes one rule too many is told which, not only that there is one.
func TestWordsInTooManyRulesAreToldWithAPlace(t *testing.T) {
	var b strings.Builder
	b.WriteString("phrases:\n")
	for i := range 4097 {
		fmt.Fprintf(&b, "  - {id: kn-%04d, text: knife%s}\n", i, strings.Repeat(" knife", i%2))
	}
	_, err := Compile(with("acme/knives.yaml", head+b.String()+okTests))
	var all Problems
	if !errors.As(err, &all) {
		t.Fatalf("compiled: %v", err)
	}
	for _, p := range all {
		if strings.Contains(p.What, "more than 4096 rules") {
			if p.File != "acme/knives.yaml" || p.Line < 1000 {
				t.Errorf("told at %s:%d", p.File, p.Line)
			}
			return
		}
	}
	t.Errorf("not told: %v", all[0])
}
