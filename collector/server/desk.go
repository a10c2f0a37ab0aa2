package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"safelight/collector/people"
	"safelight/collector/store"
	"safelight/internal/rules"
)

// zone is the school's.
func (c *Config) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time_zone %q: %w; want a name like Europe/London", c.TimeZone, err)
	}
	return zone, nil
}

// desk is where hours, sites and leave are set.
func (s *state) desk(zone *time.Location, now func() time.Time) *people.Desk {
	sign := people.NewOverlays(schoolID, s.store, s.keys.ring.Present, now)
	return &people.Desk{School: schoolID, Store: s.store, Sign: sign.Make, Exemptable: rules.Exemptable(), Zone: zone, Now: now}
}

// scopeWords are what scopes of rules can name: of the roster, where there is one, of
// the sites, where there are any, and of the timetable.
func (s *state) scopeWords(ctx context.Context, desk *people.Desk) (has rules.School, err error) {
	known, err := s.store.RosterWords(ctx, schoolID)
	if err != nil {
		return has, err
	}
	if known.Roster {
		has.Groups, has.Years = append([]string{}, known.Groups...), append([]string{}, known.Years...)
	}
	sites, err := desk.Sites(ctx)
	if err != nil {
		return has, err
	}
	for _, site := range sites {
		has.Sites = append(has.Sites, site.Name)
	}
	has.Sites = append(has.Sites, known.Sites...)
	hours, err := desk.Timetable(ctx)
	if err != nil || hours == nil {
		return has, err
	}
	has.Periods = hours.AllWords()
	return has, nil
}

// siteOf says of which site a device was enrolled.
func (p *parts) siteOf(ctx context.Context, device string) (string, error) {
	d, err := p.store.Device(ctx, schoolID, device)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return d.Site, err
}
