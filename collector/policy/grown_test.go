package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"safelight/collector/policy"
)

// manyPhrases is both with so many more phrases in its grave category.
func manyPhrases(t *testing.T, n int) map[string][]byte {
	t.Helper()
	const last = "  - {id: g-2, text: other words, severity: high}\n"
	var more strings.Builder
	for i := range n {
		fmt.Fprintf(&more, "  - {id: m-%d, text: made up words %c%c}\n", i, 'a'+i/26, 'a'+i%26)
	}
	return swapped(t, "mine/grave.yaml", last, last+more.String())
}

func TestG07AListInSlicesTakesTwoPeople(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	must(t, o.publish(manyPhrases(t, 19), o.dsl))
	next := manyPhrases(t, 20) // one more, with the nineteen before
	wantError(t, o.publish(next, o.dsl), "takes two people", "adds 1 phrase to Grave", "since 1.1", "they are 20", "--necessity")
	// As one's own proposal it goes no better.
	_, _, err := o.Propose(t.Context(), policy.Side{Name: "folder", Files: next}, o.dsl, "because", "")
	wantError(t, err, "--necessity", "they are 20")
	p := o.propose(next, o.dsl, "needed")
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.dsl, "agreed")
	wantError(t, err, "it takes two people")
	_, review, err := o.PublishProposal(t.Context(), p.ID, o.dsl2, "agreed")
	must(t, err)
	if !review.Widening || !review.Changes[0].Widens {
		t.Errorf("the review is %+v", review)
	}
	// Two have looked: from here on it is corrections again.
	must(t, o.publish(manyPhrases(t, 30), o.dsl))
	wantError(t, o.publish(manyPhrases(t, 45), o.dsl), "takes two people", "since 1.3", "they are 25")
	// What adds nothing is nobody else's.
	calm := manyPhrases(t, 30)
	calm["mine/grave.yaml"] = []byte(strings.Replace(string(calm["mine/grave.yaml"]), "Made up for tests.", "Made up.", 1))
	must(t, o.publish(calm, o.dsl))
}
