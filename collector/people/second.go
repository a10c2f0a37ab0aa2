package people

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/timetable"
)

// agreeWithin is how long a change of hours or places waits for a second person.
const agreeWithin = 7 * 24 * time.Hour

// twoPeople are who may ask for such a change; one of the two is in charge.
var (
	twoPeople = []model.Duty{model.DutyDSL, model.DutyDeputy, model.DutyIT}
	inCharge  = []model.Duty{model.DutyDSL, model.DutyDeputy}
)

// second lets a change through that takes one person, or that a second one asks for
// too. Any other it keeps, and says in an error who has to do what. Rules that go by
// hours or premises hold for others once these change: that is a change of rules
// without one (G7), so it takes what that takes.
func (d *Desk) second(ctx context.Context, by model.Asking, what string, content []byte, goBy func(model.RulesGoBy) string) error {
	if d.GoBy == nil {
		return nil
	}
	all, err := d.GoBy(ctx)
	if err != nil {
		return err
	}
	why := goBy(all)
	if why == "" {
		return nil
	}
	if by.User.ID == "" || strings.TrimSpace(by.Reason) == "" {
		return fmt.Errorf("%s: rules in force go by %s, so this changes whom they look at and takes two people (G7): give --as WHO and --reason WHY, and have somebody else do the same", what, why)
	}
	if !slices.Contains(twoPeople, by.User.Duty) {
		return fmt.Errorf("%s: rules in force go by %s, so this takes two people (G7), of IT, DSLs and deputies; --as gave a person with the duty %q", what, why, by.User.Duty)
	}
	c := model.PlaceChange{School: d.School, What: what, Sum: sha256.Sum256(content), By: by.User.ID, Reason: by.Reason, At: d.Now().UTC()}
	asked, found, err := d.Store.PlaceChange(ctx, d.School, what)
	if err != nil {
		return err
	}
	if !found || asked.Sum != c.Sum || c.At.Sub(asked.At) > agreeWithin || d.gone(ctx, asked.By) {
		if err := d.Store.AskPlaceChange(ctx, c); err != nil {
			return err
		}
		return fmt.Errorf("%s: kept, and not done yet: rules in force go by %s, so this takes two people (G7). Have somebody else give the same command within %d days%s", what, why, int(agreeWithin.Hours()/24), unless(by.User.Duty))
	}
	if err := d.somebodyElse(ctx, what, asked, by.User); err != nil {
		return err
	}
	return d.Store.TakePlaceChange(ctx, c)
}

// gone says that whoever asked has no access any more: another may ask instead.
func (d *Desk) gone(ctx context.Context, user string) bool {
	u, err := d.Store.UserByID(ctx, d.School, user)
	return errors.Is(err, model.ErrNotFound) || err == nil && u.Disabled
}

func unless(duty model.Duty) string {
	if slices.Contains(inCharge, duty) {
		return ""
	}
	return ": a DSL or a deputy"
}

// somebodyElse says whether one who agrees is not the one who asked, and one of them
// is in charge.
func (d *Desk) somebodyElse(ctx context.Context, what string, asked model.PlaceChange, by model.User) error {
	first, err := d.Store.UserByID(ctx, d.School, asked.By)
	if err != nil {
		return err
	}
	one, err := d.OnePerson(ctx, first, by)
	if err != nil {
		return err
	}
	if one {
		return fmt.Errorf("%s: %s asked for it on %s: it takes somebody else too", what, first.Name, asked.At.In(d.Zone).Format("2 January 15:04"))
	}
	if !slices.Contains(inCharge, first.Duty) && !slices.Contains(inCharge, by.Duty) {
		return fmt.Errorf("%s: one of the two has to be a DSL or a deputy", what)
	}
	return nil
}

// premises is why a change of a site's networks takes two.
func premises(was, is model.Site) func(model.RulesGoBy) string {
	return func(all model.RulesGoBy) string {
		if !all.Premises || slices.Equal(was.Networks, is.Networks) && slices.Equal(was.Resolvers, is.Resolvers) {
			return ""
		}
		return "whether a device is on the premises"
	}
}

// hours is why other bells take two: where one of the words that rules go by holds at
// another hour of a week. Terms, holidays and inset days come and go with the year.
func hours(was, is *timetable.Timetable) func(model.RulesGoBy) string {
	return func(all model.RulesGoBy) string {
		var other []string
		for _, word := range all.Hours {
			if !slices.Equal(was.Hours(word), is.Hours(word)) {
				other = append(other, fmt.Sprintf("%q", word))
			}
		}
		return strings.Join(other, " and ")
	}
}
