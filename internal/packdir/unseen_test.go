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
		{"evasions.txt", false, 0.78},
		{"foreign.txt", true, 0.9},
		{"names.txt", false, 0.94},
		{"second/evasions.txt", false, 0.88},
		{"third/evasions.txt", false, 0.88},
		{"fourth/evasions.txt", false, 0.8},
		{"fourth/foreign.txt", true, 0.85},
		{"fifth/evasions.txt", false, 0.88},
		{"fifth/foreign.txt", true, 0.78},
	} {
		if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", l.file), l.unreviewed); c.Lines < 150 || c.Seen() < l.least {
			t.Errorf("%s: %.3f of %d lines are found, want %.2f at least", l.file, c.Seen(), c.Lines, l.least)
		}
	}
	for _, l := range []struct {
		file       string
		unreviewed bool
		most       float64 // flagged
	}{
		{"ordinary.txt", false, 0.02},
		{"second/ordinary.txt", false, 0.015},
		{"second/identity.txt", false, 0},
		{"second/names.txt", false, 0},
		{"third/ordinary.txt", false, 0.015},
		{"third/identity.txt", false, 0},
		{"third/names.txt", false, 0},
		{"third/foreign-ordinary.txt", true, 0.015},
		{"fourth/ordinary.txt", false, 0.02},
		{"fourth/foreign-ordinary.txt", true, 0.015},
		{"fifth/ordinary.txt", false, 0.025},
		{"fifth/identity.txt", false, 0},
		{"fifth/names.txt", false, 0},
		{"fifth/foreign-ordinary.txt", true, 0.015},
	} {
		if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", l.file), l.unreviewed); c.Lines < 80 || c.Share() > l.most {
			t.Errorf("%s: %d of %d lines are flagged, want %.1f %% at most", l.file, c.Flagged, c.Lines, 100*l.most)
		}
	}
	for file, least := range map[string]float64{"second/pleas.txt": 0.94, "fourth/pleas.txt": 0.98, "fifth/pleas.txt": 0.72} {
		if c := heldback.Judge(rs, lines(t, wordLists+"/unseen", file), false); c.Lines < 78 || c.Share() < least {
			t.Errorf("%s: %d of %d pleas are flagged, want %.2f at least", file, c.Flagged, c.Lines, least)
		}
	}
}
