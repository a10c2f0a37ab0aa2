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

// A page asks for several names of its site at once, and a program starts others
// of itself: that is one visit and one start, and no repetition. Words that are
// searched for again are.
func TestAPageOfManyNamesIsOneVisit(t *testing.T) {
	rs := compile(t, with("acme/knives.yaml", head+"raise: [{repeats: 3, within: 1h, to: urgent}]\n"+
		"domains: [blades.example]\nprograms: [blades.exe]\nphrases: [{id: kn-001, text: big knife}]\n"+okTests))
	at := func(rule string, ago ...time.Duration) (out []Seen) {
		for _, d := range ago {
			out = append(out, Seen{Category: "knives", Rule: "knives/" + rule, At: noon.Add(-d)})
		}
		return out
	}
	for _, c := range []struct {
		name, text string
		kind       event.Kind
		recent     []Seen
		want       event.Severity
	}{
		{"many names of one page", "cdn.blades.example", event.Domain, at("blades.example", 3*time.Second, 2*time.Second, time.Second, 0), event.High},
		{"two pages of many names", "blades.example", event.Domain, at("blades.example", 601*time.Second, 600*time.Second, time.Second), event.High},
		{"three pages", "blades.example", event.Domain, at("blades.example", 20*time.Minute, 601*time.Second, 600*time.Second), event.Urgent},
		{"a site that is used for minutes", "blades.example", event.Domain, at("blades.example", 2*time.Minute, 90*time.Second, time.Minute, time.Second), event.Urgent},
		{"a program that starts itself", "blades.exe", event.Process, at("program/blades", 2*time.Second, time.Second), event.High},
		{"a page, a program and another page", "blades.example", event.Domain, append(at("program/blades", time.Second), at("blades.example", time.Hour)...), event.Urgent},
		{"three searches in a minute", "big knife", event.Search, at("kn-001", 20*time.Second, 10*time.Second), event.Urgent},
	} {
		if v := rs.Judge(Input{Kind: c.kind, Text: c.text, Role: "pupil", At: noon, Recent: c.recent}); v.Severity != c.want {
			t.Errorf("%s: %s %q, want %s", c.name, v.Severity, v.Raised, c.want)
		}
	}
}
