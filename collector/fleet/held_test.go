package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

// TestG15CopiesThatHaveToWaitAreALineForITThatAccusesNobody, while they wait and for a
// day after, and also where the device that they were copied from is revoked.
func TestG15CopiesThatHaveToWaitAreALineForITThatAccusesNobody(t *testing.T) {
	in := someFacts("image", "copy 0")
	in.splitsHeld = map[string][]time.Time{"image": {monday.Add(-10 * time.Minute)}}
	for i := range model.SplitsAnHour {
		parent := "image"
		if i > 0 {
			parent = "copy 0"
		}
		in.cameOf = append(in.cameOf, model.CameOf{Device: fmt.Sprint("copy ", i), Parent: parent, Origin: "image", At: monday.Add(-20 * time.Minute)})
	}
	l := draw(*in)
	if len(l.Notes) != 1 || !strings.HasPrefix(l.Notes[0].Text, "Copies of image wait: 100 became devices of their own in the last day") {
		t.Fatalf("notes %+v", l.Notes)
	}
	said := strings.ToLower(l.Notes[0].Text + " " + l.Notes[0].Mend)
	for _, blame := range []string{"stolen", "suspicious", "attack", "hostile", "unauthor", "pupil", "somebody"} {
		if strings.Contains(said, blame) {
			t.Errorf("%q accuses", said)
		}
	}
	if !strings.Contains(said, "device split image --more") || !strings.Contains(said, "device revoke --copies-of image --itself") {
		t.Errorf("%q does not say what to do", said)
	}
	if d := find(t, l, "image"); d.Standing != model.StandingUnproven || !slices.Contains(codes(d), model.CauseSplitsHeld) {
		t.Errorf("it stands %s because of %v: what others notice stands under its name", d.Standing, codes(d))
	}
	if d := find(t, l, "copy 0"); d.CameOf != "image" || d.Standing != model.StandingProven || slices.Contains(codes(d), model.CauseSplitsHeld) {
		t.Errorf("what came of it stands %s because of %v, of %q", d.Standing, codes(d), d.CameOf)
	}
	in.splitLeave = map[string]int{"image": 1}
	if l = draw(*in); !strings.HasPrefix(l.Notes[0].Text, "Copies of image had to wait") || l.Notes[0].Unproves {
		t.Errorf("more were let through, and IT reads %+v", l.Notes)
	}
	in.splitLeave = nil
	for i := range in.cameOf {
		in.cameOf[i].At = monday.Add(-2 * time.Hour)
	}
	l = draw(*in)
	if d := find(t, l, "image"); d.Standing != model.StandingProven || !strings.HasPrefix(l.Notes[0].Text, "Copies of image had to wait: 100 became") {
		t.Errorf("none waits any more, and it stands %s: %+v", d.Standing, l.Notes)
	}
	in.devices[0].Revoked = monday
	if l = draw(*in); len(l.Notes) != 1 || !strings.Contains(l.Notes[0].Text, "image") {
		t.Errorf("it was revoked: %+v", l.Notes)
	}
}
