package rules

import (
	"strings"
	"testing"
)

func TestCheckFindsRulesThatAreThereInVain(t *testing.T) {
	for _, c := range []struct{ name, lines, want string }{
		{"a phrase twice", "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: Big-Knífe}\n", `acme/knives.yaml:13:5: phrase "Big-Knífe" is also in knives/k-1 (acme/knives.yaml:12)`},
		{"a form twice", "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: bigger knife, forms: [big knife]}\n", `phrase "big knife" is also in knives/k-1`},
		{"a phrase that its allow swallows", "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: knife block}\nallow: [a knife block, knife block]\n", `acme/knives.yaml:13:5: phrase "knife block" can never match: an allow phrase (acme/knives.yaml:14) covers it`},
		{"a phrase that asks for help", "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: help me}\n", `phrase "help me" can never match: it is part of words that ask for help`},
		{"a threshold out of reach", "threshold: 200\nphrases:\n  - {id: k-1, text: big knife}\n", `all phrases of "knives" weigh 100 together, which never reaches its threshold of 200`},
		{"a site both listed and allowed", "phrases: [{id: k-1, text: big knife}]\ndomains: [blades.example, {allow: [blades.example]}]\n", `acme/knives.yaml:12:11: domain "blades.example" is allowed in acme/knives.yaml:12`},
		{"a hit that an allow hides", "phrases: [{id: k-1, text: big knife}, {id: k-2, text: knife}]\nallow: [a big knife]\ntests: {hit: [a big knife], miss: [x]}\n", `search "a big knife" is not found by category "knives": knives/k-1 (acme/knives.yaml:11), masked by the allow phrase`},
		{"a hit out of scope", "scope: {years: [7]}\nphrases: [{id: k-1, text: big knife}]\ntests: {hit: [{search: big knife, year: 8}], miss: [x]}\n", ", not in its scope: years 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := c.lines
			if !strings.Contains(lines, "tests:") {
				lines += okTests
			}
			contains(t, checkOf(t, with("acme/knives.yaml", head+lines)), c.want)
		})
	}
}

// G6: a school may have one of two languages that share a word reviewed, and
// not the other.
func TestG06WordsThatTwoLanguagesShareStandInBoth(t *testing.T) {
	const portuguese = "extends: knives\nowner: a\nwhy: b\nlang: pt\nphrases: [{id: p-1, text: navalha grande}, {id: p-2, text: arma grande}]\ntests: {hit: [navalha grande], miss: [pão]}\n"
	files := with("acme/knives.yaml", head+"phrases: [{id: k-1, text: big knife}]\n"+okTests, "acme/pt.yaml", portuguese,
		"acme/es.yaml", "extends: knives\nowner: a\nwhy: b\nlang: es\nreviewed: true\nphrases: [{id: e-1, text: arma grande}]\ntests: {hit: [arma grande], miss: [pan]}\n")
	if got := checkOf(t, files); got != "" {
		t.Errorf("refused: %s", got)
	}
	want(t, "the one that is on", compile(t, files).search("arma grande"), Flag, "knives/e-1")
}

// A rule for the school's own or a graver form of a phrase is no mistake.
func TestCheckLetsStandWhatHasItsReason(t *testing.T) {
	for name, lines := range map[string]string{
		"the same words graver":      "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: big knife, severity: urgent}\n",
		"the same words in hosts":    "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: big knife, in: [host]}\n",
		"a longer phrase":            "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-2, text: a big knife}\n",
		"an allow about something":   "phrases:\n  - {id: k-1, text: big knife}\nallow: [big knife block]\n",
		"an allow in a context":      "phrases:\n  - {id: k-1, text: big knife}\nallow: [{text: big knife, near: [kitchen], within: 3}]\n",
		"several that reach it":      "threshold: 150\nphrases:\n  - {id: k-1, text: knife, weight: 75}\n  - {id: k-2, text: big, weight: 75}\n",
		"an allow for some only":     "phrases:\n  - {id: k-1, text: big knife}\n",
		"a site and its safe corner": "phrases: [{id: k-1, text: big knife}]\ndomains: [blades.example, {allow: [museum.blades.example]}]\n",
	} {
		if text := checkOf(t, with("acme/knives.yaml", head+lines+"tests: {hit: [a big knife], miss: [spoon, fork]}\n")); text != "" {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestG06EachLanguageHasAsManyOrdinaryLines(t *testing.T) {
	fr := func(tests string) string {
		return checkOf(t, with("acme/knives.yaml", head+"phrases: [{id: k-1, text: big knife}]\n"+okTests,
			"acme/fr.yaml", "extends: knives\nowner: a\nwhy: b\nlang: fr\nphrases: [{id: f-1, text: grand couteau}]\n"+tests))
	}
	contains(t, fr("tests: {hit: [grand couteau, un grand couteau], miss: [petit pain]}\n"), `language "fr" has 2 hit and 1 miss lines`)
	if text := fr("tests: {hit: [grand couteau], miss: [petit pain, grand pain]}\n"); text != "" {
		t.Error(text)
	}
	mixed := checkOf(t, with("acme/knives.yaml", head+"phrases: [{id: k-1, text: big knife}, {id: k-2, text: großes messer, lang: de}]\n"+okTests))
	contains(t, mixed, `language "de" has phrases and 0 hit and 0 miss lines`)
	mixed = checkOf(t, with("acme/knives.yaml", head+"phrases: [{id: k-1, text: big knife}, {id: k-2, text: großes messer, lang: de}]\n"+
		"tests: {hit: [big knife, {search: grosses messer, lang: de}], miss: [kniphofia, {search: messe, lang: de}]}\n"))
	if mixed != "" {
		t.Errorf("an unreviewed language is tried all the same: %s", mixed)
	}
	contains(t, checkOf(t, with("acme/knives.yaml", head+"phrases: [{id: k-1, text: big knife}]\ntests: {hit: [big knife, a big knife], miss: [x]}\n")), `language "en" has 2 hit and 1 miss lines`)
}

// Neither a scope nor an unreviewed language hides a rule from the protected
// lines, and no narrow allow hides a plea from its subject (G1, G5).
func TestG05NoScopeHidesARuleFromTheProtectedLines(t *testing.T) {
	text := checkOf(t, with("acme/knives.yaml", head+"scope: {roles: [staff], years: [13]}\naction: {staff: alert}\nphrases: [{id: k-1, text: gay, lang: fr}]\n"+
		"tests: {hit: [{search: gay, lang: fr}], miss: [{search: x, lang: fr}]}\n"))
	contains(t, text, `rule knives/k-1 hits the protected line "am i gay"`)
}

func TestG01NoNarrowAllowHidesAPlea(t *testing.T) {
	files := merged(shippedFiles(t), map[string][]byte{
		"school/pack.yaml": []byte("pack: our-school\ntitle: Our school\nversion: 1\n"),
		"school/su.yaml":   []byte("extends: suicide\nowner: x\nwhy: y\nscope: {groups: [11-drama]}\nallow: [i want to kill myself]\ntests: {hit: [], miss: [x]}\n"),
	})
	contains(t, checkOf(t, files), `is not flagged as urgent`)
}

func TestWhatADeviceOpenedCarriesNoTests(t *testing.T) {
	_, opened := both(t, with("acme/knives.yaml", head+okTests), nil)
	if ps := opened.Check(); ps != nil {
		t.Errorf("got %v", ps)
	}
}
