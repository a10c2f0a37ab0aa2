package packdir

import (
	"testing"

	"safelight/internal/packdir/heldback"
)

// Lists whose writer had not read the rules, and whose lines the rules' authors have
// not read (docs/bars.md, 6.3 to 6.5; `make bench` says the figures). They are held to
// what was found when the rules were last written, a little less, so that a change of
// the engine or of a word that many rules share does not lose what was won.
func TestUnseenListsAreFoundAsOftenAsTheyWere(t *testing.T) {
	rs := shippedRules(t)
	for _, l := range []struct {
		file       string
		unreviewed bool
		least      float64 // flagged or noted
	}{
		{"evasions.txt", false, 0.56},
		{"foreign.txt", true, 0.81},
		{"names.txt", false, 0.94},
	} {
		if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", l.file), l.unreviewed); c.Lines < 150 || c.Seen() < l.least {
			t.Errorf("%s: %.3f of %d lines are found, want %.2f at least", l.file, c.Seen(), c.Lines, l.least)
		}
	}
	if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", "ordinary.txt"), false); c.Lines < 300 || c.Share() > 0.02 {
		t.Errorf("ordinary.txt: %d of %d lines are flagged, want at most 2 in 100", c.Flagged, c.Lines)
	}
}
