package server

import (
	"context"
	"log/slog"
	"time"

	"safelight/collector/admin"
	"safelight/collector/fleet"
	"safelight/collector/model"
	"safelight/internal/version"
)

// fleet is the school's devices. The verbs make one of their own where no
// collector runs; it then knows what the store does.
func (s *state) fleet(zone *time.Location, now func() time.Time, log *slog.Logger) *fleet.Fleet {
	desk := s.desk(zone, now)
	return fleet.New(fleet.Parts{
		Store: s.store, School: schoolID, Log: log, Version: version.Version,
		Now: func() time.Time { return now().In(zone) },
		Hours: func(ctx context.Context) (fleet.Hours, error) {
			hours, err := desk.Timetable(ctx)
			if err != nil || hours == nil { // not a nil *Timetable in an interface
				return nil, err
			}
			return hours, nil
		},
		Checks: s.newestChecks,
	})
}

// storedFleet is what the store knows of the devices, where no collector runs.
func (s *state) storedFleet(ctx context.Context, conf Config, log *slog.Logger) (*fleet.Fleet, error) {
	zone, err := conf.zone()
	if err != nil {
		return nil, err
	}
	devices := s.fleet(zone, time.Now, log)
	return devices, devices.Load(ctx)
}

// deviceDesk is the console's way to devices: what the verbs do, done by whoever is
// signed in.
type deviceDesk struct {
	*fleet.Fleet
	verbs *admin.Admin
}

// Revoke implements console.Devices.
func (d deviceDesk) Revoke(ctx context.Context, id string) error { return d.verbs.Revoke(ctx, id) }

// CopiesOf implements console.Devices.
func (d deviceDesk) CopiesOf(ctx context.Context, of string) ([]model.Device, error) {
	return d.verbs.CopiesOf(ctx, of)
}

// RevokeCopies implements console.Devices.
func (d deviceDesk) RevokeCopies(ctx context.Context, r model.RevokeCopies) ([]string, error) {
	return d.verbs.RevokeCopies(ctx, r)
}

// EndToken implements console.Devices.
func (d deviceDesk) EndToken(ctx context.Context, id string) error { return d.verbs.EndToken(ctx, id) }

// NewToken implements console.Devices.
func (d deviceDesk) NewToken(ctx context.Context, site string, uses int, life time.Duration) (model.NewToken, error) {
	made, err := d.verbs.NewToken(ctx, admin.TokenCreate{Site: site, Uses: uses, Expires: life})
	return model.NewToken{ID: made.ID, Token: made.Token, Site: site, Uses: made.Uses, Expires: made.Expires}, err
}
