// Package timetable knows a school's hours: from the periods, terms, holidays
// and inset days of each site it says which words hold at a moment ("lesson",
// "break", "school-day", "out-of-hours", a period's name), when the bell goes
// next, and which day is the next working one.
//
// It is pure: no clock, no files, nothing of ours. The collector reads a
// school's plan with Read and hands it to devices; both ask the same Timetable.
// It needs the zones of the system or of time/tzdata, which both programs link.
package timetable

import (
	"fmt"
	"time"
)

// Plan is a school's hours as plain data. New checks it.
type Plan struct {
	Zone  string // an IANA name: "Europe/London"
	Sites []Site // the one without a name stands for every site that has none of its own
}

// Site is one site's hours.
type Site struct {
	Name     string
	Periods  []Period
	Terms    []Term
	Holidays []Span // closed, within a term: half-terms, bank holidays
	Inset    []Span // staff work, pupils do not come
}

// Kind says what a period is.
type Kind string

// The kinds of period there are; each is a word of its own.
const (
	Lesson       Kind = "lesson"
	Break        Kind = "break"
	Registration Kind = "registration"
)

// Week says in which weeks of a two-week timetable a period holds.
type Week string

// The weeks there are. A term begins with week A unless it says otherwise; a
// week without a school day in it, such as a half-term, is not counted.
const (
	EveryWeek Week = ""
	WeekA     Week = "A"
	WeekB     Week = "B"
)

// Period is one of a day's periods, on the given weekdays.
type Period struct {
	Name     string
	Kind     Kind
	Days     Days
	Week     Week
	From, To Clock // To is not of it any more
}

// Term is a span of school days.
type Term struct {
	Span
	Week Week // that it begins with; empty: A
}

// Span is a run of days, both ends included.
type Span struct {
	Name     string
	From, To Date
}

// Days is a set of weekdays: bit n is time.Weekday(n).
type Days uint8

// Has says whether the set has a weekday.
func (d Days) Has(w time.Weekday) bool { return d&(1<<w) != 0 }

// Clock is a time of day on the school's wall: minutes after midnight.
type Clock int

// String gives 08:40.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String gives 2026-09-03.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// utc is the day's midnight in UTC, where every day has 24 hours: for counting.
func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Number counts days from 1 January 1970, so that they compare and subtract.
func (d Date) Number() int { return int(d.utc().Unix() / 86400) }

// NumberedDate is the day that Number gives the number of.
func NumberedDate(number int) Date { return dateOf(time.Unix(int64(number)*86400, 0).UTC()) }

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

func (d Date) plus(days int) Date { return dateOf(d.utc().AddDate(0, 0, days)) }

func (s Span) has(day int) bool { return s.From.Number() <= day && day <= s.To.Number() }

// at is the moment at which a school's clock shows c on a day. A time that the
// clocks skip in spring is taken an hour on, one that they show twice the first
// time (both as time.Date does).
func (d Date) at(c Clock, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, int(c)/60, int(c)%60, 0, 0, zone)
}
