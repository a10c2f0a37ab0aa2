package policy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/internal/rules"
)

// graveFile is a life-risk category to change in tests.
const graveFile = `category: grave
title: Grave
noun: grave
about: Made up for tests.
purpose: safeguarding
risk: life
severity: urgent
owner: Designated Safeguarding Lead
why: Somebody has to notice.
action: {pupil: alert, adult-learner: alert, contractor: note}
phrases:
  - {id: g-1, text: grave words, forms: [graver words]}
  - {id: g-2, text: other words, severity: high}
allow: [gravel words]
domains: [grave.test, {name: softer.test, severity: high}]
programs: [grave.exe]
first_steps: [See the pupil in person.]
tests:
  hit: [grave words]
  miss: [gravel words]
`

// both are the test pack's categories, one grave and one ordinary.
func both(t testing.TB) map[string][]byte {
	files := pack(t, "flagged.test")
	files["mine/grave.yaml"] = []byte(graveFile)
	files["mine/noise.yaml"] = []byte("marks: noise\ntitle: Noise\nwhy: Nobody chose it.\ndomains: [noise.test]\n")
	return files
}

func outline(t testing.TB, files map[string][]byte) *rules.Outline {
	t.Helper()
	o, err := rules.OutlineOf(files)
	must(t, err)
	return o
}

// swapped is both with a piece of one file replaced.
func swapped(t testing.TB, file, old, now string) map[string][]byte {
	t.Helper()
	files := both(t)
	text := string(files[file])
	if !strings.Contains(text, old) {
		t.Fatalf("%s has no %q", file, old)
	}
	files[file] = []byte(strings.Replace(text, old, now, 1))
	return files
}

func texts(r model.RuleReview) []string {
	var all []string
	for _, c := range r.Changes {
		all = append(all, c.Text)
	}
	return all
}

func TestG07ALoweringIsSeenWhereverItHides(t *testing.T) {
	for old, c := range map[string]struct{ now, says string }{
		"severity: urgent":             {"severity: high", "lowers Grave from urgent to high"},
		"risk: life":                   {"risk: ordinary", "calls the risk of Grave ordinary, no longer life"},
		"purpose: safeguarding":        {"purpose: behaviour", "looks for Grave for behaviour, no longer for safeguarding: other people are told"},
		"pupil: alert":                 {"pupil: note", "keeps on the device what it notices of pupils for Grave: nobody is told"},
		"pupil: alert,":                {"pupil: none,", "no longer looks at pupils for Grave"},
		"contractor: note":             {"contractor: none", "no longer looks at contractors for Grave"},
		", forms: [graver words]":      {"", "drops 1 phrase of Grave"},
		"text: grave words":            {"text: grave words too", "drops 1 phrase of Grave"},
		"text: other words":            {"text: other words, in: [host]", "no longer looks for 1 phrase of Grave in search words"},
		"other words, severity: high":  {"other words, severity: low", "lowers 1 phrase of Grave from high to low"},
		"[gravel words]\ndomains":      {"[gravel words, grave words of songs]\ndomains", "adds 1 allow phrase to Grave"},
		"softer.test, severity: high}": {"softer.test, severity: medium}", "lowers 1 domain of Grave from high to medium"},
		"[grave.test, ":                {"[", "drops 1 domain of Grave"},
		"[grave.test, {":               {"[grave.test, {allow: [fine.grave.test]}, {", "adds 1 allowed domain to Grave"},
		"programs: [grave.exe]\n":      {"", "drops 1 program of Grave"},
	} {
		after := outline(t, swapped(t, "mine/grave.yaml", old, c.now))
		r := policy.Review(outline(t, both(t)), after)
		if !r.Lowering || !slices.Contains(texts(r), c.says) {
			t.Errorf("%q to %q: lowering %t, says %q, want %q", old, c.now, r.Lowering, texts(r), c.says)
		}
		if back := policy.Review(after, outline(t, both(t))); back.Lowering && !strings.Contains(c.now, "too") && !strings.Contains(c.now, "in: [") {
			t.Errorf("%q back to %q is a lowering too: %q", c.now, old, texts(back))
		}
	}
	files := both(t)
	delete(files, "mine/grave.yaml")
	if r := policy.Review(outline(t, both(t)), outline(t, files)); !r.Lowering || texts(r)[0] != "drops the category Grave altogether" {
		t.Errorf("dropping it: %+v", r)
	}
	r := policy.Review(outline(t, both(t)), outline(t, swapped(t, "mine/noise.yaml", "[noise.test]", "[noise.test, louder.test]")))
	if !r.Lowering || texts(r)[0] != "marks 1 more name as noise" {
		t.Errorf("wider noise: %+v", r)
	}
}

