package watch

import (
	"context"
	"log/slog"
	"time"

	"safelight/collector/model"
)

// Runs keeps runs of agents.
type Runs interface {
	DeviceRun(ctx context.Context, school model.SchoolID, device, instance string) (model.Run, bool, error)
	ToldRuns(ctx context.Context, school model.SchoolID) ([]model.Run, error)
	SaveRuns(ctx context.Context, school model.SchoolID, runs []model.Run) error
	ForgetRuns(ctx context.Context, school model.SchoolID, since time.Time) error
}

const (
	// runsEvery is how often new runs are written down.
	runsEvery = 10 * time.Second
	// heardEvery is how often it is written down that a run goes on, and, of a copy
	// that is not a device of its own yet, heardCopy.
	heardEvery, heardCopy = 24 * time.Hour, 10 * time.Minute
	// A run that was not heard for so long is forgotten: no laptop sleeps for longer
	// without its battery running out.
	runKept = 60 * 24 * time.Hour
	// forgetEvery is how often such runs are looked for.
	forgetEvery = 24 * time.Hour
	// lastSave is how long the last writing may take when the service stops.
	lastSave = 2 * time.Second
)

// Load takes up which copies were noticed before this process began.
func (c *Copies) Load(ctx context.Context) error {
	told, err := c.runs.ToldRuns(ctx, c.school)
	if err != nil {
		return err
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range told {
		d := c.device(r.Device)
		if d.index(r.Instance) >= 0 {
			continue
		}
		d.notice(1, r.Told)
		if r.Own {
			d.own++
		}
		if now.Sub(r.Heard) <= runEnds {
			d.arrive(&r, r.Instance, now)
		}
	}
	return nil
}

// stored looks a run up that is not awake here; nil: it is, or nobody knows it.
func (c *Copies) stored(ctx context.Context, device, instance string) (*model.Run, error) {
	c.mu.Lock()
	awake := c.find(device, instance) != nil
	c.mu.Unlock()
	if awake {
		return nil, nil
	}
	r, known, err := c.runs.DeviceRun(ctx, c.school, device, instance)
	if err != nil || !known {
		return nil, err
	}
	return &r, nil
}

// Run writes new runs down until ctx ends, and once more then.
func (c *Copies) Run(ctx context.Context) error {
	tick := time.NewTicker(runsEvery)
	defer tick.Stop()
	var forgot time.Time
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
			defer cancel()
			return c.save(last)
		case <-tick.C:
		}
		err := c.save(ctx)
		if now := c.now(); err == nil && now.Sub(forgot).Abs() >= forgetEvery {
			forgot = now
			err = c.runs.ForgetRuns(ctx, c.school, now.Add(-runKept))
		}
		if err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelWarn, "keeping which agents were heard failed", slog.Any("error", err))
		}
	}
}

// save writes down what the store does not have; what cannot be written is kept for
// the next time.
func (c *Copies) save(ctx context.Context) error {
	due, saved := c.due()
	if len(due) == 0 {
		return nil
	}
	if err := c.runs.SaveRuns(ctx, c.school, due); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range saved {
			r.dirty = true
		}
		return err
	}
	return nil
}

// due takes out what is to be written now.
func (c *Copies) due() (due []model.Run, of []*run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, d := range c.devices {
		for _, r := range d.runs {
			every := heardEvery
			if !r.told.IsZero() && !r.split {
				every = heardCopy
			}
			if r.dirty || r.heard.Sub(r.saved) >= every {
				r.dirty, r.saved = false, r.heard
				due, of = append(due, model.Run{Device: id, Instance: r.instance, Arrived: r.arrived, Heard: r.heard, Told: r.told}), append(of, r)
			}
		}
	}
	return due, of
}
