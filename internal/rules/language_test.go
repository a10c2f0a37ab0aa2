package rules

import (
	"slices"
	"strings"
	"testing"

	"safelight/internal/event"
)

func TestWeakPhrasesFlagTogetherOnly(t *testing.T) {
	rs := rulesFor(t, "threshold: 120\nphrases:\n  - {id: k-1, text: sharp, forms: [pointy], weight: 60}\n  - {id: k-2, text: hide it, weight: 60, severity: low}\n  - {id: k-3, text: machete, weight: 120}\n"+okTests)
	for text, rule := range map[string]string{
		"a sharp one": "", "sharp sharp pointy": "", "hide it": "", "sharp, so hide it": "knives/k-1", "hide it, it is pointy": "knives/k-1", "machete": "knives/k-3",
	} {
		decision := Flag
		if rule == "" {
			decision = None
		}
		want(t, text, rs.search(text), decision, rule)
	}
	v := rs.search("Sharp so HIDE it")
	if len(v.Evidence) != 1 || v.Evidence[0] != (Evidence{"knives/k-2", "HIDE it", 60}) || v.Severity != event.High {
		t.Errorf("got %+v", v)
	}
	want(t, "a masked phrase counts nothing", rulesFor(t, "threshold: 120\nallow: [sharp pencil]\nphrases:\n  - {id: k-1, text: sharp, weight: 60}\n  - {id: k-2, text: hide it, weight: 60}\n"+okTests).search("sharp pencil hide it"), None, "")
}

func TestWordsApartAreFoundNearEachOtherOnly(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, all: [noose, tie], within: 3}\n"+okTests)
	for text, decision := range map[string]Decision{
		"tie a noose": Flag, "noose how to tie": Flag, "noose and one two three tie": None, "noose": None, "tie": None, "n00se t1e": Flag,
	} {
		if v := rs.search(text); v.Decision != decision {
			t.Errorf("%q: %+v", text, v)
		}
	}
	if v := rs.search("how to tie the NOOSE now"); v.Match != "tie the NOOSE" {
		t.Errorf("span %q", v.Match)
	}
}

func TestPartsOfWordsAreFoundWhereAskedOnly(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: machete, match: part, in: [host]}\n  - {id: k-2, text: dagger, match: part}\n"+okTests)
	want(t, "host", rs.host("supermachetes.example.com"), Note, "knives/k-1")
	want(t, "search not asked for", rs.search("supermachetes"), None, "")
	want(t, "search", rs.search("mydaggers"), Flag, "knives/k-2")
	want(t, "host not asked for", rs.host("mydaggers.example.com"), None, "")
	want(t, "last label", rs.host("shop.machetes"), None, "")
}

func TestAContextMasksItsHeadOnly(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: kill}\n  - {id: k-2, text: kill them all}\nallow:\n  - {text: kill, near: [process, python], within: 4}\n"+okTests)
	want(t, "near", rs.search("how to kill a python process"), None, "")
	want(t, "too far away", rs.search("process that will not ever die kill"), Flag, "knives/k-1")
	want(t, "not near", rs.search("kill my brother"), Flag, "knives/k-1")
	want(t, "the rest stands", rs.search("python process kill them all"), Flag, "knives/k-2")
}

func TestG06ALanguageThatNobodyReviewedIsOff(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: couteau papillon, lang: fr}\n  - {id: k-2, text: messer, lang: de, reviewed: true}\n  - {id: k-3, text: butterfly knife}\n  - {id: k-4, text: flick knife, reviewed: false}\n"+okTests)
	want(t, "off", rs.search("couteau papillon"), None, "")
	want(t, "reviewed", rs.search("messer"), Flag, "knives/k-2")
	want(t, "English is reviewed by who writes it", rs.search("butterfly knife"), Flag, "knives/k-3")
	want(t, "unless it says not", rs.search("flick knife"), None, "")
	v := rs.Judge(Input{Kind: event.Search, Text: "couteau papillon", Unreviewed: true})
	want(t, "asked for", v, Flag, "knives/k-1")
	contains(t, v.Why, "in a language (fr) that no speaker has reviewed")

	files := with("acme/knives.yaml", head+"phrases:\n  - {id: k-1, text: big knife}\n"+okTests,
		"acme/fr.yaml", "extends: knives\nowner: a\nwhy: b\nlang: fr\nphrases: [{id: f-1, text: grand couteau}]\nallow: [big knife]\ntests: {hit: [grand couteau], miss: [petit pain]}\n")
	want(t, "its allow phrases are off too", compile(t, files).search("big knife"), Flag, "knives/k-1")
}

