package policy_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"safelight/collector/policy"
	"safelight/internal/rules"
)

// graveMore has everything of the language that graveFile has not.
const graveMore = `extends: grave
owner: Designated Safeguarding Lead
why: More for tests.
scope: {years: [7, 8, 9], premises: on}
raise: [{repeats: 3, within: 1h, to: urgent}]
phrases:
  - {id: m-1, text: halfway words, weight: 60}
  - {id: m-2, all: [tight, rope], within: 5, weight: 60}
  - {id: m-3, text: mots bien graves, lang: fr, reviewed: false}
allow: [{text: tight, near: [trousers], within: 3}]
domains:
  - {list: far-list, url: "https://lists.example/names.txt", format: domains, licence: CC0-1.0, from: Invented Lists, max_shrink: 20%}
  - {lookalike_of: [ourschool.example]}
programs: [{name: tunnel.exe, signer: Invented Ltd}]
tests:
  hit: [halfway words on a tight rope]
  miss: [tight trousers, an ordinary line, one more]
`

func TestG07EveryPartOfTheLanguageIsReviewed(t *testing.T) {
	with := func(old, now string) *rules.Outline {
		files := both(t)
		files["mine/more.yaml"] = []byte(graveMore)
		if old != "" {
			text := string(files["mine/more.yaml"])
			if !strings.Contains(text, old) {
				t.Fatalf("no %q", old)
			}
			files["mine/more.yaml"] = []byte(strings.Replace(text, old, now, 1))
		}
		return outline(t, files)
	}
	for name, c := range map[string]struct {
		old, now, says string
		lowers, widens bool
	}{
		"fewer years":       {"years: [7, 8, 9]", "years: [7, 8]", "holds 2 phrases of Grave for fewer people, places or times", true, false},
		"more years":        {"years: [7, 8, 9]", "years: [7, 8, 9, 10]", "holds 2 phrases of Grave for more people, places or times", true, true}, // its allow phrase holds for more, too
		"home use":          {", premises: on", "", "holds 1 program of Grave for more people, places or times", true, true},
		"other times":       {"premises: on", "premises: on, when: [lesson]", "holds 2 phrases of Grave for fewer people, places or times", true, false},
		"no raise":          {"raise: [{repeats: 3, within: 1h, to: urgent}]\n", "", "makes less of what it finds of Grave graver", true, false},
		"less weight":       {"halfway words, weight: 60", "halfway words, weight: 50", "gives 1 phrase of Grave less weight", true, false},
		"nearer":            {"within: 5, weight", "within: 2, weight", "drops 1 phrase of Grave", true, false},
		"a language on":     {"reviewed: false", "reviewed: true", `begins to look for Grave in the language "fr"`, false, true},
		"a wider allow":     {"near: [trousers]", "near: [trousers, jacket]", "adds 1 allow phrase to Grave", true, false},
		"another list":      {"names.txt", "others.txt", "drops 1 list of Grave", true, true},
		"a looser guard":    {"max_shrink: 20%", "max_shrink: 90%", "lets 1 list of Grave change by more before anybody looks", true, false},
		"a signer gone":     {", signer: Invented Ltd", "", "drops 1 program of Grave", true, false},
		"a look-alike gone": {"  - {lookalike_of: [ourschool.example]}\n", "", "drops 1 protected name of Grave", true, false},
	} {
		r := policy.Review(with("", ""), with(c.old, c.now))
		if r.Lowering != c.lowers || r.Widening != c.widens || !slices.Contains(texts(r), c.says) {
			t.Errorf("%s: lowering %t, widening %t, says %q; want %t, %t, %q", name, r.Lowering, r.Widening, texts(r), c.lowers, c.widens, c.says)
		}
	}
	higher := outline(t, swapped(t, "mine/grave.yaml", "severity: urgent", "severity: urgent\nthreshold: 120"))
	if r := policy.Review(outline(t, both(t)), higher); !r.Lowering || r.Widening || r.Changes[0].Text != "raises the threshold of Grave from 100 to 120: fewer words are noticed" {
		t.Errorf("a higher threshold: %+v", r)
	}
	if r := policy.Review(higher, outline(t, both(t))); r.Lowering || !r.Widening {
		t.Errorf("a lower threshold: %+v", r)
	}
}

