package rules

import (
	"testing"
	"time"

	"safelight/internal/event"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestRepetitionAndCombinationRaiseASeverity(t *testing.T) {
	files := with("acme/knives.yaml", head+"raise:\n  - {repeats: 3, within: 1h, to: urgent}\n  - {with: [spoons], within: 24h, to: urgent}\n"+
		"domains: [{name: blades.example, severity: medium}]\n"+okTests,
		"acme/spoons.yaml", "category: spoons\ntitle: Spoons\nnoun: spoons\nabout: x\npurpose: safeguarding\nrisk: life\nseverity: low\nowner: a\nwhy: b\nfirst_steps: [c]\n"+okTests)
	rs := compile(t, files)
	seen := func(category string, ago time.Duration) Seen { return Seen{Category: category, At: noon.Add(-ago)} }
	for _, c := range []struct {
		name   string
		recent []Seen
		want   event.Severity
		why    string
	}{
		{"nothing before", nil, event.Medium, ""},
		{"once before", []Seen{seen("knives", time.Minute)}, event.Medium, ""},
		{"twice before", []Seen{seen("knives", 50*time.Minute), seen("knives", time.Minute)}, event.Urgent, "raised from medium to urgent: match number 3 of this category in 1 hour"},
		{"too long ago", []Seen{seen("knives", 2*time.Hour), seen("knives", time.Minute)}, event.Medium, ""},
		{"another category", []Seen{seen("spoons", 3*time.Hour)}, event.Urgent, "raised from medium to urgent: spoons was also matched in the last 24 hours"},
		{"another one long ago", []Seen{seen("spoons", 25*time.Hour)}, event.Medium, ""},
		{"one that raises nothing", []Seen{seen("forks", time.Minute)}, event.Medium, ""},
		{"the future, after a clock went back", []Seen{seen("spoons", -time.Minute)}, event.Medium, ""},
	} {
		v := rs.Judge(Input{Kind: event.Domain, Text: "blades.example", At: noon, Recent: c.recent})
		if v.Severity != c.want || v.Raised != c.why {
			t.Errorf("%s: %s, %q", c.name, v.Severity, v.Raised)
		}
	}
}

func TestRaisingNeverMakesAFindingLighterNorANoteAnAlert(t *testing.T) {
	rs := compile(t, with("acme/knives.yaml", head+"action: {pupil: note}\nraise: [{repeats: 2, within: 1h, to: low}]\ndomains: [blades.example]\n"+okTests))
	v := rs.Judge(Input{Kind: event.Domain, Text: "blades.example", At: noon, Recent: []Seen{{Category: "knives", At: noon}}})
	if v.Severity != event.High || v.Raised != "" || v.Decision != Note {
		t.Errorf("got %+v", v)
	}
}

// What is raised is weighed as raised: the graver finding is told.
func TestWhatIsRaisedOutweighsWhatIsNot(t *testing.T) {
	files := with("acme/knives.yaml", head+"domains: [blades.example]\n"+okTests,
		"acme/spoons.yaml", "category: spoons\ntitle: Spoons\nnoun: spoons\nabout: x\npurpose: safeguarding\nrisk: life\nseverity: low\nowner: a\nwhy: b\nfirst_steps: [c]\n"+
			"raise: [{repeats: 2, within: 1h, to: urgent}]\ndomains: [blades.example]\n"+okTests)
	rs := compile(t, files)
	in := Input{Kind: event.Domain, Text: "blades.example", At: noon}
	want(t, "by itself", rs.Judge(in), Flag, "knives/blades.example")
	in.Recent = []Seen{{Category: "spoons", At: noon}}
	want(t, "again", rs.Judge(in), Flag, "spoons/blades.example")
}
