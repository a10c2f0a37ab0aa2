package rules

import (
	"strings"
	"testing"

	"safelight/internal/event"
)

// hinting compiles two categories with hints and ordinary words.
func hinting(t testing.TB) *Ruleset {
	t.Helper()
	drugs := strings.NewReplacer("knives", "drugs", "Knives", "Drugs").Replace(head)
	return compile(t, with(
		"school/words.yaml", "words: own\ntitle: T\nwhy: W.\nspellings: [{means: nobody, typed: [nobdy]}]\nordinary: [{weight: 50, any: [homework, craft]}]\n",
		"acme/knives.yaml", head+"hints:\n  - {weight: 60, any: [blade, sharpened]}\n  - {weight: 30, severity: medium, any: [sleeve]}\nphrases: [{id: k-1, text: stab him}]\nallow: [roller blade]\ntests: {hit: [stab him], miss: [a]}\n",
		"acme/drugs.yaml", drugs+"hints:\n  - {weight: 45, any: [nobody knows, plug]}\ntests: {hit: [blade nobody knows], miss: [a]}\n",
	))
}

// A word alone says nothing; several together are told of as what most of them are
// about, mildly, and with each of them.
func TestHintsFlagTogetherOnly(t *testing.T) {
	rs := hinting(t)
	for text, want := range map[string]string{
		"a blade":                                            "",
		"blade blade blade":                                  "",
		"a blade and nobody knows":                           "knives/hint/blade",
		"nobdy knows my bl4de":                               "knives/hint/blade",
		"plug nobody knows":                                  "",
		"plug nobody knows sleeve":                           "drugs/hint/plug",
		"sharpened blade":                                    "knives/hint/sharpened",
		"sharpened blade homework":                           "",
		"sharpened roller blade":                             "",
		"sharpened roller blade and blade":                   "knives/hint/sharpened",
		"homework about a sharpened blade that nobody knows": "knives/hint/sharpened",
		"stab him homework craft":                            "knives/k-1",
		"stab him sharpened blade":                           "knives/k-1",
	} {
		if got := rs.search(text).Rule; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	v := rs.search("a blade up my sleeve, nobody knows")
	if v.Severity != event.Low || v.Match != "blade" || v.Category != "knives" || !strings.Contains(v.Why, "each of them has ordinary uses") {
		t.Errorf("%+v", v)
	}
	var words []string
	for _, e := range v.Evidence {
		words = append(words, e.Match)
	}
	if got := strings.Join(words, "|"); got != "nobody knows|sleeve" {
		t.Errorf("evidence %s", got)
	}
	if v := rs.Judge(Input{Kind: event.Domain, Text: "sharpened-blade.example"}); v.Decision != None {
		t.Errorf("a host is judged by hints: %+v", v)
	}
	if v := rs.Judge(Input{Kind: event.Search, Text: "a sharpened blade", Role: "staff"}); v.Decision != None {
		t.Errorf("an adult at work is judged by a pupil's hints: %+v", v)
	}
}

func TestABadHintIsRefusedWithTheMend(t *testing.T) {
	for want, lines := range map[string]string{
		`acme/knives.yaml:11:18: weight "100"; want a whole number from 1 to 99`: "hints: [{weight: 100, any: [blade]}]\n",
		"acme/knives.yaml:11:9: no weight; add `weight: 30`":                     "hints: [{any: [blade]}]\n",
		"acme/knives.yaml:11:9: no any; add":                                     "hints: [{weight: 10}]\n",
		`hint "BLADE" is also in acme/knives.yaml:11`:                            "hints: [{weight: 10, any: [blade, BLADE]}]\n",
		`"x" has no word in it`:                                                  "hints: [{weight: 10, any: [x]}]\n",
	} {
		_, err := Compile(with("acme/knives.yaml", head+lines+"phrases: [{id: k-1, text: knife}]\ntests: {hit: [knife], miss: [a]}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
}

func TestHintsBesideManyOthersCostNoMoreThanTheirNumber(t *testing.T) {
	rs := hinting(t)
	unit := "blade nobody knows plug homework roller blade "
	cost := func(n int) int {
		j := &judging{}
		j.judge(rs, Input{Kind: event.Search, Text: strings.Repeat(unit, n)}, nil)
		return j.steps + j.words.Steps()
	}
	if small, large := cost(100), cost(1000); large > 12*small {
		t.Errorf("%d steps, ten times of it %d", small, large)
	}
}