func TestG07OnePhraseInTwoPlacesHidesNoChange(t *testing.T) {
	// scoped is the grave category with the same words once more for each scope.
	scoped := func(scopes ...string) *rules.Outline {
		files := both(t)
		for i, scope := range scopes {
			files[fmt.Sprintf("mine/more%d.yaml", i)] = fmt.Appendf(nil, "extends: grave\nowner: DSL\nwhy: More.\nscope: {%s}\nphrases: [{id: m-%d, text: twice told}]\ntests: {hit: [twice told], miss: [an ordinary line, another]}\n", scope, i)
		}
		return outline(t, files)
	}
	for name, c := range map[string]struct {
		was, is        []string
		lowers, widens bool
	}{
		"the wider one goes":             {[]string{"years: [7]", "years: [7, 8]"}, []string{"years: [7]"}, true, false},
		"a wider one comes":              {[]string{"years: [7]"}, []string{"years: [7]", "years: [7, 8]"}, false, true},
		"one of three goes, none misses": {[]string{"years: [7], sites: [a]", "years: [8], sites: [b]", "years: [7], sites: [b]"}, []string{"years: [7], sites: [a]", "years: [8], sites: [b]"}, true, true},
		"nothing changes":                {[]string{"years: [7]", "years: [8]"}, []string{"years: [8]", "years: [7]"}, false, false},
	} {
		if r := policy.Review(scoped(c.was...), scoped(c.is...)); r.Lowering != c.lowers || r.Widening != c.widens {
			t.Errorf("%s: lowering %t, widening %t: %q", name, r.Lowering, r.Widening, texts(r))
		}
	}
}

func TestG07OneRaiseInTwoPlacesHidesNoChange(t *testing.T) {
	raising := func(years ...int) *rules.Outline {
		files := both(t)
		for i, year := range years {
			files[fmt.Sprintf("mine/more%d.yaml", i)] = fmt.Appendf(nil, "extends: grave\nowner: DSL\nwhy: More.\nscope: {years: [%d]}\nraise: [{repeats: 3, within: 1h, to: urgent}]\ntests: {hit: [grave words], miss: [an ordinary line, another]}\n", year)
		}
		return outline(t, files)
	}
	for _, left := range []int{7, 8} {
		if r := policy.Review(raising(7, 8), raising(left)); !r.Lowering {
			t.Errorf("only year %d is left: no lowering: %q", left, texts(r))
		}
	}
}

func TestG06AnUnreviewedLanguageIsNoWidening(t *testing.T) {
	files := both(t)
	files["mine/more.yaml"] = []byte("extends: grave\nowner: DSL\nwhy: More.\nlang: fr\nphrases: [{id: m-1, text: mots bien graves}]\ntests: {hit: [mots bien graves], miss: [mots doux]}\n")
	r := policy.Review(outline(t, both(t)), outline(t, files))
	if r.Lowering || r.Widening || !slices.Contains(texts(r), `has 1 phrases of Grave in the language "fr" that no speaker has reviewed: they stay off`) {
		t.Errorf("the review is %+v", r)
	}
}

