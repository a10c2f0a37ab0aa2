package timetable

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The words that hold beside a period's kind and name.
const (
	SchoolDay  = "school-day"
	OutOfHours = "out-of-hours"
	InsetDay   = "inset-day"
)

// outdated is how long after its last term a timetable still says anything: a
// summer. After that it is last year's, and nothing is known.
const outdated = 70 // days

// Timetable answers from a Plan. It does not change, so any number may ask.
type Timetable struct {
	plan  Plan
	zone  *time.Location
	sites map[string]*site
}

type site struct {
	Site
	zone        *time.Location
	first, last int  // days: of the first term, and of the last one with its summer
	twoWeeks    bool // some period is not in every week
}

// Plan is what the timetable was made of.
func (t *Timetable) Plan() Plan { return t.plan }

// Zone is the school's.
func (t *Timetable) Zone() *time.Location { return t.zone }

// End is the last day on which the timetable says anything of any site, at
// midnight after it.
func (t *Timetable) End() time.Time {
	last := 0
	for _, s := range t.sites {
		last = max(last, s.last)
	}
	return NumberedDate(last+1).at(0, t.zone)
}

// site finds the hours of a site. One that is not named has those of the plan's
// nameless site or, where the plan knows one site only, of that.
func (t *Timetable) site(name string) *site {
	if s, ok := t.sites[fold(name)]; ok {
		return s
	}
	if s, ok := t.sites[""]; ok {
		return s
	}
	if len(t.sites) == 1 && name == "" {
		for _, s := range t.sites {
			return s
		}
	}
	return nil
}

func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// Words says what holds at a site at a moment: on a day of school between its
// first and its last bell "school-day" and the kind and the name (in lower case)
// of the period that is on; at every other time "out-of-hours", and "inset-day"
// too where it is one. None at all: it is not known.
func (t *Timetable) Words(siteName string, at time.Time) []string {
	s := t.site(siteName)
	if s == nil {
		return nil
	}
	day := dateOf(at.In(t.zone))
	if n := day.Number(); n < s.first || n > s.last {
		return nil
	}
	if !s.schoolDay(day) {
		if s.inset(day) {
			return []string{OutOfHours, InsetDay}
		}
		return []string{OutOfHours}
	}
	periods := s.on(day)
	if len(periods) == 0 || at.Before(periods[0].from) || !at.Before(lastBell(periods)) {
		return []string{OutOfHours}
	}
	words := []string{SchoolDay}
	for _, p := range periods {
		if p.holds(at) {
			words = append(words, string(p.Kind))
			if name := fold(p.Name); name != "" && !slices.Contains(words, name) {
				words = append(words, name)
			}
		}
	}
	return words
}

