package admin

import "context"

// Keys changes the school's keys.
type Keys interface {
	Rotate(ctx context.Context, req KeyRotate, by string) (done string, err error)
}

// KeyRotate asks for a step of a change of keys.
type KeyRotate struct {
	What     string `json:"what"`               // root, issuing or policy
	Step     string `json:"step,omitempty"`     // use or retire
	Recovery string `json:"recovery,omitempty"` // the recovery key's file, for policy
	Force    bool   `json:"force,omitempty"`
}

func (a *Admin) keyRotate(ctx context.Context, req KeyRotate) ([]Done, error) {
	said, err := a.Keys.Rotate(ctx, req, caller(ctx))
	if err != nil {
		return nil, usageError{err}
	}
	a.Changed()
	a.Log.WarnContext(ctx, "a key was changed", "what", req.What, "step", req.Step)
	return one(Done{said}), nil
}
