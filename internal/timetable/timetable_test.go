package timetable_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"safelight/internal/timetable"
)

const school = `zone: Europe/London
periods:
  - {name: Registration, kind: registration, days: mon-fri, from: "8:40", to: "09:00"}
  - {name: Period 1, kind: lesson, days: mon-fri, week: A, from: "09:00", to: "10:00"}
  - {name: Games, kind: lesson, days: mon-fri, week: B, from: "09:00", to: "10:00"}
  - {name: Morning break, kind: break, from: "10:05", to: "10:20"}
  - {name: Period 2, kind: lesson, from: "10:20", to: "12:00"}
terms:
  - {name: Autumn, from: 2026-09-03, to: 2026-12-18, week: A}
  - {name: Spring, from: 2027-01-05, to: 2027-03-26, week: B}
holidays:
  - {name: Half-term, from: 2026-10-26, to: 2026-10-30}
inset: [2026-09-02, 2026-11-27]
`

func read(t *testing.T, text string) *timetable.Timetable {
	t.Helper()
	table, err := timetable.Read("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func at(t *testing.T, local string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.ParseInLocation("2006-01-02 15:04", local, zone)
	if err != nil {
		t.Fatal(err)
	}
	return when.UTC() // whatever zone it comes in
}

func TestWordsHoldFromBellToBell(t *testing.T) {
	table := read(t, school)
	for when, want := range map[string]string{
		"2026-09-03 08:39": "out-of-hours",
		"2026-09-03 08:40": "school-day registration",
		"2026-09-03 09:00": "school-day lesson period 1",
		"2026-09-03 10:00": "school-day", // on the way
		"2026-09-03 10:10": "school-day break morning break",
		"2026-09-03 11:59": "school-day lesson period 2",
		"2026-09-03 12:00": "out-of-hours",
		"2026-09-05 09:30": "out-of-hours", // Saturday
		"2026-10-27 09:30": "out-of-hours", // half-term
		"2026-09-02 09:30": "out-of-hours inset-day",
		"2026-11-27 09:30": "out-of-hours inset-day",
		"2026-12-25 09:30": "out-of-hours",
		"2027-04-30 09:30": "out-of-hours", // after the last term, still this year's
		"2026-08-01 09:30": "",             // before it: another timetable held
		"2027-09-01 09:30": "",             // nobody brought the next one
	} {
		if got := strings.Join(table.Words("", at(t, when)), " "); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
}

func TestWeeksWithoutSchoolAreNotCounted(t *testing.T) {
	table := read(t, school)
	for when, want := range map[string]string{
		"2026-09-04 09:30": "period 1", // the term's first week, though it began on a Thursday
		"2026-09-07 09:30": "games",
		"2026-10-23 09:30": "games",    // the eighth week
		"2026-11-02 09:30": "period 1", // half-term was between
		"2027-01-06 09:30": "games",    // this term begins with B
		"2027-01-11 09:30": "period 1",
	} {
		if got := table.Words("", at(t, when)); !slices.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", when, got, want)
		}
	}
}

func TestTheBellGoesByTheSchoolsClockWhenClocksChange(t *testing.T) {
	table := read(t, school)
	for when, want := range map[string]string{
		"2026-10-23 09:30": "2026-10-23T09:00:00Z", // summer time
		"2026-11-02 09:30": "2026-11-02T10:00:00Z", // winter time
	} {
		bell, period, ok := table.EndOfPeriod("", at(t, when))
		if !ok || bell.UTC().Format(time.RFC3339) != want || period == "" {
			t.Errorf("%s: the bell goes at %s (%q, %t), want %s", when, bell.UTC(), period, ok, want)
		}
	}
	for _, when := range []string{"2026-09-03 10:02", "2026-09-05 09:30", "2026-09-03 07:00"} {
		if bell, _, ok := table.EndOfPeriod("", at(t, when)); ok {
			t.Errorf("%s: a bell at %s, and no period is on", when, bell)
		}
	}
}

// A night of boarding school across each change of the clocks.
func TestNightPeriodHoldsThroughAChangeOfClocks(t *testing.T) {
	table := read(t, strings.ReplaceAll(strings.ReplaceAll(`zone: Europe/London
periods: [{name: Night, kind: break, days: sun, from: "00:30", to: "03:00"}]
terms: [{from: FROM, to: TO}]`, "FROM", "2026-03-01"), "TO", "2026-11-30"))
	for day, hours := range map[string]float64{"2026-03-29 00:45": 1.5, "2026-10-25 00:45": 3.5, "2026-06-07 00:45": 2.5} {
		begin := at(t, day).Add(-15 * time.Minute)
		bell, _, ok := table.EndOfPeriod("", at(t, day))
		if got := bell.Sub(begin).Hours(); !ok || got != hours {
			t.Errorf("%s: the night lasts %v hours, want %v", day, got, hours)
		}
	}
}

func TestNextWorkingDaySkipsWhatIsClosed(t *testing.T) {
	table := read(t, school)
	for when, want := range map[string]string{
		"2026-09-03 23:30": "2026-09-04", // after midnight in UTC it is already the day
		"2026-09-04 12:00": "2026-09-07",
		"2026-10-23 16:00": "2026-11-02",
		"2026-11-26 16:00": "2026-11-27", // an inset day: staff work
		"2026-12-18 16:00": "2027-01-05",
	} {
		day, ok := table.NextWorkingDay("", at(t, when))
		if !ok || day.In(table.Zone()).Format("2006-01-02 15:04") != want+" 00:00" {
			t.Errorf("after %s: %s, %t; want %s", when, day, ok, want)
		}
	}
	if day, ok := table.NextWorkingDay("", at(t, "2027-03-26 16:00")); ok {
		t.Errorf("after the last term: %s", day)
	}
}

func TestSchoolDayKnowsHolidaysAndWhatItDoesNotKnow(t *testing.T) {
	table := read(t, school)
	for when, want := range map[string][2]bool{
		"2026-11-23 03:00": {true, true},
		"2026-11-22 12:00": {false, true}, // Sunday
		"2026-10-27 12:00": {false, true}, // half-term
		"2026-11-27 12:00": {false, true}, // inset: pupils do not come
		"2026-12-29 12:00": {false, true},
		"2026-08-01 12:00": {false, false}, // before it
		"2028-11-22 12:00": {false, false}, // long after it
	} {
		if open, known := table.SchoolDay("", at(t, when)); open != want[0] || known != want[1] {
			t.Errorf("%s: open %t, known %t; want %v", when, open, known, want)
		}
	}
}

func TestSitesHaveTheirOwnHoursAndShareTheRest(t *testing.T) {
	table := read(t, school+`sites:
  Manor:
    periods: [{name: Workshop, kind: lesson, from: "07:00", to: "09:00"}]
`)
	when := at(t, "2026-09-03 08:45")
	for name, want := range map[string]string{"manor": "workshop", "MANOR ": "workshop", "main": "registration", "": "registration"} {
		if got := table.Words(name, when); !slices.Contains(got, want) {
			t.Errorf("%q: %q, want %q in it", name, got, want)
		}
	}
	alone := read(t, "zone: Europe/London\nsites:\n  manor:\n    periods: [{name: W, kind: lesson, from: '07:00', to: '09:00'}]\n    terms: [{from: 2026-09-03, to: 2026-12-18}]\n"+
		"  other:\n    periods: [{name: V, kind: lesson, from: '07:00', to: '09:00'}]\n    terms: [{from: 2026-09-03, to: 2026-12-18}]\n")
	if got := alone.Words("", when); got != nil {
		t.Errorf("a device of no site is told %q of two", got)
	}
}

func TestCSVSaysTheSame(t *testing.T) {
	text := `what;site;name;kind;days;week;from;to
zone;;Europe/London
period;;Registration;registration;;;08:40;09:00
period;;Period 1;lesson;mon-fri;A;09:00;10:00
period;;Games;lesson;mon-fri;B;9:00;10:00
period;;Morning break;break;;;10:05;10:20
period;;Period 2;lesson;;;10:20;12:00
term;;Autumn;;;A;03/09/2026;18/12/2026
term;;Spring;;;b;2027-01-05;2027-03-26
holiday;;Half-term;;;;2026-10-26;2026-10-30
inset;;;;;;2026-09-02;
inset;;;;;;2026-11-27
;;;;;;;
`
	a, b := read(t, school), read(t, "\xef\xbb\xbf"+strings.ReplaceAll(text, "\n", "\r\n"))
	for when := at(t, "2026-08-30 00:00"); when.Before(at(t, "2027-04-10 00:00")); when = when.Add(17 * time.Minute) {
		if x, y := a.Words("", when), b.Words("", when); !slices.Equal(x, y) {
			t.Fatalf("%s: YAML says %q, CSV %q", when, x, y)
		}
	}
}

func TestWrongTimetableSaysWhereAndHowToMendIt(t *testing.T) {
	const periods = "periods: [{name: P, kind: lesson, from: '09:00', to: '10:00'}]\n"
	const terms = "terms: [{name: T, from: 2026-09-03, to: 2026-12-18}]\n"
	const zone = "zone: Europe/London\n"
	for text, want := range map[string]string{
		"":                                "want zone, periods",
		periods + terms:                   "time zone is missing",
		"zone: Local\n" + periods + terms: "time zone is missing",
		"zone: Europe/Lundun\n" + periods + terms: `"Europe/Lundun" is not known`,
		zone + periods: "no terms",
		zone + terms:   "no periods",
		zone + terms + "periods:\n  - {name: P, kind: lesson, from: '9.00', to: '10:00'}\n":                                                                        `line 4: from: time "9.00"`,
		zone + terms + "periods:\n  - {name: P, kind: lesson, from: '10:00', to: '09:00'}\n":                                                                       "from 10:00 to 09:00",
		zone + terms + "periods:\n  - {name: P, kind: lesson, from: '10:00', to: '24:01'}\n":                                                                       "24:01",
		zone + terms + "periods:\n  - {name: P, kind: club, from: '10:00', to: '11:00'}\n":                                                                         `kind "club": want lesson`,
		zone + terms + "periods:\n  - {name: lesson, kind: break, from: '10:00', to: '11:00'}\n":                                                                   "means something else",
		zone + terms + "periods:\n  - {name: P, kind: lesson, dasy: mon, from: '10:00', to: '11:00'}\n":                                                            `line 4: "dasy" is not known`,
		zone + terms + "periods:\n  - {name: P, kind: lesson, days: mo, from: '10:00', to: '11:00'}\n":                                                             `day "mo"`,
		zone + terms + "periods:\n  - {name: P, kind: lesson, week: C, from: '10:00', to: '11:00'}\n":                                                              `week "C"`,
		zone + terms + periods + "bells: []\n":                                                                                                                     "bells",
		zone + terms + "periods: [{name: P, kind: lesson, from: '09:00', to: '10:00'}, {name: Q, kind: lesson, days: fri, week: B, from: '09:30', to: '10:30'}]\n": `"P" (09:00-10:00) and period "Q"`,
		zone + periods + "terms: [{name: T, from: 2026-12-18, to: 2026-09-03}]\n":                                                                                  "ends (2026-09-03) before it begins",
		zone + periods + "terms: [{name: T, from: 2026-09-03, to: 2062-12-18}]\n":                                                                                  "over a year",
		zone + periods + "terms: [{name: T, from: 2026-09-03, to: 2026-12-18}, {name: U, from: 2026-12-18, to: 2027-02-01}]\n":                                     `"U" begins on 2026-12-18`,
		zone + periods + "terms: [{name: T, from: 31/02/2026}]\n":                                                                                                  `date "31/02/2026"`,
		"what,site\n":           "want the columns",
		"what,site,when,from\n": `column "when"`,
		"what,name,from,to\nzone,Europe/London\nlunch,L,2026-09-03\n": `line 3: what "lunch"`,
		"what,name,from,to\nterm,T,September\n":                       `line 2: from: date "September"`,
		"\xff":                                                        "UTF-8",
	} {
		table, err := timetable.Read("bells.yaml", []byte(text))
		if err == nil || table != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bells.yaml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(school))
	f.Add([]byte("what,site,name,kind,days,week,from,to\nzone,,Europe/London\nperiod,,P,lesson,,,09:00,10:00\nterm,,T,,,A,2026-09-03,2026-12-18\n"))
	f.Add([]byte("zone: UTC\nsites: {a: {periods: []}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := timetable.Read("f", data)
		if err != nil {
			return
		}
		for _, s := range table.Plan().Sites {
			for _, term := range s.Terms {
				when := time.Date(term.From.Year, term.From.Month, term.From.Day, 9, 30, 0, 0, table.Zone())
				words := table.Words(s.Name, when)
				bell, _, on := table.EndOfPeriod(s.Name, when)
				if on && (!bell.After(when) || !slices.Contains(words, timetable.SchoolDay)) {
					t.Errorf("at %s %q, and the bell goes at %s", when, words, bell)
				}
			}
		}
		if again, err := timetable.New(table.Plan()); err != nil || !again.End().Equal(table.End()) {
			t.Errorf("its own plan is refused: %v", err)
		}
	})
}
