package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"safelight/internal/event"
	"safelight/internal/rules/weighed"
)

// summing is a category with a phrase and weighed words.
func summing(t testing.TB) *Ruleset {
	return compile(t, with("acme/lists/points.txt", `# words that together are of knives
40 blade
45 nobody knows   # where
30 sleeve
-50 homework
20 sharp blade
`, "acme/knives.yaml", head+`
phrases: [{id: k-1, text: machete}]
weighed: [{id: k-w, file: lists/points.txt, severity: low}]
allow: [roller blade]
tests: {hit: [machete, a blade nobody knows up my sleeve], miss: [blade homework, a blade]}
`, "school/words.yaml", "words: own\ntitle: T\nwhy: W\nspellings: [{means: blade, typed: [blaydd]}, {means: nobody knows, typed: [nk]}]\n"))
}

func TestWordsThatSayLittleEachFlagTogether(t *testing.T) {
	rs := summing(t)
	for text, want := range map[string]string{
		"a BLADE nobody knows up my sleeve":                           "knives/k-w",
		"bl4de nobody kn0ws, sleeve":                                  "knives/k-w", // digits
		"blaydd nk sleeve":                                            "knives/k-w", // other spellings
		"b.l.a.d.e nobody knows sleeve":                               "knives/k-w", // put together
		"blade nobody knows":                                          "",           // 85
		"sharp blade nobody knows":                                    "knives/k-w", // 105
		"blade sharp nobody knows":                                    "",
		"blade nobody knows sleeve homework":                          "",
		"roller blade nobody knows sleeve":                            "", // allowed, so it counts for nothing
		"machete nobody knows sleeve blade":                           "knives/k-1",
		"blade blade blade":                                           "",
		"sharp blade nobody knows" + strings.Repeat(" and so on", 8):  "", // 105 of 175: an essay is no search
		"blade" + strings.Repeat(" the", 16) + " nobody knows sleeve": "",
	} {
		if got := rs.search(text); got.Rule != want {
			t.Errorf("%q: %q, want %q", text, got.Rule, want)
		}
	}
	v := rs.search("my sharp blade, nobody knows")
	var words []string
	for _, e := range v.Evidence {
		words = append(words, fmt.Sprint(e.Match, " ", e.Weight))
	}
	if got := strings.Join(words, ", "); got != "nobody knows 45, blade 40, sharp blade 20" {
		t.Errorf("evidence %s", got)
	}
	if v.Severity != event.Low || v.Match != "sharp blade, nobody knows" || v.Decision != Flag {
		t.Errorf("%+v", v)
	}
	// G15: what is told is a likeness, and says so.
	if want := "a search holds words that together are often on the knives list; each by itself has ordinary uses"; v.Why != want {
		t.Errorf("why: %s", v.Why)
	}
	if v := rs.Judge(Input{Kind: event.Domain, Text: "sharp-blade-nobody-knows.example"}); v.Decision != None {
		t.Errorf("a host is weighed: %+v", v)
	}
	if v := rs.Judge(Input{Kind: event.Search, Text: "sharp blade nobody knows", Role: "staff"}); v.Decision != None {
		t.Errorf("an adult at work is judged by a pupil's list (G9): %+v", v)
	}
}

// G1: words that ask for help mask themselves and no more.
func TestG01WeighedWordsBesideAHelplineAreUrgent(t *testing.T) {
	rs := summing(t)
	for _, text := range []string{"childline sharp blade nobody knows", "childline nobody knows sleeve", "childline sharp blade"} { // 105, 75 and 60
		v := rs.search(text)
		if v.Severity != event.Urgent || !v.Help {
			t.Errorf("%q: %+v", text, v)
		}
		// G15: of words that are on no list it is not said that they are.
		if want := "a search holds words that together are often on the knives list, and other words in it ask for help: it reads as somebody asking for help"; v.Why != want {
			t.Errorf("%q: why: %s", text, v.Why)
		}
	}
	strict := compile(t, with("acme/lists/points.txt", "60 blade\n50 sleeve\n30 edge\n90 brand\n", "acme/knives.yaml",
		head+"phrases: [{id: k-1, text: machete}]\nweighed: [{id: k-w, file: lists/points.txt, beside_help: 85}]\ntests: {hit: [machete], miss: [a]}\n"))
	if a, b := strict.search("childline sleeve edge"), strict.search("childline blade edge"); a.Decision != None || b.Decision != Flag {
		t.Errorf("80 and 90 of 85 beside a plea: %+v, %+v", a, b)
	}
	if v := strict.search("childline brand"); v.Decision != None {
		t.Errorf("one word flags beside a plea: %+v", v)
	}
	for _, text := range []string{"nobody knows sleeve", "childline blade"} { // without a plea, and too little beside one
		if v := rs.search(text); v.Decision != None {
			t.Errorf("%q: %+v", text, v)
		}
	}
}

