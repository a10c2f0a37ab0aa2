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
		{"evasions.txt", false, 0.77},
		{"foreign.txt", true, 0.81},
		{"names.txt", false, 0.94},
		{"second/evasions.txt", false, 0.86},
	} {
		if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", l.file), l.unreviewed); c.Lines < 150 || c.Seen() < l.least {
			t.Errorf("%s: %.3f of %d lines are found, want %.2f at least", l.file, c.Seen(), c.Lines, l.least)
		}
	}
	for _, l := range []struct {
		file string
		most float64 // flagged
	}{
		{"ordinary.txt", 0.02},
		{"second/ordinary.txt", 0.015},
		{"second/identity.txt", 0},
		{"second/names.txt", 0},
	} {
		if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", l.file), false); c.Lines < 150 || c.Share() > l.most {
			t.Errorf("%s: %d of %d lines are flagged, want %.1f %% at most", l.file, c.Flagged, c.Lines, 100*l.most)
		}
	}
	if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", "second/pleas.txt"), false); c.Lines != 100 || c.Flagged < 92 {
		t.Errorf("%d of %d pleas are flagged, want 92 at least", c.Flagged, c.Lines)
	}
}
