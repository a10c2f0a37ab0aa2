package watch

import (
	"context"
	"errors"
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
	// NewestRun is the latest time that is written down of any run of a device.
	NewestRun(ctx context.Context, school model.SchoolID, device string) (time.Time, error)
	// RunsSince lists the runs that were written down as heard, or told, since a time.
	RunsSince(ctx context.Context, school model.SchoolID, since time.Time) ([]model.Run, error)
	// Shared says whether other collectors write runs down too.
	Shared() bool
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
		if awake := known(r, now); !awake.over(now) {
			d.arrive(awake, now)
		}
	}
	return nil
}

// stored looks a run up that is not awake here, and gives it as it belongs beside the
// others; nil: it is awake. One that nobody knows came after all that are.
func (c *Copies) stored(ctx context.Context, device, instance string, now time.Time) (*run, error) {
	c.mu.Lock()
	awake := c.find(device, instance) != nil
	c.mu.Unlock()
	if awake {
		return nil, nil
	}
	r, ok, err := c.runs.DeviceRun(ctx, c.school, device, instance)
	if err != nil {
		return nil, err
	}
	if ok {
		woke := known(r, now)
		// Others are told that it speaks: beside them there may be a copy of it.
		woke.dirty = c.runs.Shared()
		return woke, nil
	}
	newest, err := c.runs.NewestRun(ctx, c.school, device)
	if err != nil {
		return nil, err
	}
	return &run{instance: instance, arrived: after(newest, now), heard: now, learnt: now, dirty: true}, nil
}

// after is now, or the moment after a time that has not come yet by this clock.
func after(at, now time.Time) time.Time {
	if at.Before(now) {
		return now
	}
	return at.Add(time.Microsecond)
}

// Run writes new runs down, and takes in what other collectors wrote, until ctx ends; it
// writes once more then.
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
		err := errors.Join(c.save(ctx), c.meet(ctx))
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
