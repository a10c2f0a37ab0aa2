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

// siteOf says of which site a device was enrolled.
func (p *parts) siteOf(ctx context.Context, device string) (string, error) {
	d, err := p.store.Device(ctx, schoolID, device)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return d.Site, err
}
