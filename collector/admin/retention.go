package admin

import (
	"context"

	"safelight/collector/model"
)

// RetentionRun asks for what is too old to be removed.
type RetentionRun struct {
	DryRun bool `json:"dry_run"`
}

// RetentionRan is the answer.
type RetentionRan struct {
	DryRun bool `json:"dry_run"`
	model.Removed
}

func (a *Admin) retentionRun(ctx context.Context, req RetentionRun) ([]RetentionRan, error) {
	removed, err := a.RemoveOld(ctx, req.DryRun)
	if err != nil {
		return nil, err
	}
	if !req.DryRun {
		a.Changed()
	}
	return one(RetentionRan{req.DryRun, removed}), nil
}