func TestExplainSaysWhatEachWordWeighed(t *testing.T) {
	e := summing(t).Explain(Input{Kind: event.Search, Text: "sharp blade nobody knows sleeve homework machete"})
	if e.Verdict.Rule != "knives/k-1" {
		t.Fatalf("%+v", e.Verdict)
	}
	e = summing(t).Explain(Input{Kind: event.Search, Text: "sharp blade nobody knows sleeve"})
	if len(e.Findings) != 1 || e.Findings[0].Weight != 135 || strings.Join(e.Findings[0].How, ", ") != "blade +40, sharp blade +20, nobody knows +45, sleeve +30" {
		t.Errorf("%+v", e.Findings)
	}
}

// Stretches of a text overlap, and a text with digits is read more than once: a sum is
// one finding all the same.
func TestExplainTellsOfASumOnce(t *testing.T) {
	rs := compile(t, with("acme/lists/points.txt", "90 blade\n90 sleeve\n90 edge\n", "acme/knives.yaml",
		head+"phrases: [{id: k-1, text: machete}]\nweighed: [{id: k-w, file: lists/points.txt}]\ntests: {hit: [machete], miss: [a]}\n"))
	for _, text := range []string{"we saw it at 9 and then so an edge of a blade up his sleeve and on and on", "blade edge 4 sure"} {
		if e := rs.Explain(Input{Kind: event.Search, Text: text}); len(e.Findings) != 1 || !e.Findings[0].Won {
			t.Errorf("%q: %+v", text, e.Findings)
		}
	}
}

