package rules

import (
	"strings"
	"testing"
)

func strangeOf(t *testing.T, scope string, school School) string {
	t.Helper()
	o, err := OutlineOf(with("acme/knives.yaml", head+"scope: "+scope+"\n"+okTests))
	if err != nil {
		t.Fatal(err)
	}
	if !o.Names() {
		t.Errorf("%s names nothing", scope)
	}
	return o.Strange(school).Error()
}

func TestAScopeThatNamesWhatTheSchoolHasNotIsSaidWithTheNearWord(t *testing.T) {
	school := School{
		Groups: []string{"10b", "11a", "chess club"}, Sites: []string{"Upper School", "farm"}, Periods: []string{"lesson", "p1", "registration"}, Years: []string{"7", "10", "11"},
	}
	for scope, want := range map[string]string{
		"{groups: [10c]}":             `group "10c" is not on the roster; did you mean "10b"? as things stand nobody is known to be in it`,
		"{groups: [chess-club]}":      `did you mean "chess club"?`,
		"{groups: [choir]}":           `group "choir" is not on the roster; as things stand`,
		"{sites: [uper school]}":      `site "uper school" is not a site of the school; did you mean "upper school"? as things stand no device is known to be there`,
		"{when: [registraton]}":       `when "registraton" is not in the timetable; did you mean "registration"? as things stand it is never on`,
		"{years: [9]}":                `year "9" is not on the roster`,
		"{years: [8-9]}":              `year "8-9" is not on the roster`,
		"{key_stages: [2]}":           `key stage "2" is not on the roster`,
		"{groups: [10b], years: [R]}": `year "R" is not on the roster`,
	} {
		got := strangeOf(t, scope, school)
		if !strings.Contains(got, want) || !strings.HasPrefix(got, "acme/knives.yaml:") || strings.Count(got, "\n") != 0 {
			t.Errorf("%s: %q, want %q", scope, got, want)
		}
	}
	for _, scope := range []string{"{groups: [10B]}", "{sites: [upper school, FARM]}", "{when: [school-day, out-of-hours, P1]}", "{years: [7-9]}", "{key_stages: [4]}"} {
		if got := strangeOf(t, scope, school); got != "" {
			t.Errorf("%s: %q", scope, got)
		}
	}
}

func TestNothingIsStrangeWhereTheSchoolIsNotKnown(t *testing.T) {
	if got := strangeOf(t, "{groups: [10c], sites: [x], when: [y], years: [9]}", School{}); got != "" {
		t.Errorf("said %q", got)
	}
	if got := strangeOf(t, "{groups: [10c], years: [9]}", School{Groups: []string{}, Years: []string{}}); strings.Count(got, "not on the roster") != 2 {
		t.Errorf("of a roster without any: %q", got)
	}
}

func TestWhoIsAskedAboutIsChecked(t *testing.T) {
	for _, year := range []string{"", "7", "Year 13", "Y07", "reception", "N"} {
		if err := CheckWho(year, []string{"lesson", "period 1"}); err != nil {
			t.Errorf("%q: %v", year, err)
		}
	}
	for _, year := range []string{"x", "14", "0", "7-9", "7b", "seven"} {
		if err := CheckWho(year, nil); err == nil || !strings.Contains(err.Error(), "want a year from 1 to 13, R or N") {
			t.Errorf("%q: %v", year, err)
		}
	}
	if err := CheckWho("", []string{"Lessons"}); err == nil || !strings.Contains(err.Error(), `did you mean "lesson"?`) {
		t.Error(err)
	}
	school := School{Groups: []string{"10b"}, Sites: []string{"Manor"}, Periods: []string{"workshop"}}
	if err := school.CheckWhere([]string{"10B"}, "manor", []string{"school-day", "Workshop"}); err != nil {
		t.Error(err)
	}
	for want, err := range map[string]error{
		`the group "10c" is not on the roster; did you mean "10b"?`: school.CheckWhere([]string{"10c"}, "", nil),
		`the site "farm" is not a site of the school; leave it out`: school.CheckWhere(nil, "farm", nil),
		`the period "nap" is not in the timetable`:                  school.CheckWhere(nil, "", []string{"nap"}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := (School{}).CheckWhere([]string{"x"}, "y", []string{"z"}); err != nil {
		t.Error(err)
	}
}
