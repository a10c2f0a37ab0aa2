package admin

import (
	"cmp"
	"context"
	"strings"
)

// Keys changes the school's keys.
type Keys interface {
	Rotate(ctx context.Context, req KeyRotate, by string) (done string, err error)
	// ID names the key of a kind (root, issuing, policy) that is now in use; empty
	// where there is no such kind.
	ID(kind string) string
}

// KeyRotate asks for a step of a change of keys.
type KeyRotate struct {
	What     string `json:"what"`               // root, issuing or policy
	Step     string `json:"step,omitempty"`     // use or retire
	Recovery string `json:"recovery,omitempty"` // the recovery key's file, for policy
	Force    bool   `json:"force,omitempty"`
}

// keyEvents is what each step is called in the record: an event of its own.
var keyEvents = map[string]string{
	"root": "key.root.announce", "root use": "key.root.use", "root retire": "key.root.retire",
	"issuing": "key.issuing.replace", "issuing retire": "key.issuing.retire",
	"policy": "key.policy.replace", "policy retire": "key.policy.retire",
}

func keyEvent(r KeyRotate) string {
	return cmp.Or(keyEvents[strings.TrimSpace(r.What+" "+r.Step)], "key.unknown")
}

// keyRef names the key in use: before a step the old one, after it the new one.
func (a *Admin) keyRef(r KeyRotate) string {
	if id := a.Keys.ID(r.What); id != "" {
		return "key:" + id
	}
	return "key:" + r.What
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