// Allow phrases and what stands near them are read in other spellings and through
// sets too: "suicide" read as "suicide squad" is hidden by an allow of the film.
func TestG07AWordThatMayHideAnotherIsALowering(t *testing.T) {
	with := func(words string) *rules.Outline {
		files := swapped(t, "mine/grave.yaml", "[gravel words]\ndomains", "[gravel words, {text: grave words, near: [$songs], within: 4}]\ndomains")
		files["mine/words.yaml"] = []byte("words: mine\ntitle: Ours\nwhy: One list.\n" + words)
		return outline(t, files)
	}
	const sets = "sets: [{set: songs, any: [song, $bands]}, {set: bands, any: [choir%s]}]\n"
	before := with("spellings: [{means: grave words, typed: [gw]}]\n" + fmt.Sprintf(sets, ""))
	for says, words := range map[string]string{
		"reads 1 more spelling of words":      "spellings: [{means: grave words, typed: [gw]}, {means: gravel words, typed: [grave]}]\n" + fmt.Sprintf(sets, ""),
		"no longer reads 1 spelling of words": fmt.Sprintf(sets, ""),
		"adds 1 allow phrase to Grave":        "spellings: [{means: grave words, typed: [gw]}]\n" + fmt.Sprintf(sets, ", please"),
	} {
		if r := policy.Review(before, with(words)); !r.Lowering || !slices.Contains(texts(r), says) {
			t.Errorf("lowering %t, says %q, want %q", r.Lowering, texts(r), says)
		}
	}
}

// Of two rules on a site the school's is told, then the one on the longer name:
// a milder one that is added lowers the graver one.
func TestG07AMilderRuleAboveAGraverOneIsALowering(t *testing.T) {
	const says = "tells of some sites of Grave less gravely than now, by 1 new rule that stands above graver ones"
	for name, c := range map[string]struct {
		file, domains string
		lowers        bool
	}{
		"beneath it":                   {"mine/more.yaml", "{name: www.grave.test, severity: low}", true},
		"beneath it, as grave":         {"mine/more.yaml", "www.grave.test", false},
		"elsewhere":                    {"mine/more.yaml", "{name: xgrave.test, severity: low}", false},
		"above a pack's":               {"mine/more.yaml", "{name: shipped.test, severity: low}", true},
		"above a pack's, in the pack":  {"starter/more.yaml", "{name: shipped.test, severity: low}", false},
		"beneath the school's, a pack": {"starter/more.yaml", "{name: www.grave.test, severity: low}", false},
		"in a list":                    {"mine/more.yaml", "{list: far-list, severity: low, url: 'https://lists.example/names.txt', format: domains, licence: CC0-1.0, from: Invented Lists}", true},
	} {
		with := func(more string) *rules.Outline {
			files := both(t)
			files["starter/pack.yaml"] = []byte("pack: starter\ntitle: Shipped\nversion: 1\n")
			files["starter/deep.yaml"] = []byte("extends: grave\nowner: DSL\nwhy: Shipped.\ndomains: [deep.shipped.test]\ntests: {hit: [{domain: deep.shipped.test}], miss: [an ordinary line]}\n")
			if more != "" {
				files[c.file] = fmt.Appendf(nil, "extends: grave\nowner: DSL\nwhy: More.\ndomains: [%s]\ntests: {hit: [grave words], miss: [an ordinary line]}\n", more)
			}
			return outline(t, files)
		}
		r := policy.Review(with(""), with(c.domains))
		if r.Lowering != c.lowers || slices.Contains(texts(r), says) != c.lowers {
			t.Errorf("%s: lowering %t, says %q; want %t", name, r.Lowering, texts(r), c.lowers)
		}
	}
}