// G1, G7: a weighed word that goes, weighs less, begins to speak against, or is no
// longer enough beside words that ask for help is a lowering; a file of them where
// there was none is a change of what is looked at.
func TestG07WeighedWordsAreReviewedWordByWord(t *testing.T) {
	const points, more = "60 brine\n50 pickled\n-20 recipe\n", "extends: grave\nowner: DSL\nwhy: More.\nweighed: [{id: w-1, file: weights/grave.txt}]\ntests: {hit: [brine pickled], miss: [brine]}\n"
	with := func(points, more string) *rules.Outline {
		files := both(t)
		files["mine/more.yaml"], files["mine/weights/grave.txt"] = []byte(more), []byte(points)
		return outline(t, files)
	}
	for name, c := range map[string]struct {
		points, more, says string
		lowers, widens     bool
	}{
		"goes":           {"60 brine\n50 jar\n-20 recipe\n", more, "drops 1 weighed word of Grave", true, false},
		"comes":          {points + "10 jar\n", more, "adds 1 weighed word to Grave", false, false},
		"weighs less":    {"60 brine\n45 pickled\n-20 recipe\n", more, "gives 1 weighed word of Grave less weight", true, false},
		"weighs more":    {"60 brine\n55 pickled\n-20 recipe\n", more, "gives 1 weighed word of Grave more weight", false, false},
		"speaks against": {points + "-10 jar\n", more, "adds 1 word that speaks against to Grave", true, false},
		"more against":   {"60 brine\n50 pickled\n-30 recipe\n", more, "gives 1 word that speaks against of Grave more weight", true, false},
		"less against":   {"60 brine\n50 pickled\n-10 recipe\n", more, "gives 1 word that speaks against of Grave less weight", false, false},
		"pleas":          {points, strings.Replace(more, ".txt}", ".txt, beside_help: 90}", 1), "takes more points than now beside 2 weighed words of Grave where words ask for help", true, false},
		"pleas sooner":   {points, strings.Replace(more, ".txt}", ".txt, beside_help: 50}", 1), "takes fewer points than now beside 2 weighed words of Grave where words ask for help", false, false},
		"milder":         {points, strings.Replace(more, ".txt}", ".txt, severity: low}", 1), "lowers 2 weighed words of Grave from urgent to low", true, false},
	} {
		r := policy.Review(with(points, more), with(c.points, c.more))
		if !slices.Contains(texts(r), c.says) || r.Lowering != c.lowers || r.Widening != c.widens {
			t.Errorf("%s: lowering %t, widening %t, says %q, want %q", name, r.Lowering, r.Widening, texts(r), c.says)
		}
	}
	turned := policy.Review(with(points, more), with("60 brine\n50 recipe\n-20 pickled\n", more))
	if !turned.Lowering || !slices.Contains(texts(turned), "drops 1 weighed word of Grave") || !slices.Contains(texts(turned), "adds 1 word that speaks against to Grave") {
		t.Errorf("a word that turned: %+v", turned)
	}
	if r := policy.Review(outline(t, both(t)), with(points, more)); !r.Widening || !slices.Contains(texts(r), "adds 2 weighed words to Grave, which had none") {
		t.Errorf("the first file: %+v", r)
	}
}

// What a review does not know of cannot be reviewed: whoever gives the language a
// new part adds it to the outline, to the review, and here.
func TestG07TheReviewKnowsEveryFieldThatJudges(t *testing.T) {
	for _, c := range []struct {
		of    any
		known []string
	}{
		{rules.Policy{}, []string{"Engine", "Packs", "Categories", "Scopes", "Rules", "Domains", "Sets", "Lists", "Programs", "Raises", "Lookalikes", "Protected", "Marks", "Addresses"}},
		{rules.PolicyCategory{}, []string{"Category", "Actions", "Threshold"}},
		{rules.Category{}, []string{"ID", "Title", "Noun", "About", "Why", "Owner", "Purpose", "Risk", "Severity", "Locked", "Pack", "FirstSteps", "Helplines"}},
		{rules.Rule{}, []string{"Kind", "ID", "Category", "Pack", "Tier", "Severity", "Weight", "Lang", "Reviewed", "Scope", "Search", "Host", "File", "Line", "number"}},
		{rules.Scope{}, []string{"Roles", "Years", "Groups", "Sites", "When", "Premises"}},
		{rules.ListSource{}, []string{"ID", "Rule", "Category", "Severity", "Pack", "URL", "File", "Format", "Member", "Licence", "From", "MaxShrink", "MaxGrow", "Refresh", "At"}},
		{rules.PolicyProgram{}, []string{"Rule", "Name", "OriginalName", "Path", "Signer", "SHA256"}},
		{rules.Raise{}, []string{"Category", "Repeats", "With", "Within", "To", "Scope", "File", "Line"}},
	} {
		of := reflect.TypeOf(c.of)
		for i := range of.NumField() {
			if name := of.Field(i).Name; !slices.Contains(c.known, name) {
				t.Errorf("%s.%s is new: say in OutlineOf and Review what it changes, then here that it is known", of.Name(), name)
			}
		}
	}
}
