package timetable

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday,
	"sat": time.Saturday, "sun": time.Sunday,
}

// ParseDays reads weekdays: "mon-fri", "mon, wed, fri", in full or by their first
// three letters. Nothing at all is Monday to Friday.
func ParseDays(s string) (Days, error) {
	if strings.TrimSpace(s) == "" {
		return ParseDays("mon-fri")
	}
	var days Days
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '/' }) {
		from, to, run := strings.Cut(part, "-")
		first, err := weekday(from)
		if err != nil {
			return 0, err
		}
		last := first
		if run {
			if last, err = weekday(to); err != nil {
				return 0, err
			}
		}
		for d := first; ; d = (d + 1) % 7 {
			days |= 1 << d
			if d == last {
				break
			}
		}
	}
	return days, nil
}

func weekday(s string) (time.Weekday, error) {
	word := strings.ToLower(strings.TrimSpace(s))
	for short, day := range weekdays {
		if word == short || len(word) > 3 && strings.HasPrefix(strings.ToLower(day.String()), word) {
			return day, nil
		}
	}
	return 0, fmt.Errorf("day %q: want mon, tue, wed, thu, fri, sat, sun, or a run such as mon-fri", s)
}

// String gives days as ParseDays reads them.
func (d Days) String() string {
	var all []string
	for i := range 7 {
		if day := time.Weekday((i + 1) % 7); d.Has(day) {
			all = append(all, strings.ToLower(day.String()[:3]))
		}
	}
	return strings.Join(all, ",")
}

// ParseClock reads a time of day: "8:40", "08:40".
func ParseClock(s string) (Clock, error) {
	h, m, ok := strings.Cut(strings.TrimSpace(s), ":")
	hours, herr := strconv.Atoi(h)
	minutes, merr := strconv.Atoi(m)
	if !ok || herr != nil || merr != nil || len(m) != 2 || len(h) > 2 || hours < 0 || minutes < 0 || minutes > 59 || hours*60+minutes > 24*60 {
		return 0, fmt.Errorf("time %q: want hours and minutes of 24, like 08:40 or 14:05", s)
	}
	return Clock(hours*60 + minutes), nil
}

// ParseDate reads a day: "2026-09-03", or as British exports write it,
// "03/09/2026".
func ParseDate(s string) (Date, error) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.DateOnly, "02/01/2006", "2/1/2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return dateOf(t), nil
		}
	}
	return Date{}, fmt.Errorf("date %q: want a day of the calendar like 2026-09-03 or 03/09/2026", s)
}

// ParseWeek reads which week of two: "", "A", "B".
func ParseWeek(s string) (Week, error) {
	switch w := Week(strings.ToUpper(strings.TrimSpace(s))); w {
	case EveryWeek, WeekA, WeekB:
		return w, nil
	}
	return "", fmt.Errorf("week %q: want A, B or nothing for every week", s)
}
