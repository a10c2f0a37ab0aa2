package server

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"safelight/collector/model"
	"safelight/collector/store"
)

// How long the daily run waits: first until a start's rush is over, then a day,
// each with jitter, so that collectors on one database do not run together.
const (
	retentionFirst  = 10 * time.Minute
	retentionDaily  = 24 * time.Hour
	retentionJitter = time.Hour
)

// remover is what retention needs of the store.
type remover interface {
	RemoveTrialData(ctx context.Context, school model.SchoolID, before, now time.Time, dry bool) (model.Removed, error)
	// RemoveTrials removes what `rules try` found, in any school.
	RemoveTrials(ctx context.Context, school model.SchoolID, now time.Time) error
}

// retention removes a trial's data once it is old enough (G13).
type retention struct {
	store remover
	now   func() time.Time
	log   *slog.Logger
}

func newRetention(s remover, now func() time.Time, log *slog.Logger) *retention {
	return &retention{s, now, log}
}

func (r *retention) remove(ctx context.Context, dry bool) (model.Removed, error) {
	now := r.now()
	return r.store.RemoveTrialData(ctx, schoolID, now.Add(-model.TrialKept), now, dry)
}

// run removes once a day until ctx ends. What fails is tried again the next day.
func (r *retention) run(ctx context.Context) error {
	wait := retentionFirst
	for {
		timer := time.NewTimer(wait + rand.N(retentionJitter))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		wait = retentionDaily
		r.once(ctx)
	}
}

func (r *retention) once(ctx context.Context) {
	if err := r.store.RemoveTrials(ctx, schoolID, r.now()); err != nil && ctx.Err() == nil {
		r.log.ErrorContext(ctx, "removing old trials of rules failed", "error", err)
	}
	removed, err := r.remove(ctx, false)
	switch {
	case errors.Is(err, store.ErrNotTrial) || ctx.Err() != nil:
	case err != nil:
		r.log.ErrorContext(ctx, "removing old data failed", "error", err)
	case removed != (model.Removed{}):
		r.log.InfoContext(ctx, "removed old data", "events", removed.Events, "alerts", removed.Alerts, "subjects", removed.Subjects)
	}
}
