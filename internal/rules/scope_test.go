package rules

import (
	"testing"

	"safelight/internal/event"
)

func TestAScopeHoldsForThoseItIsAboutOnly(t *testing.T) {
	everything := Input{Role: "pupil", Year: "9", Groups: []string{"10B-English"}, Site: "Main", Periods: []string{"school-day", "lesson"}, Premises: "on"}
	for _, c := range []struct {
		name, scope string
		change      func(*Input)
		holds       bool
	}{
		{"role", "{roles: [pupil]}", nil, true},
		{"another role", "{roles: [adult-learner]}", nil, false},
		{"year", "{years: [9]}", nil, true},
		{"span of years", "{years: [7-11]}", nil, true},
		{"another year", "{years: [7, 8]}", nil, false},
		{"year in words", "{years: [9]}", func(in *Input) { in.Year = "Year 09" }, true},
		{"reception", "{years: [R]}", func(in *Input) { in.Year = "Reception" }, true},
		{"a year that is none", "{years: [7-9]}", func(in *Input) { in.Year = "7 Green" }, true}, // not known, so no child is missed
		{"key stage", "{key_stages: [3]}", nil, true},
		{"another key stage", "{key_stages: [4, 5]}", nil, false},
		{"group whatever its case", "{groups: [10b-english]}", nil, true},
		{"another group", "{groups: [10c]}", nil, false},
		{"site", "{sites: [main]}", nil, true},
		{"another site", "{sites: [farm]}", nil, false},
		{"period", "{when: [lesson]}", nil, true},
		{"another period", "{when: [break, out-of-hours]}", nil, false},
		{"premises", "{premises: 'on'}", nil, true},
		{"off the premises", "{premises: 'off'}", nil, false},
		{"anywhere", "{premises: any, roles: [pupil]}", nil, true},
		{"all of several", "{years: [9], when: [lesson]}", nil, true},
		{"not one of several", "{years: [9], when: [break]}", nil, false},
	} {
		rs := rulesFor(t, "scope: "+c.scope+"\ndomains: [blades.example]\n"+okTests)
		in := everything
		in.Kind, in.Text = event.Domain, "blades.example"
		if c.change != nil {
			c.change(&in)
		}
		v := rs.Judge(in)
		if got := v.Decision == Flag; got != c.holds || got && v.Scope == "" {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

// A child is not missed for want of a roster; an adult is not judged for want
// of one either.
func TestWhatIsNotKnownHoldsForPupilsAndNeverForAnAllow(t *testing.T) {
	for _, scope := range []string{"{years: [7]}", "{sites: [main]}", "{when: [lesson]}", "{premises: 'off'}"} {
		rs := rulesFor(t, "action: {staff: alert}\nscope: "+scope+"\ndomains: [blades.example]\n"+okTests)
		in := Input{Kind: event.Domain, Text: "blades.example"}
		want(t, scope+" of somebody unknown", rs.Judge(in), Flag, "knives/blades.example")
		in.Role = "pupil"
		want(t, scope+" of a pupil", rs.Judge(in), Flag, "knives/blades.example")
		in.Role = "staff"
		want(t, scope+" of staff", rs.Judge(in), None, "")

		allowing := compile(t, with("acme/knives.yaml", head+"domains: [blades.example]\nphrases: [{id: k-1, text: big knife}]\n"+okTests,
			"school/k.yaml", "extends: knives\nowner: a\nwhy: b\nscope: "+scope+"\nallow: [big knife show]\ndomains: [{allow: [blades.example]}]\n"+okTests))
		want(t, scope+" allows a name to nobody unknown", allowing.host("blades.example"), Flag, "knives/blades.example")
		want(t, scope+" allows words to nobody unknown", allowing.search("big knife show"), Flag, "knives/k-1")
		known := Input{Kind: event.Domain, Text: "blades.example", Role: "pupil", Year: "7", Site: "main", Periods: []string{"lesson"}, Premises: "off"}
		want(t, scope+" allows it to those it is about", allowing.Judge(known), None, "")
	}
	rs := rulesFor(t, "scope: {groups: [10b]}\ndomains: [blades.example]\n"+okTests)
	want(t, "nobody's groups are known", rs.host("blades.example"), Flag, "knives/blades.example")
	want(t, "the roster knows of none", rs.Judge(Input{Kind: event.Domain, Text: "blades.example", Role: "pupil", Year: "9"}), None, "")
}

func TestG07NoRuleIsAboutOneNamedPerson(t *testing.T) {
	for _, scope := range []string{
		"{accounts: [demo07]}", "{users: [demo07]}", "{user: demo07}", "{people: [x]}", "{Names: [x]}", "{pupils: [x]}", "{emails: [x]}", "{devices: [x]}",
		"{groups: ['demo07@school.example']}", `{groups: ['SCHOOL\demo07']}`,
	} {
		contains(t, problemsOf(t, with("acme/knives.yaml", head+"scope: "+scope+"\n"+okTests)), "no rule is about one named person (G7)")
	}
}

func TestABadScopeIsRefusedWithTheMend(t *testing.T) {
	for scope, want := range map[string]string{
		"{years: [14]}":        `year "14"; want a year from 1 to 13`,
		"{years: [9-7]}":       `year "9-7"`,
		"{years: [x]}":         `year "x"`,
		"{key_stages: [6]}":    `key stage "6"; want a whole number from 0 to 5`,
		"{roles: [teacher]}":   `role "teacher"; want one of pupil`,
		"{premises: home}":     `premises "home"; want one of on, off, any`,
		"{groups: []}":         "groups holds nothing",
		"{when: [lessons]}":    `when "lessons", which would never hold; write lesson`,
		"{when: [School Day]}": `write school-day`,
		"{}":                   "an empty scope",
		"{yers: [7]}":          `unknown key "yers"; did you mean "years"?`,
		"pupils":               "scope is text",
	} {
		contains(t, problemsOf(t, with("acme/knives.yaml", head+"scope: "+scope+"\n"+okTests)), want)
	}
}
