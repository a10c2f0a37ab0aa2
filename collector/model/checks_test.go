package model

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func TestWeeksBeginOnMondayInTheSchoolsZone(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for week, monday := range map[string]string{
		"2026-W48": "2026-11-23", "2026-W01": "2025-12-29", "2026-W53": "2026-12-28", "2027-W01": "2027-01-04", "2026-W13": "2026-03-23",
	} {
		from, to, err := WeekSpan(week, london)
		if err != nil || from.Format(time.DateOnly) != monday || to.Weekday() != time.Monday || to.Hour() != 0 {
			t.Errorf("%s is from %s to %s, %v; want from %s", week, from, to, err, monday)
		}
		for _, at := range []time.Time{from, to.Add(-time.Microsecond)} {
			if WeekOf(at) != week {
				t.Errorf("%s is in %s, want %s", at, WeekOf(at), week)
			}
		}
	}
	if _, to, _ := WeekSpan("2026-W13", london); to.Sub(mondayOf(t, "2026-W13", london)) != 7*24*time.Hour-time.Hour {
		t.Error("the week in which the clocks go forward has an hour too many")
	}
	for _, week := range []string{"", "2025-W53", "2026-W00", "2026-W54", "2026W48", "2026-W48 ", "26-W48", "2026-w48", "2026-W4x"} {
		if _, _, err := WeekSpan(week, london); err == nil {
			t.Errorf("%q was taken for a week", week)
		}
	}
}

func mondayOf(t *testing.T, week string, zone *time.Location) time.Time {
	t.Helper()
	from, _, err := WeekSpan(week, zone)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

func TestWhatCouldNotBeTriedNeitherPassesNorFails(t *testing.T) {
	seen := CheckResult{Source: "network", What: CheckDNS, Outcome: CheckSeen}
	quiet := CheckResult{Source: "weblog", What: CheckLog, Outcome: CheckNotChecked}
	missed := CheckResult{Source: "process", What: CheckProgram, Outcome: CheckNotSeen}
	for name, c := range map[string]struct {
		results []CheckResult
		passed  bool
		failed  int
	}{
		"seen and a quiet log":       {[]CheckResult{seen, quiet}, true, 0},
		"a quiet log alone":          {[]CheckResult{quiet}, false, 0},
		"one was missed":             {[]CheckResult{seen, missed}, false, 1},
		"nothing is switched on":     {nil, false, 0},
		"an outcome nobody knows of": {[]CheckResult{seen, {Source: "x", What: CheckDNS, Outcome: ""}}, false, 1},
	} {
		check := Check{CheckBody: CheckBody{Results: c.results}}
		if !c.passed && len(check.Amiss()) == 0 {
			t.Errorf("%s: nobody is told why it did not pass", name)
		}
		if check.Passed() != c.passed || len(check.Failed()) != c.failed {
			t.Errorf("%s: passed %v, %d failed", name, check.Passed(), len(check.Failed()))
		}
	}
}
