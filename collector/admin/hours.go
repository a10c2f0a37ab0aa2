package admin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// Desk is where hours, sites and leave are set. Its errors are for whoever asked.
type Desk interface {
	SetTimetable(ctx context.Context, by model.Asking, name string, data []byte) (model.TimetableSummary, error)
	SetSite(ctx context.Context, by model.Asking, site model.Site) (model.Site, error)
	RemoveSite(ctx context.Context, by model.Asking, name string) error
	Sites(ctx context.Context) ([]model.Site, error)
	Grant(ctx context.Context, by model.User, req model.ExemptionRequest) (model.Exemption, error)
	End(ctx context.Context, by model.User, id string) (model.Exemption, error)
	Exemptions(ctx context.Context, since time.Time) ([]model.Exemption, error)
}

// TimetableImport carries a timetable's file.
type TimetableImport struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
	PlaceBy
}

// PlaceBy says who changes hours or places, and why: needed where rules go by them.
type PlaceBy struct {
	As     string `json:"as,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// asking finds who asks; nobody, where it does not say.
func (a *Admin) asking(ctx context.Context, what string, req PlaceBy) (context.Context, model.Asking, error) {
	if req.As == "" {
		return ctx, model.Asking{}, nil
	}
	u, err := a.person(ctx, req.As)
	if err != nil {
		return ctx, model.Asking{}, err
	}
	if err := why(what, "--reason", req.Reason); err != nil {
		return ctx, model.Asking{}, err
	}
	return a.by(ctx, u), model.Asking{User: u, Reason: strings.TrimSpace(req.Reason)}, nil
}

// TimetableImported is the answer.
type TimetableImported struct {
	Zone    string    `json:"zone"`
	Sites   int       `json:"sites"`
	Periods int       `json:"periods"`
	Until   time.Time `json:"until"`
	Now     []SiteNow `json:"now"`
}

// SiteNow says what holds at a site at this moment.
type SiteNow struct {
	Site  string   `json:"site,omitempty"`
	Words []string `json:"words"`
}

func (a *Admin) timetableImport(ctx context.Context, req TimetableImport) ([]TimetableImported, error) {
	ctx, by, err := a.asking(ctx, "importing a timetable", req.PlaceBy)
	if err != nil {
		return nil, err
	}
	s, err := a.Desk.SetTimetable(ctx, by, req.Name, req.Data)
	if err != nil {
		return nil, usageError{err}
	}
	a.Changed()
	answer := TimetableImported{Zone: s.Zone, Sites: s.Sites, Periods: s.Periods, Until: s.Until.UTC(), Now: []SiteNow{}}
	for _, n := range s.Now {
		answer.Now = append(answer.Now, SiteNow(n))
	}
	return one(answer), nil
}

// Lines words it for people.
func (t TimetableImported) Lines() []string {
	lines := []string{fmt.Sprintf("%d periods at %d sites, in the time of %s; it says nothing from %s on.", t.Periods, t.Sites, t.Zone, t.Until.Format("2 January 2006"))}
	for _, n := range t.Now {
		site, words := "every other site", "nothing is known"
		if n.Site != "" {
			site = n.Site
		}
		if len(n.Words) > 0 {
			words = strings.Join(n.Words, ", ")
		}
		lines = append(lines, fmt.Sprintf("Now at %s: %s", site, words))
	}
	return lines
}

// SiteSet asks for a site to be added or changed.
type SiteSet struct {
	Name       string   `json:"name"`
	Networks   []string `json:"networks"`
	Resolvers  []string `json:"resolvers"`
	Unfiltered bool     `json:"unfiltered"`
	Remove     bool     `json:"remove,omitempty"`
	PlaceBy
}

// SiteRow is the answer, and a line of `site list`.
type SiteRow struct {
	Name       string    `json:"name"`
	Networks   []string  `json:"networks"`
	Resolvers  []string  `json:"resolvers"`
	Unfiltered bool      `json:"unfiltered"`
	Changed    time.Time `json:"changed,omitzero"`
	Removed    bool      `json:"removed,omitempty"`
}

func siteRow(s model.Site) SiteRow {
	return SiteRow{Name: s.Name, Networks: append([]string{}, s.Networks...), Resolvers: append([]string{}, s.Resolvers...), Unfiltered: s.Unfiltered, Changed: s.Changed}
}

// Lines words it for people.
func (s SiteRow) Lines() []string {
	if s.Removed {
		return []string{s.Name + "  removed"}
	}
	networks, filter := "no networks: nobody is on its premises", "filtered"
	if len(s.Networks) > 0 {
		networks = strings.Join(s.Networks, " ")
	}
	if len(s.Resolvers) > 0 {
		networks += " with " + strings.Join(s.Resolvers, " or ")
	}
	if s.Unfiltered {
		filter = "no filter"
	}
	return []string{s.Name + "  " + filter + "  " + networks}
}

func (a *Admin) siteSet(ctx context.Context, req SiteSet) ([]SiteRow, error) {
	ctx, by, err := a.asking(ctx, "setting a site", req.PlaceBy)
	if err != nil {
		return nil, err
	}
	if req.Remove {
		if err := a.Desk.RemoveSite(ctx, by, req.Name); err != nil {
			return nil, usageError{err}
		}
		a.Changed()
		return one(SiteRow{Name: req.Name, Networks: []string{}, Resolvers: []string{}, Removed: true}), nil
	}
	site, err := a.Desk.SetSite(ctx, by, model.Site{Name: req.Name, Networks: req.Networks, Resolvers: req.Resolvers, Unfiltered: req.Unfiltered})
	if err != nil {
		return nil, usageError{err}
	}
	a.Changed()
	return one(siteRow(site)), nil
}

func (a *Admin) siteList(ctx context.Context, _ Nothing) ([]SiteRow, error) {
	sites, err := a.Desk.Sites(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]SiteRow, 0, len(sites))
	for _, s := range sites {
		rows = append(rows, siteRow(s))
	}
	return rows, nil
}
