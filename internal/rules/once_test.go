package rules

import (
	"fmt"
	"strings"
	"testing"

	"safelight/internal/event"
)

// weighing has phrases of sixty, of which two are needed.
const weighing = `threshold: 100
phrases:
  - {id: kn-001, text: hide a knife, weight: 60}
  - {id: kn-002, text: how to hide a knife, weight: 60}
  - {id: kn-003, text: nobody finds it, weight: 60}
  - {id: kn-004, all: [buy, blade], within: 6, weight: 60}
  - {id: kn-005, all: [buy, today], within: 6, weight: 60}
  - {id: kn-006, text: no questions, weight: 60}
  - {id: kn-007, text: a knife where nobody finds it, weight: 40}
  - {id: kn-008, text: the whole of it, weight: 100}
  - {id: kn-009, text: whole of, weight: 60}
tests:
  hit: [how to hide a knife where nobody finds it]
  miss: [an ordinary line, how to hide a knife, buy a blade today]
`

func TestWordsOfATextCountOnceTowardsAThreshold(t *testing.T) {
	rs := rulesFor(t, weighing)
	for text, want := range map[string]bool{
		"how to hide a knife":                  false, // one phrase within another
		"how to hide a knife. nobody finds it": true,
		"hide a knife where nobody finds it":   true,  // the lighter one that shares words with both is left out
		"buy a blade today":                    false, // "buy" is one word
		"buy a blade, and buy it today":        true,  // and here it is two
		"buy a, no questions, blade":           true,  // what stands between words apart is not of them
		"the whole of it":                      true,
		"n0body f1nds it, how to h1de a kn1fe": true,
		"h1de a kn1fe how to hide":             false,
	} {
		if v := rs.search(text); (v.Decision == Flag) != want {
			t.Errorf("%q: %+v", text, v)
		}
	}
	x := rs.Explain(Input{Kind: event.Search, Text: "how to hide a knife"})
	if got := fmt.Sprint(x); !strings.Contains(got, "weigh 60 together and must reach 100") {
		t.Errorf("it explains %s", got)
	}
}

// What is said to have counted beside a phrase shares no word with it.
func TestWhatIsSaidToCountBesideAPhraseIsOfOtherWords(t *testing.T) {
	rs := rulesFor(t, weighing)
	for text, want := range map[string]string{
		"how to hide a knife. nobody finds it": "knives/kn-003",
		"the whole of it, no questions":        "knives/kn-006",
		"the whole of it":                      "",
	} {
		got := ""
		for _, e := range rs.search(text).Evidence {
			got += e.Rule
		}
		if got != want {
			t.Errorf("%q: %q counted too, want %q", text, got, want)
		}
	}
}

// A phrase that holds both halves weighs no less than the halves do.
func TestAHeavierPhraseDoesNotHideItsHalves(t *testing.T) {
	rs := rulesFor(t, `threshold: 100
phrases:
  - {id: kn-001, all: [vapour, no papers], within: 4, weight: 60}
  - {id: kn-002, text: vapour, weight: 50}
  - {id: kn-003, text: no papers, weight: 50}
tests:
  hit: [vapour no papers]
  miss: [vapour, no papers, an ordinary line]
`)
	if v := rs.search("vapour with no papers"); v.Decision != Flag {
		t.Errorf("%+v", v)
	}
}

// Of those that overlap in a row, the heaviest counts first.
func TestOfOverlappingPhrasesTheHeaviestCounts(t *testing.T) {
	rs := rulesFor(t, `threshold: 100
phrases:
  - {id: kn-001, text: alpha beta, weight: 50}
  - {id: kn-002, text: beta gamma, weight: 60}
  - {id: kn-003, text: gamma delta, weight: 50}
  - {id: kn-004, text: epsilon, weight: 40}
tests:
  hit: [beta gamma epsilon]
  miss: [alpha beta gamma, alpha beta epsilon, beta gamma delta]
`)
	if v := rs.search("alpha beta gamma delta epsilon"); v.Decision != Flag || v.Rule != "knives/kn-002" {
		t.Errorf("%+v", v)
	}
}
