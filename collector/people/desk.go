package people

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/timetable"
)

// DeskStore is where hours, sites and leave are kept.
type DeskStore interface {
	Sites(ctx context.Context, school model.SchoolID) ([]model.Site, error)
	SetSite(ctx context.Context, school model.SchoolID, site model.Site, now time.Time, sign model.MakeOverlay) error
	RemoveSite(ctx context.Context, school model.SchoolID, name string, now time.Time, sign model.MakeOverlay) error
	Timetable(ctx context.Context, school model.SchoolID) (model.TimetableVersion, bool, error)
	SetTimetable(ctx context.Context, school model.SchoolID, v model.TimetableVersion, sign model.MakeOverlay) error
	GroupSize(ctx context.Context, school model.SchoolID, group string) (int, error)
	GrantExemption(ctx context.Context, e model.Exemption, sign model.MakeOverlay) error
	EndExemption(ctx context.Context, school model.SchoolID, id, by string, now time.Time, sign model.MakeOverlay) error
	Exemption(ctx context.Context, school model.SchoolID, id string) (model.Exemption, error)
	Exemptions(ctx context.Context, school model.SchoolID, from time.Time) ([]model.Exemption, error)
	// Changes of hours and places that wait for a second person, one for each thing.
	PlaceChange(ctx context.Context, school model.SchoolID, what string) (model.PlaceChange, bool, error)
	AskPlaceChange(ctx context.Context, c model.PlaceChange) error
	TakePlaceChange(ctx context.Context, c model.PlaceChange) error
	UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error)
}

// Desk is where a school's people set hours and sites, and give leave: from the
// command line and from the console alike. What it returns as an error is for the
// person who asked.
type Desk struct {
	School     model.SchoolID
	Store      DeskStore
	Sign       model.MakeOverlay
	Exemptable []string       // categories from which leave is given
	Zone       *time.Location // in which a time of day is meant
	Now        func() time.Time
	// GoBy says what of hours and places the rules in force go by; nil: nothing.
	GoBy func(ctx context.Context) (model.RulesGoBy, error)
	// OnePerson says whether two users are one person.
	OnePerson func(ctx context.Context, a, b model.User) (bool, error)
}

// SetTimetable checks a timetable's file and takes it over. It says how many sites
// and periods it has and until when it says anything. Other hours that rules go by
// take two people.
func (d *Desk) SetTimetable(ctx context.Context, by model.Asking, name string, data []byte) (model.TimetableSummary, error) {
	table, err := timetable.Read(name, data)
	if err != nil {
		return model.TimetableSummary{}, err
	}
	now := d.Now()
	if end := table.End(); !end.After(now) {
		return model.TimetableSummary{}, fmt.Errorf("reading timetable %s: its last term ended by %s: is it last year's?", name, end.In(table.Zone()).Format("2 January 2006"))
	}
	was, err := d.Timetable(ctx)
	if err != nil {
		return model.TimetableSummary{}, err
	}
	if err := d.second(ctx, by, "timetable", data, hours(was, table)); err != nil {
		return model.TimetableSummary{}, err
	}
	err = d.Store.SetTimetable(ctx, d.School, model.TimetableVersion{Name: name, Source: data, Imported: now}, d.Sign)
	if err != nil {
		return model.TimetableSummary{}, err
	}
	return summary(table, now), nil
}

func summary(table *timetable.Timetable, now time.Time) model.TimetableSummary {
	s := model.TimetableSummary{Zone: table.Plan().Zone, Until: table.End(), Sites: len(table.Plan().Sites)}
	for _, site := range table.Plan().Sites {
		s.Periods += len(site.Periods)
		s.Now = append(s.Now, model.SiteNow{Site: site.Name, Words: table.Words(site.Name, now)})
	}
	return s
}

