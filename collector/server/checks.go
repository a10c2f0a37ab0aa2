package server

import (
	"context"
	"strings"
	"time"

	"safelight/collector/fleet"
	"safelight/collector/model"
)

// checks is the ledger of the school's checks.
func (s *state) checks(zone *time.Location, now func() time.Time) *fleet.Checks {
	return fleet.NewChecks(s.store, schoolID, func() time.Time { return now().In(zone) })
}

// newestChecks is what coverage goes by.
func (s *state) newestChecks(ctx context.Context) (map[string]fleet.Checked, error) {
	all, err := s.store.LatestChecks(ctx, schoolID)
	if err != nil {
		return nil, err
	}
	checked := make(map[string]fleet.Checked, len(all))
	for device, c := range all {
		checked[device] = fleet.Checked{At: c.Received, Passed: c.Passed(), Failed: failedAt(c), Hidden: c.Hidden, System: c.System}
	}
	return checked, nil
}

// failedAt says what a check failed at, in a sentence; empty where at nothing.
func failedAt(c model.Check) string {
	if c.Passed() {
		return ""
	}
	return strings.Join(c.Amiss(), " ")
}

// checksRequested takes up a request, and has devices told of it.
func (c *changes) checksRequested(ctx context.Context) error {
	if c.checks == nil {
		return nil
	}
	if err := c.checks.Reload(ctx); err != nil {
		return err
	}
	c.watch.ChecksRequested()
	return nil
}