// "Not yet" must not switch a language on.
func TestG06AReviewNamesWhoAndWhen(t *testing.T) {
	phrase := func(reviewed string) string {
		return "phrases: [{id: k-1, text: messer, lang: de, reviewed: " + reviewed + "}]\n" + okTests
	}
	for reviewed, decision := range map[string]Decision{
		"none": None, "false": None, "true": Flag, "a teacher of German and the DSL 2026-11-22": Flag,
	} {
		if v := rulesFor(t, phrase(reviewed)).search("messer"); v.Decision != decision {
			t.Errorf("reviewed: %s: %+v", reviewed, v)
		}
	}
	for _, bad := range []string{"not yet", "pending 2026", "2026-11-22", "Nobody 2026-13-41", "[a]"} {
		contains(t, problemsOf(t, with("acme/knives.yaml", head+phrase(bad))), "acme/knives.yaml:11:55: reviewed")
	}
	rs := compile(t, with("acme/knives.yaml", head+okTests, "acme/de.yaml",
		"extends: knives\nowner: a\nwhy: b\nlang: de\nreviewed: none\nphrases: [{id: d-1, text: grosses messer}]\ntests: {hit: [grosses messer], miss: [brot]}\n"))
	want(t, "a file of a language that nobody has read", rs.search("grosses messer"), None, "")
}

func TestAVerdictSaysHowTheWordsWereRead(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: self harm}\n"+okTests)
	v := rs.search("my s3lf h4rm")
	if v.Match != "s3lf h4rm" || v.ReadAs != "self harm" || !slices.Equal(v.How, []string{"digits read as letters"}) {
		t.Errorf("got %+v", v)
	}
	v = rs.search("self harm")
	if v.ReadAs != "" || len(v.How) != 0 {
		t.Errorf("nothing was read into it: %+v", v)
	}
}

func TestG02WhoSeesNoSearchesSaysSo(t *testing.T) {
	rs := rulesFor(t, "domains: [blades.example]\nphrases: [{id: k-1, text: big knife}]\n"+okTests)
	v := rs.Judge(Input{Kind: event.Domain, Text: "blades.example", NoSearches: true})
	if !slices.Contains(v.NotSeen, "sites and programs only; searches are not seen") {
		t.Errorf("got %q", v.NotSeen)
	}
	v = rs.Judge(Input{Kind: event.Domain, Text: "blades.example"})
	if slices.Contains(v.NotSeen, SearchesUnseen) {
		t.Errorf("got %q", v.NotSeen)
	}
}

// S117: that a site has no filter marks the event and nothing else.
func TestASiteWithoutAFilterOnlyMarksTheVerdict(t *testing.T) {
	rs := rulesFor(t, "domains: [blades.example]\n"+okTests)
	with, without := rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Unfiltered: true}), rs.host("blades.example")
	if !with.Unfiltered || without.Unfiltered {
		t.Error("the mark is wrong")
	}
	if with.Severity != without.Severity || with.Decision != without.Decision || with.Why != without.Why {
		t.Errorf("more than the mark changed: %+v", with)
	}
	if rs.Judge(Input{Kind: event.Domain, Text: "fine.example", Unfiltered: true}).Unfiltered {
		t.Error("nothing was found, and it is marked")
	}
}