// Timetable reads the school's hours; nil: there are none.
func (d *Desk) Timetable(ctx context.Context) (*timetable.Timetable, error) {
	v, found, err := d.Store.Timetable(ctx, d.School)
	if err != nil || !found {
		return nil, err
	}
	return timetable.Read(v.Name, v.Source)
}

// SetSite adds or changes a site. Other networks take two people where rules go by
// premises.
func (d *Desk) SetSite(ctx context.Context, by model.Asking, site model.Site) (model.Site, error) {
	site, err := CheckSite(site)
	if err != nil {
		return site, err
	}
	all, err := d.Sites(ctx)
	if err != nil {
		return site, err
	}
	var was model.Site
	for _, s := range all { // rosters, timetables and rules know them without case
		if s.Name != site.Name && strings.EqualFold(s.Name, site.Name) {
			return site, fmt.Errorf("site %q: it is set as %q already: write it so, or take that one away first", site.Name, s.Name)
		}
		if s.Name == site.Name {
			was = s
		}
	}
	content := fmt.Appendf(nil, "%q %q %t", site.Networks, site.Resolvers, site.Unfiltered)
	if err := d.second(ctx, by, "site "+site.Name, content, premises(was, site)); err != nil {
		return site, err
	}
	return site, d.Store.SetSite(ctx, d.School, site, d.Now(), d.Sign)
}

// RemoveSite takes a site away; with networks, by two people as SetSite.
func (d *Desk) RemoveSite(ctx context.Context, by model.Asking, name string) error {
	all, err := d.Sites(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Name != name {
			continue
		}
		if err := d.second(ctx, by, "site "+name, []byte("removed"), premises(s, model.Site{})); err != nil {
			return err
		}
	}
	err = d.Store.RemoveSite(ctx, d.School, name, d.Now(), d.Sign)
	if errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("site %q: there is none of that name; `site list` shows them", name)
	}
	return err
}

// Sites lists the sites.
func (d *Desk) Sites(ctx context.Context) ([]model.Site, error) { return d.Store.Sites(ctx, d.School) }

// Grant gives a class leave.
func (d *Desk) Grant(ctx context.Context, by model.User, req model.ExemptionRequest) (model.Exemption, error) {
	table, err := d.Timetable(ctx)
	if err != nil {
		return model.Exemption{}, err
	}
	size, err := d.Store.GroupSize(ctx, d.School, FoldGroup(req.Group))
	if err != nil {
		return model.Exemption{}, err
	}
	e, err := Exempt(req, by.Duty, ExemptionRules{Exemptable: d.Exemptable, Timetable: table, Zone: d.Zone, GroupSize: size, Now: d.Now().UTC()})
	if err != nil {
		return model.Exemption{}, err
	}
	e.School, e.ID, e.By = d.School, rand.Text()[:8], by.ID
	return e, d.Store.GrantExemption(ctx, e, d.Sign)
}

// End ends leave before its time. Whoever gave it may, and the DSL and deputies.
func (d *Desk) End(ctx context.Context, by model.User, id string) (model.Exemption, error) {
	none := fmt.Errorf("exemption %q: there is none in force with that id; `exemption list` shows them", id)
	e, err := d.Store.Exemption(ctx, d.School, id)
	if errors.Is(err, model.ErrNotFound) {
		return e, none
	}
	if err != nil {
		return e, err
	}
	if by.ID != e.By && by.Duty != model.DutyDSL && by.Duty != model.DutyDeputy {
		return e, fmt.Errorf("exemption %q: whoever gave it ends it, or the DSL or a deputy", id)
	}
	now := d.Now().UTC()
	if !e.Live(now) {
		return e, none
	}
	return e, d.Store.EndExemption(ctx, d.School, id, by.ID, now, d.Sign)
}

// Exemptions lists leave that was in force at any time since.
func (d *Desk) Exemptions(ctx context.Context, since time.Time) ([]model.Exemption, error) {
	return d.Store.Exemptions(ctx, d.School, since)
}
