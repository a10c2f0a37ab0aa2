package console

import (
	"fmt"
	"time"
)

// when writes a time as people at a school say it: the clock for today, the
// weekday for the last six days, else the date. Never a timestamp.
func when(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "at a time not known"
	}
	t, now = t.In(zone), now.In(zone)
	switch days := daysBetween(t, now); {
	case days == 0:
		return t.Format("15:04")
	case days > 0 && days < 7:
		return t.Format("Monday 15:04")
	case t.Year() == now.Year():
		return t.Format("2 January, 15:04")
	}
	return t.Format("2 January 2006, 15:04")
}

// dated writes a time on a page that is kept: whoever reads it may do so in another
// year.
func (c *Console) dated(t time.Time) string {
	return t.In(c.zone).Format("Monday 2 January 2006, 15:04")
}

// daysBetween counts midnights from t to now, whatever the clocks did.
func daysBetween(t, now time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(now).Sub(day(t)) / (24 * time.Hour))
}

// duration writes a length of time in words, in the one unit that matters.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under a second"
	case d < 90*time.Second:
		return plural(int(d.Round(time.Second)/time.Second), "second", "seconds")
	case d < 90*time.Minute:
		return plural(int(d.Round(time.Minute)/time.Minute), "minute", "minutes")
	case d < 36*time.Hour:
		return plural(int(d.Round(time.Hour)/time.Hour), "hour", "hours")
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour)/(24*time.Hour)))
}
