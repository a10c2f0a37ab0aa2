package people

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"safelight/collector/model"
	"safelight/internal/timetable"
)

// longestExemption is how long a DSL may give leave for (G16).
const longestExemption = 24 * time.Hour

// smallestGroup is the smallest class that may be given leave: a group of one is a
// person, and no rule, nor leave from one, is about one person (G7).
const smallestGroup = 2

// Bell stands for the end of the period that is on.
const Bell = "bell"

// ExemptionRules is what an exemption is judged by.
type ExemptionRules struct {
	Exemptable []string             // categories that may be lifted at all
	Timetable  *timetable.Timetable // nil: there is none
	Zone       *time.Location       // in which times without one are meant
	GroupSize  int                  // of the request's
	Now        time.Time
}

// Exempt checks a request, and says what is granted: until the bell by whoever may
// give leave at all, until a time within 24 hours by the DSL (G16).
func Exempt(req model.ExemptionRequest, duty model.Duty, r ExemptionRules) (model.Exemption, error) {
	e := model.Exemption{Duty: duty, Group: FoldGroup(req.Group), Category: strings.TrimSpace(req.Category), Reason: strings.TrimSpace(req.Reason), From: r.Now}
	switch {
	case duty == model.DutyIT:
		return e, errors.New("leave is a teacher's to give, or the DSL's, and not IT's")
	case !slices.Contains(r.Exemptable, e.Category):
		return e, fmt.Errorf("category %q: leave is given from %s only", e.Category, strings.Join(r.Exemptable, ", "))
	case e.Reason == "" || utf8.RuneCountInString(e.Reason) > 200:
		return e, errors.New("--reason: say in at most 200 characters what the class needs it for; it is kept")
	case r.GroupSize == 0:
		return e, fmt.Errorf("class %q: no such group is in the roster; its name stands in the column groups", req.Group)
	case r.GroupSize < smallestGroup:
		return e, fmt.Errorf("class %q: it has one person in it, and leave is never for one person", req.Group)
	}
	bell, period, on := endOfPeriod(r, req.Site)
	if strings.EqualFold(strings.TrimSpace(req.Until), Bell) {
		if !on {
			return e, noBell(r)
		}
		e.Until, e.Bell = bell, period
		return e, nil
	}
	until, err := untilOf(req.Until, r)
	if err != nil {
		return e, err
	}
	e.Until = until
	switch {
	case !until.After(r.Now):
		return e, fmt.Errorf("--until %s has passed", req.Until)
	case duty != model.DutyDSL && (!on || until.After(bell)):
		return e, errors.New("leave beyond the bell takes the DSL: give --until bell")
	case until.Sub(r.Now) > longestExemption:
		return e, fmt.Errorf("--until %s is over 24 hours away, and no leave lasts longer: what always holds is a change of the rules", req.Until)
	}
	return e, nil
}

func endOfPeriod(r ExemptionRules, site string) (time.Time, string, bool) {
	if r.Timetable == nil {
		return time.Time{}, "", false
	}
	return r.Timetable.EndOfPeriod(site, r.Now)
}

func noBell(r ExemptionRules) error {
	if r.Timetable == nil {
		return errors.New("--until bell: there is no timetable to know the bell by; `timetable import` brings one, or the DSL gives a time")
	}
	return errors.New("--until bell: no period is on now; leave begins at once, so give it in the lesson")
}

// untilOf reads a time of day, today's, or a whole time.
func untilOf(text string, r ExemptionRules) (time.Time, error) {
	text = strings.TrimSpace(text)
	if clock, err := timetable.ParseClock(text); err == nil {
		y, m, d := r.Now.In(r.Zone).Date()
		return time.Date(y, m, d, int(clock)/60, int(clock)%60, 0, 0, r.Zone), nil
	}
	if until, err := time.Parse(time.RFC3339, text); err == nil {
		return until, nil
	}
	return time.Time{}, fmt.Errorf("--until %q: want bell, a time of today like 14:05, or one like 2026-11-22T14:05:00Z", text)
}
