package watch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"safelight/collector/model"
)

// meetBack is how far back it is looked for what other collectors wrote down. It is
// longer than a run is written late by, with what their clocks may differ.
const meetBack = 5 * time.Minute

// meet takes in what other collectors that share the store heard lately. Copies of a
// device that call different collectors are told apart so: the one that has the earlier
// run on the line learns of the later one, and the other way round, each in time for the
// next heartbeat.
func (c *Copies) meet(ctx context.Context) error {
	if !c.runs.Shared() {
		return nil
	}
	now := c.now()
	lately, err := c.runs.RunsSince(ctx, c.school, now.Add(-meetBack))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range lately {
		c.met(r, now)
	}
	return nil
}

// met takes one run in. The caller holds mu.
func (c *Copies) met(r model.Run, now time.Time) {
	if c.devices[r.Device] == nil && r.Told.IsZero() {
		return // of a device that does not call here
	}
	d := c.device(r.Device)
	i := d.index(r.Instance)
	if i < 0 && d.full(now) && !r.Told.IsZero() {
		return // it was counted where it was told; taken in here, it would put another out and come again
	}
	if i < 0 {
		there := known(r, now)
		there.told, there.split = time.Time{}, false // which is counted below
		i = d.arrive(there, now)
	}
	here := d.runs[i]
	if r.Heard.After(here.heard) {
		here.heard = r.Heard
	}
	if r.Heard.After(here.saved) {
		here.saved = r.Heard
	}
	if !r.Told.IsZero() && here.told.IsZero() {
		here.told = r.Told
		d.notice(1, r.Told)
	}
	if r.Own && !here.split {
		here.split = true
		copy(here.key[:], r.KeyHash)
		d.own++
	}
	if r.Arrived.Before(here.arrived) { // it was new to both
		here.arrived = r.Arrived
		slices.SortStableFunc(d.runs, func(x, y *run) int { return cmp.Or(x.arrived.Compare(y.arrived), cmp.Compare(x.instance, y.instance)) })
	}
}
