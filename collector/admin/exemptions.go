package admin

import (
	"context"
	"fmt"
	"time"

	"safelight/collector/model"
)

// ExemptionGrant asks for leave for a class.
type ExemptionGrant struct {
	As       string `json:"as"`
	Class    string `json:"class"`
	Category string `json:"category"`
	Until    string `json:"until"` // "bell", a time of today, or a time
	Site     string `json:"site,omitempty"`
	Reason   string `json:"reason"`
}

// ExemptionEnd asks for leave to end now.
type ExemptionEnd struct {
	As string `json:"as"`
	ID string `json:"id"`
}

// ExemptionList asks for those in force, and those that ended since a time.
type ExemptionList struct {
	Since time.Time `json:"since"`
}

// ExemptionRow is one exemption.
type ExemptionRow struct {
	ID       string     `json:"id"`
	Class    string     `json:"class"`
	Category string     `json:"category"`
	By       string     `json:"by"`
	Duty     string     `json:"duty"`
	Reason   string     `json:"reason"`
	From     time.Time  `json:"from"`
	Until    time.Time  `json:"until"`
	Bell     string     `json:"bell,omitempty"` // the period whose bell ends it
	Ended    *time.Time `json:"ended"`          // early
	Live     bool       `json:"live"`
	Zone     string     `json:"zone"` // the school's, in which people read the times
}

func (a *Admin) exemptionGrant(ctx context.Context, req ExemptionGrant) ([]ExemptionRow, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	e, err := a.Desk.Grant(ctx, u, model.ExemptionRequest{Group: req.Class, Category: req.Category, Until: req.Until, Site: req.Site, Reason: req.Reason})
	if err != nil {
		return nil, usagef("granting an exemption: %w", err)
	}
	a.Changed()
	return one(a.exemptionRow(e, u.Name)), nil
}

func (a *Admin) exemptionEnd(ctx context.Context, req ExemptionEnd) ([]ExemptionRow, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	e, err := a.Desk.End(ctx, u, req.ID)
	if err != nil {
		return nil, usagef("ending an exemption: %w", err)
	}
	a.Changed()
	e.Ended = a.Now()
	return one(a.exemptionRow(e, a.userName(ctx, e.By))), nil
}

func (a *Admin) exemptionList(ctx context.Context, req ExemptionList) ([]ExemptionRow, error) {
	since := req.Since
	if since.IsZero() {
		since = a.Now()
	}
	all, err := a.Desk.Exemptions(ctx, since)
	if err != nil {
		return nil, err
	}
	rows := make([]ExemptionRow, 0, len(all))
	for _, e := range all {
		rows = append(rows, a.exemptionRow(e, a.userName(ctx, e.By)))
	}
	return rows, nil
}

func (a *Admin) userName(ctx context.Context, id string) string {
	if u, err := a.Store.UserByID(ctx, a.School, id); err == nil {
		return u.Name
	}
	return id
}

func (a *Admin) exemptionRow(e model.Exemption, by string) ExemptionRow {
	return ExemptionRow{
		ID: e.ID, Class: e.Group, Category: e.Category, By: by, Duty: string(e.Duty), Reason: e.Reason, From: e.From.UTC(), Until: e.Until.UTC(),
		Bell: e.Bell, Ended: timeOrNil(e.Ended), Live: e.Live(a.Now()), Zone: a.zone(),
	}
}

// zone names the school's zone.
func (a *Admin) zone() string {
	if a.Zone == nil {
		return time.UTC.String()
	}
	return a.Zone.String()
}

// Lines words it for people.
func (r ExemptionRow) Lines() []string {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		zone = time.UTC
	}
	until := "until " + r.Until.In(zone).Format("15:04 MST on 2 Jan")
	if r.Bell != "" {
		until += fmt.Sprintf(" (the bell of %s)", r.Bell)
	}
	switch {
	case r.Ended != nil:
		until = "ended early, " + r.Ended.In(zone).Format("15:04 MST on 2 Jan")
	case !r.Live:
		until = "ended " + r.Until.In(zone).Format("15:04 MST on 2 Jan")
	}
	return []string{fmt.Sprintf("%s  %s for %s  %s  by %s (%s): %s", r.ID, r.Category, r.Class, until, r.By, r.Duty, r.Reason)}
}
