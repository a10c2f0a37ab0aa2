package timetable

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a plan: far more than any school has, and small enough to look
// through at every observation.
const (
	maxSites   = 64
	maxPeriods = 200 // of a site
	maxSpans   = 120 // terms, holidays, inset days of a site, each
	maxName    = 60  // characters
	maxTerm    = 366 // days
)

// words are what a period must not be called: they say something else.
var words = []string{SchoolDay, OutOfHours, InsetDay, string(Lesson), string(Break), string(Registration)}

// New checks a plan and makes a timetable of it. What is wrong is said with the
// site and the name of the period or span.
func New(p Plan) (*Timetable, error) {
	if p.Zone == "" || p.Zone == "Local" {
		return nil, errors.New("the time zone is missing: want a name like Europe/London")
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known: want a name like Europe/London", p.Zone)
	}
	if n := len(p.Sites); n == 0 || n > maxSites {
		return nil, fmt.Errorf("%d sites: want 1 to %d", n, maxSites)
	}
	t := &Timetable{plan: p, zone: zone, sites: map[string]*site{}}
	for _, s := range p.Sites {
		if err := checkSite(s); err != nil {
			return nil, fmt.Errorf("%s: %w", called(s), err)
		}
		name := fold(s.Name)
		if _, twice := t.sites[name]; twice {
			return nil, fmt.Errorf("%s: it stands there twice", called(s))
		}
		t.sites[name] = newSite(s, zone)
	}
	return t, nil
}

func newSite(s Site, zone *time.Location) *site {
	made := &site{Site: s, zone: zone, first: s.Terms[0].From.Number()}
	made.twoWeeks = slices.ContainsFunc(s.Periods, func(p Period) bool { return p.Week != EveryWeek })
	for _, term := range s.Terms {
		made.first = min(made.first, term.From.Number())
		made.last = max(made.last, term.To.Number()+outdated)
	}
	for _, i := range s.Inset { // the term's first days are often these
		if n := i.From.Number(); n < made.first && made.first-n <= 14 {
			made.first = n
		}
	}
	return made
}

func called(s Site) string {
	if s.Name == "" {
		return "every site"
	}
	return fmt.Sprintf("site %q", s.Name)
}

func checkSite(s Site) error {
	if err := plain(s.Name); err != nil {
		return fmt.Errorf("its name: %w", err)
	}
	switch {
	case len(s.Periods) == 0:
		return errors.New("it has no periods: want at least one, with a kind, days, from and to")
	case len(s.Periods) > maxPeriods:
		return fmt.Errorf("%d periods: want at most %d", len(s.Periods), maxPeriods)
	case len(s.Terms) == 0:
		return errors.New("it has no terms: want the days on which each begins and ends, or nothing would say when there is school")
	case max(len(s.Terms), len(s.Holidays), len(s.Inset)) > maxSpans:
		return fmt.Errorf("want at most %d terms, holidays and inset days each", maxSpans)
	}
	for _, p := range s.Periods {
		if err := checkPeriod(p); err != nil {
			return fmt.Errorf("period %q: %w", p.Name, err)
		}
	}
	if err := overlapping(s.Periods); err != nil {
		return err
	}
	return checkSpans(s)
}

func checkPeriod(p Period) error {
	if err := plain(p.Name); err != nil {
		return fmt.Errorf("its name: %w", err)
	}
	switch {
	case p.Name == "":
		return errors.New("it has no name")
	case slices.Contains(words, fold(p.Name)) && fold(p.Name) != string(p.Kind):
		return errors.New("that word means something else in a rule: give it another name")
	case p.Kind != Lesson && p.Kind != Break && p.Kind != Registration:
		return fmt.Errorf("kind %q: want lesson, break or registration", p.Kind)
	case p.Days == 0 || p.Days >= 1<<7:
		return errors.New("days: want weekdays such as mon-fri or mon, wed")
	case p.Week != EveryWeek && p.Week != WeekA && p.Week != WeekB:
		return fmt.Errorf("week %q: want A, B or nothing", p.Week)
	case p.From < 0 || p.To > 24*60 || p.From >= p.To:
		return fmt.Errorf("from %s to %s: want a time of the same day after the first", p.From, p.To)
	}
	return nil
}

// overlapping refuses two periods at once: no bell could be said to end either.
func overlapping(periods []Period) error {
	for i, a := range periods {
		for _, b := range periods[i+1:] {
			together := a.Days&b.Days != 0 && (a.Week == b.Week || a.Week == EveryWeek || b.Week == EveryWeek)
			if together && a.From < b.To && b.From < a.To {
				return fmt.Errorf("period %q (%s-%s) and period %q (%s-%s) are on at the same time", a.Name, a.From, a.To, b.Name, b.From, b.To)
			}
		}
	}
	return nil
}

func checkSpans(s Site) error {
	terms := make([]Span, 0, len(s.Terms))
	for _, t := range s.Terms {
		if t.Week != EveryWeek && t.Week != WeekA && t.Week != WeekB {
			return fmt.Errorf("term %q: week %q: want A, B or nothing", t.Name, t.Week)
		}
		if t.To.Number()-t.From.Number() > maxTerm {
			return fmt.Errorf("term %q: %s to %s is over a year: is a digit wrong?", t.Name, t.From, t.To)
		}
		terms = append(terms, t.Span)
	}
	if err := errors.Join(checkRuns("term", terms), checkRuns("holiday", s.Holidays), checkRuns("inset day", s.Inset)); err != nil {
		return err
	}
	slices.SortFunc(terms, func(a, b Span) int { return cmp.Compare(a.From.Number(), b.From.Number()) })
	for i := 1; i < len(terms); i++ {
		if terms[i].From.Number() <= terms[i-1].To.Number() {
			return fmt.Errorf("term %q begins on %s, before term %q has ended (%s)", terms[i].Name, terms[i].From, terms[i-1].Name, terms[i-1].To)
		}
	}
	return nil
}

func checkRuns(what string, spans []Span) error {
	for _, span := range spans {
		if err := plain(span.Name); err != nil {
			return fmt.Errorf("a %s's name: %w", what, err)
		}
		if span.To.Number() < span.From.Number() {
			return fmt.Errorf("%s %q: it ends (%s) before it begins (%s)", what, span.Name, span.To, span.From)
		}
	}
	return nil
}

func plain(name string) error {
	switch {
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("want at most %d characters", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("want plain text on one line")
	}
	return nil
}
