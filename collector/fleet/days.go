package fleet

import (
	"time"

	"safelight/collector/model"
)

// farBack bounds how far back days of school are counted.
const farBack = 400

// open says whether pupils come to a site on a day. Where no timetable says it,
// every weekday is a day of school.
func (b *drawing) open(site string, at time.Time) bool {
	if b.hours != nil {
		if open, known := b.hours.SchoolDay(site, at); known {
			return open
		}
	}
	day := at.In(b.now.Location()).Weekday()
	return day != time.Saturday && day != time.Sunday
}

// missed counts the whole days of school that have passed since a moment, its own
// day and today not counted: a laptop that was shut down on Friday evening has
// missed none on Monday morning.
func (b *drawing) missed(site string, since time.Time) (days int) {
	if since.IsZero() {
		return farBack
	}
	today := midnightOf(b.now)
	day := noonAfter(midnightOf(since.In(b.now.Location())))
	for range farBack {
		if !day.Before(today) {
			break
		}
		if b.open(site, day) {
			days++
		}
		day = noonAfter(midnightOf(day))
	}
	return days
}

// noonAfter is the noon of the next day, which no change of clocks moves to
// another day.
func noonAfter(midnight time.Time) time.Time {
	return time.Date(midnight.Year(), midnight.Month(), midnight.Day()+1, 12, 0, 0, 0, midnight.Location())
}

// seenAt is when a device was last heard from.
func (b *drawing) seenAt(d model.Device) time.Time {
	if live := b.live[d.ID].LastSeen; live.After(d.LastSeen) {
		return live
	}
	return d.LastSeen
}