func TestABadFileOfWeighedWordsIsRefusedWithTheMend(t *testing.T) {
	for want, text := range map[string]string{
		`acme/lists/points.txt:2:1: points "blade"; want a whole number from 1 to 90`: "50 a b\nblade 40\n60 c\n",
		`acme/lists/points.txt:1:1: points "91"`:                                      "91 blade\n50 a\n50 b\n",
		`acme/lists/points.txt:1:1: "40 one two three" is 3 words; want the points`:   "40 one two three\n",
		`acme/lists/points.txt:2:1: "blade" is also in line 1; keep one`:              "60 blade\n60 BLADE\n50 a\n",
		`acme/lists/points.txt:1:1: all points together are 60 and never reach 100`:   "60 blade\n",
		`acme/lists/points.txt:1:1: text is not UTF-8`:                                "60 bl\xffde\n",
	} {
		_, err := Compile(with("acme/lists/points.txt", text, "acme/knives.yaml", head+"weighed: [{id: k-w, file: lists/points.txt}]\ntests: {hit: [], miss: [a]}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
	for want, lines := range map[string]string{
		`file "acme/lists/none.txt" is not there`:        "weighed: [{id: k-w, file: lists/none.txt}]\n",
		`file "../points.txt"; want a text file of this`: "weighed: [{id: k-w, file: ../points.txt}]\n",
		`no id`:                                "weighed: [{file: lists/points.txt}]\n",
		`id "k-1" is also in acme/knives.yaml`: "phrases: [{id: k-1, text: knife}]\nweighed: [{id: k-1, file: lists/points.txt}]\n",
	} {
		_, err := Compile(with("acme/lists/points.txt", "60 blade\n60 sleeve\n", "acme/knives.yaml", head+lines+"tests: {miss: [a]}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
}

// G6: weighed words of a language that nobody reviewed are off.
func TestG06WeighedWordsAreOffUntilReviewed(t *testing.T) {
	rs := compile(t, with("acme/lists/points.txt", "60 blade\n60 sleeve\n", "acme/knives.yaml",
		head+"phrases: [{id: k-1, text: knife}]\nweighed: [{id: k-w, file: lists/points.txt, lang: pl}]\ntests: {hit: [{search: blade sleeve, lang: pl}], miss: [{search: a, lang: pl}]}\n"))
	if v := rs.search("blade sleeve"); v.Decision != None {
		t.Errorf("%+v", v)
	}
	if v := rs.Judge(Input{Kind: event.Search, Text: "blade sleeve", Unreviewed: true}); v.Rule != "knives/k-w" || !strings.Contains(v.Why, "a language (pl) that no speaker has reviewed") {
		t.Errorf("%+v", v)
	}
}

// G5: what nothing may flag may not be flagged by a sum either.
func TestG05ASumThatHitsAProtectedLineIsRefused(t *testing.T) {
	rs := compile(t, with("acme/lists/points.txt", "60 am i\n60 gay\n", "acme/knives.yaml", head+"weighed: [{id: k-w, file: lists/points.txt}]\ntests: {hit: [am i gay], miss: [a]}\n"))
	ps := Problems(rs.Check()).Error()
	if !strings.Contains(ps, `rule knives/k-w hits the protected line "am i gay"`) {
		t.Errorf("problems: %s", ps)
	}
}

func TestWeighedTextsCostNoMoreThanTheirLength(t *testing.T) {
	words := "blade sleeve edge grip sheath haft tang hilt steel whet stone oil "
	dense := compile(t, with("acme/lists/points.txt", "90 "+strings.ReplaceAll(strings.TrimSpace(words), " ", "\n90 "), "acme/knives.yaml",
		head+"phrases: [{id: k-1, text: machete}]\nweighed: [{id: k-w, file: lists/points.txt}]\nallow: [roller blade]\ntests: {hit: [machete], miss: [a]}\n"))
	for _, c := range []struct {
		rs   *Ruleset
		unit string
	}{
		{summing(t), "sharp blade nobody knows sleeve "},
		{summing(t), "ordinary words of no weight "},
		{summing(t), "bl4de n0body kn0ws sl33ve "},
		{dense, words},
		{dense, "childline " + words}, // masks, as many as words
		{dense, "roller " + words},
	} {
		small, large := judgedIn(c.rs, strings.Repeat(c.unit, 100)), judgedIn(c.rs, strings.Repeat(c.unit, 1000))
		if large > 12*small || small < 100*len(c.unit)/2 {
			t.Errorf("%q: %d steps, ten times of it %d", c.unit, small, large)
		}
	}
}

// Masks that begin together or lie in each other are as long as the longest of them.
func TestWhatASumMayNotCountIsWhatAnyMaskCovers(t *testing.T) {
	rs := compile(t, with("acme/lists/points.txt", "60 blade\n60 sleeve\n20 runner\n", "acme/knives.yaml",
		head+"phrases: [{id: k-1, text: machete}]\nweighed: [{id: k-w, file: lists/points.txt}]\nallow: [blade runner, blade runner film sleeve, runner film]\ntests: {hit: [machete], miss: [a]}\n"))
	for text, want := range map[string]string{
		"blade runner film sleeve":         "",
		"blade runner film and a sleeve":   "",
		"a blade, runner film sleeve":      "", // a comma is none
		"a blade for the runner, sleeve":   "knives/k-w",
		"sleeve blade":                     "knives/k-w",
		"runner film blade with sleeve":    "knives/k-w",
		"knife drawer blade runner sleeve": "",
		"blade runner, a blade and sleeve": "knives/k-w", // one of its places is open
		"blade runner, blade runner film":  "",
	} {
		if got := rs.search(text); got.Rule != want {
			t.Errorf("%q: %q, want %q", text, got.Rule, want)
		}
	}
}

// A sum of nothing reaches no points: such a rule would flag every search.
func TestARuleThatWantsNoPointsIsRefused(t *testing.T) {
	rs := summing(t)
	for _, weight := range []uint32{0, weighed.Enough + 1, 1 << 31} {
		p := *rs.Policy()
		p.Rules = slices.Clone(p.Rules)
		for i := range p.Rules {
			if p.Rules[i].Kind == RuleWeighed {
				p.Rules[i].Weight = weight
			}
		}
		tables := rs.Tables()
		tables.Rules = nil
		if _, err := Open(&p, tables); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("wants sums of %d points", weight)) {
			t.Errorf("%d points: %v", weight, err)
		}
	}
}

func TestASchoolsSumIsMaskedByItsOwnAllowAlone(t *testing.T) {
	files := with("acme/pack.yaml", "pack: starter\ntitle: Ships\nversion: 1\n",
		"acme/knives.yaml", head+"phrases: [{id: k-1, text: knife}]\nallow: [roller blade]\ntests: {hit: [knife], miss: [a]}\n",
		"school/lists/points.txt", "60 blade\n60 sleeve\n",
		"school/knives.yaml", "extends: knives\nowner: DSL\nwhy: To notice.\nweighed: [{id: os-w, file: lists/points.txt}]\ntests: {hit: [roller blade sleeve], miss: [a]}\n")
	if v := compile(t, files).search("roller blade sleeve"); v.Rule != "knives/os-w" {
		t.Errorf("%+v", v)
	}
}