// AllWords are the words that may hold at some site at some time, sorted.
func (t *Timetable) AllWords() []string {
	words := []string{SchoolDay, OutOfHours, InsetDay}
	for _, s := range t.plan.Sites {
		for _, p := range s.Periods {
			words = append(words, string(p.Kind))
			if name := fold(p.Name); name != "" {
				words = append(words, name)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// Hours says at what hours of a week a word holds while there is school, at each site:
// lines that are the same where these are. Terms, holidays and inset days are not of
// it. A timetable that is not there has none.
func (t *Timetable) Hours(word string) (lines []string) {
	if t == nil {
		return nil
	}
	for _, s := range t.plan.Sites {
		for _, p := range s.Periods {
			// A day of school is from the first bell of all to the last.
			if word == SchoolDay || word == OutOfHours || word == string(p.Kind) || word == fold(p.Name) {
				lines = append(lines, fmt.Sprint(t.plan.Zone, " ", fold(s.Name), " ", p.Days, p.Week, " ", p.From, "-", p.To))
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// EndOfPeriod is when the bell ends the period that is on at a site, and its
// name. It is false between two periods and out of hours.
func (t *Timetable) EndOfPeriod(siteName string, at time.Time) (bell time.Time, period string, ok bool) {
	s := t.site(siteName)
	if s == nil {
		return time.Time{}, "", false
	}
	day := dateOf(at.In(t.zone))
	if !s.schoolDay(day) {
		return time.Time{}, "", false
	}
	for _, p := range s.on(day) {
		if p.holds(at) {
			return p.to, p.Name, true
		}
	}
	return time.Time{}, "", false
}

// NextWorkingDay is the midnight that begins the first day after the one of at
// on which a site's staff work: a school day or an inset day. It is false where
// the timetable does not reach so far.
func (t *Timetable) NextWorkingDay(siteName string, at time.Time) (time.Time, bool) {
	s := t.site(siteName)
	if s == nil {
		return time.Time{}, false
	}
	for day := dateOf(at.In(t.zone)).plus(1); day.Number() <= s.last; day = day.plus(1) {
		if s.schoolDay(day) || s.inset(day) {
			return day.at(0, t.zone), true
		}
	}
	return time.Time{}, false
}

// held is a period on one day.
type held struct {
	Period
	from, to time.Time
}

func (h held) holds(at time.Time) bool { return !at.Before(h.from) && at.Before(h.to) }

func lastBell(periods []held) (last time.Time) {
	for _, p := range periods {
		if p.to.After(last) {
			last = p.to
		}
	}
	return last
}

// on lists a day's periods, earliest first.
func (s *site) on(day Date) []held {
	var all []held
	week := EveryWeek
	if s.twoWeeks {
		week = s.week(day)
	}
	for _, p := range s.Periods {
		if p.Days.Has(day.utc().Weekday()) && (p.Week == EveryWeek || p.Week == week) {
			all = append(all, held{p, day.at(p.From, s.zone), day.at(p.To, s.zone)})
		}
	}
	slices.SortFunc(all, func(a, b held) int { return a.from.Compare(b.from) })
	return all
}

func (s *site) term(day int) (Term, bool) {
	for _, t := range s.Terms {
		if t.has(day) {
			return t, true
		}
	}
	return Term{}, false
}

// schoolDay says whether pupils come: in a term, not closed, no inset day, and a
// weekday on which there is any period at all.
func (s *site) schoolDay(day Date) bool {
	n := day.Number()
	if _, in := s.term(n); !in || s.closed(n) || s.inset(day) {
		return false
	}
	weekday := day.utc().Weekday()
	return slices.ContainsFunc(s.Periods, func(p Period) bool { return p.Days.Has(weekday) })
}

func (s *site) closed(day int) bool {
	return slices.ContainsFunc(s.Holidays, func(h Span) bool { return h.has(day) })
}

func (s *site) inset(day Date) bool {
	n := day.Number()
	return slices.ContainsFunc(s.Inset, func(i Span) bool { return i.has(n) })
}

// week says which week of two a day of a term is in: counted from Monday to
// Sunday, and only weeks in which there is school.
func (s *site) week(day Date) Week {
	term, in := s.term(day.Number())
	if !in {
		return EveryWeek
	}
	odd := false
	for monday := mondayOf(term.From); monday.Number() < mondayOf(day).Number(); monday = monday.plus(7) {
		if s.schoolIn(monday, term) {
			odd = !odd
		}
	}
	if odd == (term.Week == WeekB) {
		return WeekA
	}
	return WeekB
}

// schoolIn says whether there is a day of school in a term's week.
func (s *site) schoolIn(monday Date, term Term) bool {
	for i := range 7 {
		if day := monday.plus(i); term.has(day.Number()) && s.schoolDay(day) {
			return true
		}
	}
	return false
}

func mondayOf(day Date) Date {
	return day.plus(-(int(day.utc().Weekday()) + 6) % 7)
}

// SchoolDay says whether pupils come to a site on the day of at; known is false
// where the timetable says nothing of that day.
func (t *Timetable) SchoolDay(siteName string, at time.Time) (open, known bool) {
	s := t.site(siteName)
	if s == nil {
		return false, false
	}
	day := dateOf(at.In(t.zone))
	if n := day.Number(); n < s.first || n > s.last {
		return false, false
	}
	return s.schoolDay(day), true
}
