package wire_test

import (
	"reflect"
	"testing"

	"safelight/internal/timetable"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestTimetableArrivesAsItWasSent(t *testing.T) {
	table, err := timetable.Read("t", []byte(`zone: Europe/London
periods: [{name: P1, kind: lesson, days: "mon,wed", week: B, from: "09:00", to: "10:00"}]
terms: [{name: Autumn, from: 2026-09-03, to: 2026-12-18, week: B}]
holidays: [{name: Half-term, from: 2026-10-26, to: 2026-10-30}]
inset: [2026-09-02]
sites: {manor: {periods: [{name: Night, kind: break, from: "00:00", to: "24:00"}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := wire.TimetablePlan(wire.Timetable(table.Plan())); !reflect.DeepEqual(got, table.Plan()) {
		t.Errorf("got %+v\nwant %+v", got, table.Plan())
	}
}

// What overflows where it arrives must not come to mean something else.
func TestTimetableOutOfBoundsIsRefused(t *testing.T) {
	for name, period := range map[string]*safelightv1.Period{
		"days":  {Name: "P", Kind: "lesson", Days: 1<<8 | 2, FromMinute: 540, ToMinute: 600},
		"from":  {Name: "P", Kind: "lesson", Days: 2, FromMinute: 1 << 31, ToMinute: 600},
		"to":    {Name: "P", Kind: "lesson", Days: 2, FromMinute: 540, ToMinute: 1<<32 - 1},
		"whole": {},
	} {
		m := &safelightv1.Timetable{Zone: "Europe/London", Sites: []*safelightv1.SiteHours{{
			Periods: []*safelightv1.Period{period}, Terms: []*safelightv1.DaySpan{{FromDay: 20000, ToDay: 20050}},
		}}}
		if _, err := timetable.New(wire.TimetablePlan(m)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
