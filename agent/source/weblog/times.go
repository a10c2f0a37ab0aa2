package weblog

import (
	"strconv"
	"time"
)

// stamp cuts a time off the beginning of a line: syslog's, or ISO 8601's with
// a T.
func stamp(line []byte, o Options) (at time.Time, rest []byte, ok bool) {
	if at, rest, ok = yearless(line, o); ok {
		return at, rest, true
	}
	word, rest := field(line)
	if len(word) < len("2006-01-02T15:04:05") || word[10] != 'T' {
		return time.Time{}, nil, false
	}
	at, ok = isoTime(word, o.Zone)
	return at, rest, ok
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

// yearless reads syslog's "Nov 21 23:15:01", with or without a fraction. The
// year is the latest with which the time is not in the future; a day's lead is
// allowed to clocks that differ.
func yearless(line []byte, o Options) (time.Time, []byte, bool) {
	if len(line) < len("Jan  2 15:04:05") || line[3] != ' ' || line[6] != ' ' || line[9] != ':' || line[12] != ':' {
		return time.Time{}, nil, false
	}
	month := time.Month(0)
	for m := range 12 {
		if string(line[:3]) == monthNames[3*m:3*m+3] {
			month = time.Month(m + 1)
		}
	}
	tens := line[4]
	if tens == ' ' {
		tens = '0'
	}
	day, ok1 := twoDigits(tens, line[5])
	hour, ok2 := twoDigits(line[7], line[8])
	minute, ok3 := twoDigits(line[10], line[11])
	second, ok4 := twoDigits(line[13], line[14])
	if month == 0 || !ok1 || !ok2 || !ok3 || !ok4 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, nil, false
	}
	rest := line[15:]
	nanos := 0
	if len(rest) > 0 && rest[0] == '.' {
		nanos, rest = fraction(rest[1:])
	}
	latest := o.Now().Add(24 * time.Hour)
	for year := latest.Year(); year > latest.Year()-9; year-- { // a leap day comes every fourth, or eighth, year
		at := time.Date(year, month, day, hour, minute, second, nanos, o.Zone)
		if at.Month() == month && !at.After(latest) {
			return at.UTC(), rest, true
		}
	}
	return time.Time{}, nil, false
}

func twoDigits(a, b byte) (int, bool) {
	if a < '0' || a > '9' || b < '0' || b > '9' {
		return 0, false
	}
	return int(a-'0')*10 + int(b-'0'), true
}

// fraction reads up to nine digits as nanoseconds.
func fraction(b []byte) (nanos int, rest []byte) {
	n, unit := 0, 100_000_000
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		nanos += int(b[n]-'0') * unit
		unit /= 10
		n++
	}
	return nanos, b[n:]
}

var isoLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05",
}

// isoTime reads ISO 8601 with any fraction; a time without a zone is in zone.
func isoTime[T string | []byte](b T, zone *time.Location) (time.Time, bool) {
	if len(b) < len("2006-01-02T15:04:05") || len(b) > 40 {
		return time.Time{}, false
	}
	for _, layout := range isoLayouts {
		if b[10] != layout[10] {
			continue
		}
		if at, err := time.ParseInLocation(layout, string(b), zone); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// unixTime reads seconds since 1970 with an optional fraction. Written out,
// because a float has no room for milliseconds to come back exactly.
func unixTime[T string | []byte](b T) (time.Time, bool) {
	whole, part := b, b[len(b):]
	for i := range len(b) {
		if b[i] == '.' {
			whole, part = b[:i], b[i+1:]
			break
		}
	}
	if len(whole) == 0 || len(whole) > 11 || len(part) > 9 || whole[0] < '0' || whole[0] > '9' {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, false
	}
	nanos, rest := fraction([]byte(part))
	if len(rest) > 0 {
		return time.Time{}, false
	}
	return time.Unix(seconds, int64(nanos)).UTC(), true
}

func number(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
