package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"safelight/collector/model"
)

// SourcesOf reads the files of a version by its name.
func (w *Workflow) SourcesOf(ctx context.Context, name Version) (map[string][]byte, error) {
	v, err := w.version(ctx, name)
	if err != nil {
		return nil, err
	}
	return w.sourcesOf(ctx, v)
}

func (w *Workflow) version(ctx context.Context, name Version) (model.PolicyVersion, error) {
	all, err := w.store.PolicyHistory(ctx, w.school)
	if err != nil {
		return model.PolicyVersion{}, err
	}
	for _, v := range all {
		if v.Epoch == name.Epoch && v.Serial == name.Serial {
			return v, nil
		}
	}
	return model.PolicyVersion{}, fmt.Errorf("there are no rules %d.%d; `rules history` lists what was published", name.Epoch, name.Serial)
}

// ParseVersion reads "3", of the epoch in force, or "1.3"; ok is false for
// anything else.
func (w *Workflow) ParseVersion(text string) (v Version, ok bool) {
	epoch, serial, both := strings.Cut(text, ".")
	if !both {
		v.Epoch, _ = w.InForce()
		serial = text
	} else {
		n, err := strconv.ParseUint(epoch, 10, 32)
		if err != nil {
			return v, false
		}
		v.Epoch = n
	}
	n, err := strconv.ParseUint(serial, 10, 32)
	v.Serial = n
	return v, err == nil && n > 0
}

// Find reads a set of rules by what people call it: a serial, a proposal's id, or
// "in-force".
func (w *Workflow) Find(ctx context.Context, name string) (Side, error) {
	if name == InForceName {
		v, ok, err := w.store.LatestPolicy(ctx, w.school)
		if err != nil {
			return Side{}, fmt.Errorf("reading the rules in force: %w", err)
		}
		if !ok {
			return Side{}, errors.New("no rules are in force yet: publish some first")
		}
		files, err := w.sourcesOf(ctx, v)
		return Side{Name: nameOf(v), Files: files}, err
	}
	if strings.HasPrefix(name, "P-") {
		p, files, err := w.proposal(ctx, name)
		if err != nil {
			return Side{}, fmt.Errorf("reading %s: %w", name, err)
		}
		return Side{Name: p.ID, Files: files}, nil
	}
	v, ok := w.ParseVersion(name)
	if !ok {
		return Side{}, fmt.Errorf("%q is neither a folder nor a serial nor a proposal: want a folder of rules, 3 or 1.3 (`rules history`), or P-7KQ2M4XT (`rules proposals`)", name)
	}
	files, err := w.SourcesOf(ctx, v)
	return Side{Name: fmt.Sprintf("%d.%d", v.Epoch, v.Serial), Files: files}, err
}

// InForceName is what people call the rules in force.
const InForceName = "in-force"

// Before reads the rules that were in force before a version; those before the
// first are nothing.
func (w *Workflow) Before(ctx context.Context, name Version) (Side, error) {
	all, err := w.store.PolicyHistory(ctx, w.school) // newest first
	if err != nil {
		return Side{}, err
	}
	for i, v := range all {
		if v.Epoch != name.Epoch || v.Serial != name.Serial {
			continue
		}
		if i+1 == len(all) {
			return Side{Name: "nothing"}, nil
		}
		files, err := w.sourcesOf(ctx, all[i+1])
		return Side{Name: nameOf(all[i+1]), Files: files}, err
	}
	return Side{}, fmt.Errorf("there are no rules %d.%d; `rules history` lists what was published", name.Epoch, name.Serial)
}

// Rollback publishes the rules of an earlier version again, under a new serial.
// It is a change like any other: what it lowers or widens takes two people.
func (w *Workflow) Rollback(ctx context.Context, to Version, by model.User, reason string) (model.PolicyVersion, model.RuleReview, error) {
	files, err := w.SourcesOf(ctx, to)
	if err != nil {
		return model.PolicyVersion{}, model.RuleReview{}, fmt.Errorf("rolling back: %w", err)
	}
	return w.Publish(ctx, Side{Name: fmt.Sprintf("%d.%d", to.Epoch, to.Serial), Files: w.withOurs(files)}, by, reason)
}

// withOurs gives old files the protected and locked packs of this program: theirs
// may be older ones, and they are not a school's to change (G5, G16).
func (w *Workflow) withOurs(files map[string][]byte) map[string][]byte {
	files = maps.Clone(files)
	for name := range protectedFiles(files) {
		delete(files, name)
	}
	maps.Copy(files, w.protected)
	return files
}