func TestTheNewLanguageSaysWhereAndHowToMend(t *testing.T) {
	for _, c := range []struct{ name, lines, want string }{
		{"a key that is nearly right", "phrazes: []\n" + okTests, `unknown key "phrazes"; did you mean "phrases"? want one of`},
		{"threshold of nothing", "threshold: 0\n" + okTests, `acme/knives.yaml:11:12: threshold "0"; want a whole number from 1 to 10000`},
		{"weight of words", "phrases: [{id: k-1, text: a1 b, weight: heavy}]\n" + okTests, `weight "heavy"; want a whole number from 1 to 1000`},
		{"all without within", "phrases: [{id: k-1, all: [a1, b2]}]\n" + okTests, "`all` without `within`; add `within: 5`"},
		{"within without all", "phrases: [{id: k-1, text: big, within: 3}]\n" + okTests, "`within` without `all`"},
		{"all and text", "phrases: [{id: k-1, text: big, all: [a1, b2], within: 3}]\n" + okTests, "both `all` and words of its own"},
		{"one word apart", "phrases: [{id: k-1, all: [a1], within: 3}]\n" + okTests, "`all` with 1 words; want from 2"},
		{"words apart that share a word", "phrases: [{id: k-1, all: [big cat, big dog], within: 3}]\n" + okTests, `share the word "big"`},
		{"a part of three letters", "phrases: [{id: k-1, text: ass, match: part}]\n" + okTests, "`match: part` for \"ass\"; want one word of at least 4 letters"},
		{"a part of two words", "phrases: [{id: k-1, text: big knife, match: part}]\n" + okTests, "want one word of at least 4 letters"},
		{"a phrase that looks nowhere", "phrases: [{id: k-1, text: big, in: []}]\n" + okTests, "a phrase that looks nowhere"},
		{"an odd language", "lang: Frenchish!\n" + okTests, `lang "Frenchish!"; want a language as BCP 47`},
		{"an allow context without within", "allow: [{text: kill, near: [process]}]\n" + okTests, "with neither `near` nor `within`"},
		{"file outside the pack", "domains: [{file: ../other/a.txt}]\n" + okTests, "want a text file of this pack"},
		{"file that is not there", "domains: [{file: lists/a.txt}]\n" + okTests, `file "acme/lists/a.txt" is not there`},
		{"list without a licence", "domains: [{list: l-1, url: 'https://lists.example/x', format: domains}]\n" + okTests, "no licence; add a line"},
		{"list without a url", "domains: [{list: l-1, format: domains, licence: CC0}]\n" + okTests, "no url"},
		{"list by a wrong scheme", "domains: [{list: l-1, url: 'ftp://lists.example/x', format: domains, licence: CC0}]\n" + okTests, "want where the list is published"},
		{"list with a password", "domains: [{list: l-1, url: 'https://a:b@lists.example/x', format: domains, licence: CC0}]\n" + okTests, "want where the list is published"},
		{"list of an unknown format", "domains: [{list: l-1, url: 'https://lists.example/x', format: pdf, licence: CC0}]\n" + okTests, `format "pdf"; want one of domains, hosts`},
		{"guard without a per cent", "domains: [{list: l-1, url: 'https://lists.example/x', format: domains, licence: CC0, max_shrink: 20}]\n" + okTests, `max_shrink "20"; want a share such as 20%`},
		{"refresh too often", "domains: [{list: l-1, url: 'https://lists.example/x', format: domains, licence: CC0, refresh: 5s}]\n" + okTests, `refresh "5s"; want at least 10m`},
		{"list twice", "domains:\n  - {list: l-1, url: 'https://lists.example/x', format: domains, licence: CC0}\n  - {list: l-1, url: 'https://lists.example/y', format: domains, licence: CC0}\n" + okTests, `list "l-1" is also in acme/knives.yaml:12`},
		{"a program by nothing", "programs: [{severity: low}]\n" + okTests, "a program by nothing"},
		{"a hash too short", "programs: [{sha256: abc}]\n" + okTests, `sha256 "abc"; want 64 hexadecimal digits`},
		{"raise without to", "raise: [{repeats: 3, within: 1h}]\n" + okTests, "no to; add `to:`"},
		{"raise without within", "raise: [{repeats: 3, to: high}]\n" + okTests, "no within"},
		{"raise with both", "raise: [{repeats: 3, with: [a], within: 1h, to: high}]\n" + okTests, "both or neither of `repeats` and `with`"},
		{"raise with once", "raise: [{repeats: 1, within: 1h, to: high}]\n" + okTests, `repeats "1"; want a whole number from 2`},
		{"raise beyond what devices remember", "raise: [{repeats: 31, within: 1h, to: high}]\n" + okTests, `repeats "31"; want a whole number from 2 to 30`},
		{"raise over a year", "raise: [{repeats: 2, within: 400d, to: high}]\n" + okTests, `within "400d"; want a time such as 30m, 24h or 7d, at most 7d`},
		{"raise with nobody", "raise: [{with: [spoons], within: 1h, to: high}]\n" + okTests, `with "spoons", which no pack here defines`},
		{"a test as nobody", "tests: {hit: [{search: big knife, role: teacher}], miss: [x]}\n", `role "teacher"; want one of pupil`},
		{"a test at no time", "tests: {hit: [{search: big knife, at: noon}], miss: [x]}\n", `at "noon"; want a time such as`},
		{"look-alikes of one another", "domains: [{lookalike_of: [our-school.example, our-schoo1.example]}]\n" + okTests, "look alike themselves"},
	} {
		t.Run(c.name, func(t *testing.T) {
			contains(t, problemsOf(t, with("acme/knives.yaml", head+c.lines)), c.want)
		})
	}
}

func TestEveryMistakeOfAFileIsToldAtOnce(t *testing.T) {
	text := problemsOf(t, with("acme/knives.yaml", head+"threshold: x\nscope: {years: [99]}\nphrases: [{id: K, text: big}]\nraise: [{}]\n"+okTests))
	if n := strings.Count(text, "\n") + 1; n < 5 {
		t.Errorf("%d problems:\n%s", n, text)
	}
}