func TestG07AWideningIsSeen(t *testing.T) {
	var many []string
	for n := range 25 {
		many = append(many, fmt.Sprintf("site%d.test", n))
	}
	for name, c := range map[string]struct{ file, old, now, says string }{
		"a role":                {"mine/grave.yaml", "adult-learner: alert", "adult-learner: alert, staff: alert", "looks at staff for Grave"},
		"from device to school": {"mine/grave.yaml", "contractor: note", "contractor: alert", "tells somebody what it notices of contractors for Grave, which stayed on the device before"},
		"first phrases":         {"mine/test.yaml", "domains: [flagged.test]", "domains: [flagged.test]\nphrases: [{id: t-1, text: new words}]", "adds 1 phrase to Test, which had none"},
		"many domains":          {"mine/test.yaml", "[flagged.test]", "[flagged.test, " + strings.Join(many, ", ") + "]", "adds 25 domains to Test: so many are a list"},
		"phrases in hosts":      {"mine/grave.yaml", "text: other words", "text: other words, in: [search, host]", "looks for 1 phrase of Grave in names of sites too"},
	} {
		r := policy.Review(outline(t, both(t)), outline(t, swapped(t, c.file, c.old, c.now)))
		if !r.Widening || r.Lowering || !slices.Contains(texts(r), c.says) {
			t.Errorf("%s: widening %t, lowering %t, says %q, want %q", name, r.Widening, r.Lowering, texts(r), c.says)
		}
	}
	before := both(t)
	delete(before, "mine/test.yaml")
	r := policy.Review(outline(t, before), outline(t, both(t)))
	if !r.Widening || r.Lowering || texts(r)[0] != "adds the category Test (safeguarding, medium): 1 domain; looks at pupils and adult learners" {
		t.Errorf("a new category: %+v", r)
	}
	first := policy.Review(nil, outline(t, both(t)))
	if !first.Widening || first.Lowering {
		t.Errorf("the first rules of all: %+v", first)
	}
}

func TestWordingTestsAndSomewhatStricterRulesTakeOnePerson(t *testing.T) {
	for name, c := range map[string]struct{ file, old, now, says string }{
		"wording":              {"mine/grave.yaml", "Made up for tests.", "Made up.", "changes the about of Grave"},
		"tests":                {"mine/grave.yaml", "hit: [grave words]", "hit: [grave words, graver words]", "changes the tests of Grave"},
		"more phrases":         {"mine/grave.yaml", "forms: [graver words]", "forms: [graver words, gravest words]", "adds 1 phrase to Grave"},
		"graver":               {"mine/test.yaml", "severity: medium", "severity: high", "raises Test from medium to high"},
		"an allow less":        {"mine/grave.yaml", "allow: [gravel words]\n", "", "drops 1 allow phrase of Grave"},
		"an ordinary one less": {"mine/test.yaml", "[flagged.test]", "[other.test]", "drops 1 domain of Test"},
	} {
		r := policy.Review(outline(t, both(t)), outline(t, swapped(t, c.file, c.old, c.now)))
		if r.Widening || r.Lowering || !slices.Contains(texts(r), c.says) {
			t.Errorf("%s: widening %t, lowering %t, says %q, want %q", name, r.Widening, r.Lowering, texts(r), c.says)
		}
	}
	if r := policy.Review(outline(t, both(t)), outline(t, both(t))); len(r.Changes) != 0 || r.Changes == nil {
		t.Errorf("no change is %+v", r)
	}
}

func TestAReviewNamesEachPhraseAndIsTheSameEachTime(t *testing.T) {
	after := swapped(t, "mine/grave.yaml", "forms: [graver words]", "forms: [gravest words, more words]")
	maps.Copy(after, map[string][]byte{"mine/pack.yaml": []byte("pack: mine\ntitle: Test pack\nversion: 2\n")})
	first := policy.Review(outline(t, both(t)), outline(t, after))
	for range 20 {
		if again := policy.Review(outline(t, both(t)), outline(t, after)); fmt.Sprint(again) != fmt.Sprint(first) {
			t.Fatalf("once %+v, then %+v", first, again)
		}
	}
	if !slices.Equal(texts(first), []string{"drops 1 phrase of Grave", "adds 2 phrases to Grave", "takes version 2 of the pack mine, after version 1"}) ||
		!slices.Equal(first.Changes[1].Items, []string{"gravest words", "more words"}) || first.Changes[0].Category != "grave" {
		t.Errorf("the review is %+v", first)
	}
}
