package rules

import (
	"fmt"
	"strings"
	"testing"

	"safelight/internal/event"
)

// crowded is a category whose phrases, allows and contexts all stand near each
// other.
func crowded(t *testing.T) *Ruleset {
	var b strings.Builder
	b.WriteString("threshold: 100\nphrases:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  - {id: kn-%03d, text: blade %s, weight: 60}\n", i, letters(i))
	}
	b.WriteString("  - {id: kn-300, text: knife}\n  - {id: kn-301, all: [spoon, fork], within: 4}\nallow:\n  - knife and fork\n  - {text: knife, near: [bread, butter], within: 3}\n")
	return rulesFor(t, b.String()+okTests)
}

// letters numbers words that are spelled unlike each other.
func letters(i int) string { return "x" + string(rune('a'+i/20)) + "o" + string(rune('a'+i%20)) }

// judgedIn gives what judging a text costs as a whole: finding the phrases, then
// putting them in order, masking and weighing them.
func judgedIn(rs *Ruleset, text string) int {
	j := new(judging)
	j.judge(rs, Input{Kind: event.Search, Text: text}, nil)
	return j.steps + j.words.Steps()
}

// Ten times the text costs at most twelve times the work, whatever is found in it.
func TestTenfoldTextIsJudgedInAtMostTwelvefoldSteps(t *testing.T) {
	rs := crowded(t)
	for name, unit := range map[string]string{
		"one rule": "knife ", "every rule": "blade xaoa blade xboc blade xdoe ", "allowed": "knife and fork ", "in context": "knife bread knife butter ",
		"apart": "spoon a fork b ", "read twice": "kn1fe knife ", "help": "i need help knife ", "help apart": "mum dad tell knife how to ", "nothing": "ordinary words ",
	} {
		small, large := judgedIn(rs, strings.Repeat(unit, 1000)), judgedIn(rs, strings.Repeat(unit, 10000))
		if large > 12*small || small < 1000*len(unit)/2 {
			t.Errorf("%s: %d steps, ten times of it %d", name, small, large)
		}
	}
}

// What is found often is counted before it is put in order: steps are of use only
// if they count what takes the time.
func TestStepsOfJudgingCountWhatIsFound(t *testing.T) {
	rs := crowded(t)
	j := new(judging)
	j.judge(rs, Input{Kind: event.Search, Text: strings.Repeat("knife ", 1000)}, nil)
	if j.steps < 2000 || len(j.hits) != 1 {
		t.Errorf("%d steps for 1000 hits, of which %d are weighed, want one a rule", j.steps, len(j.hits))
	}
	j.judge(rs, Input{Kind: event.Search, Text: "ordinary words"}, nil)
	if j.steps != 0 {
		t.Errorf("%d steps where nothing is found", j.steps)
	}
}

// Of the places where a rule matches, the longest is told, then the first, however
// many there are.
func TestOfManyMatchesOfARuleTheLongestIsTold(t *testing.T) {
	rs := crowded(t)
	text := strings.Repeat("spoon fork ", 30) + "spoon and a big fork" + strings.Repeat(" knife and fork", 30)
	v := rs.search(text)
	if v.Rule != "knives/kn-301" || v.Match != "spoon and a big fork" {
		t.Errorf("%s matched %q", v.Rule, v.Match)
	}
	if v := rs.search(strings.Repeat("knife and fork ", 50) + "a knife " + strings.Repeat("knife and fork ", 50)); v.Rule != "knives/kn-300" || v.Start != 50*15+2 {
		t.Errorf("%s at %d, want the one that no allow masks", v.Rule, v.Start)
	}
}
