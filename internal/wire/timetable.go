package wire

import (
	"math"

	"safelight/internal/timetable"
	safelightv1 "safelight/proto/safelight/v1"
)

// Timetable turns a school's hours into the message that devices are sent.
func Timetable(p timetable.Plan) *safelightv1.Timetable {
	m := &safelightv1.Timetable{Zone: p.Zone}
	for _, s := range p.Sites {
		hours := &safelightv1.SiteHours{Site: s.Name, Holidays: spans(s.Holidays), Inset: spans(s.Inset)}
		for _, period := range s.Periods {
			hours.Periods = append(hours.Periods, &safelightv1.Period{
				Name: period.Name, Kind: string(period.Kind), Days: uint32(period.Days), Week: string(period.Week),
				FromMinute: uint32(period.From), ToMinute: uint32(period.To),
			})
		}
		for _, term := range s.Terms {
			one := span(term.Span)
			one.Week = string(term.Week)
			hours.Terms = append(hours.Terms, one)
		}
		m.Sites = append(m.Sites, hours)
	}
	return m
}

func spans(list []timetable.Span) (all []*safelightv1.DaySpan) {
	for _, s := range list {
		all = append(all, span(s))
	}
	return all
}

func span(s timetable.Span) *safelightv1.DaySpan {
	return &safelightv1.DaySpan{Name: s.Name, FromDay: int32(s.From.Number()), ToDay: int32(s.To.Number())}
}

// TimetablePlan reads what Timetable wrote. It checks nothing: timetable.New does.
func TimetablePlan(m *safelightv1.Timetable) timetable.Plan {
	p := timetable.Plan{Zone: m.GetZone()}
	for _, hours := range m.GetSites() {
		s := timetable.Site{Name: hours.GetSite(), Holidays: planSpans(hours.GetHolidays()), Inset: planSpans(hours.GetInset())}
		for _, period := range hours.GetPeriods() {
			s.Periods = append(s.Periods, timetable.Period{
				Name: period.GetName(), Kind: timetable.Kind(period.GetKind()), Days: timetable.Days(min(period.GetDays(), math.MaxUint8)),
				Week: timetable.Week(period.GetWeek()), From: clockOf(period.GetFromMinute()), To: clockOf(period.GetToMinute()),
			})
		}
		for _, term := range hours.GetTerms() {
			s.Terms = append(s.Terms, timetable.Term{Span: planSpan(term), Week: timetable.Week(term.GetWeek())})
		}
		p.Sites = append(p.Sites, s)
	}
	return p
}

func clockOf(minute uint32) timetable.Clock { return timetable.Clock(min(minute, math.MaxUint16)) }

func planSpans(list []*safelightv1.DaySpan) (all []timetable.Span) {
	for _, s := range list {
		all = append(all, planSpan(s))
	}
	return all
}

func planSpan(s *safelightv1.DaySpan) timetable.Span {
	return timetable.Span{Name: s.GetName(), From: timetable.NumberedDate(int(s.GetFromDay())), To: timetable.NumberedDate(int(s.GetToDay()))}
}
