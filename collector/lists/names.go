package lists

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"safelight/collector/model"
)

// Current returns the version of a list that is in force and how many names it
// has; 0 where there is none yet.
func (l *Lists) Current(ctx context.Context, id string) (version, names int64, err error) {
	list, err := l.Store.List(ctx, l.School, id)
	if errors.Is(err, model.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil || list.Current == 0 {
		return 0, 0, err
	}
	v, err := l.version(ctx, id, list.Current)
	return list.Current, v.Names, err
}

func (l *Lists) version(ctx context.Context, id string, version int64) (model.ListVersion, error) {
	all, err := l.Store.ListVersions(ctx, l.School, id)
	if err != nil {
		return model.ListVersion{}, err
	}
	for _, v := range all {
		if v.Version == version {
			return v, nil
		}
	}
	return model.ListVersion{}, fmt.Errorf("list %s, version %d: %w", id, version, ErrNotKept)
}

// kept says whether the names of a version are still there.
func (l *Lists) kept(ctx context.Context, id string, version int64) error {
	v, err := l.version(ctx, id, version)
	if err == nil && v.State != model.ListKept && v.State != model.ListOffered {
		err = fmt.Errorf("list %s, version %d: %w", id, version, ErrNotKept)
	}
	return err
}

// Names reads every name of a kept version, each once, in A-labels and lower
// case, in the order of their keys. An error ends it. No connection is held
// between names.
func (l *Lists) Names(ctx context.Context, id string, version int64) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := l.kept(ctx, id, version); err != nil {
			yield("", err)
			return
		}
		for c := l.cursor(ctx, id, version, model.ListNames); ; {
			key, err := c.next()
			if err != nil {
				yield("", err)
				return
			}
			if key == nil || !yield(nameOf(key), nil) {
				return
			}
		}
	}
}

// Change is a name that one version has and another has not.
type Change = model.ListChange

// Changes reads in what order of keys a kept version differs from an earlier kept
// one: what a device with the one needs to have the other. ErrNotKept: one of
// them is not there any more, and all names have to be sent.
func (l *Lists) Changes(ctx context.Context, id string, from, to int64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if err := errors.Join(l.kept(ctx, id, from), l.kept(ctx, id, to)); err != nil {
			yield(Change{}, err)
			return
		}
		d := differ{was: l.cursor(ctx, id, from, model.ListNames)}
		now := l.cursor(ctx, id, to, model.ListNames)
		going := true
		d.removed = func(key []byte) error {
			going = going && yield(Change{Name: nameOf(key), Removed: true}, nil)
			return nil
		}
		for going {
			key, err := now.next()
			if err != nil {
				yield(Change{}, err)
				return
			}
			added, err := d.step(key)
			if err != nil {
				yield(Change{}, err)
				return
			}
			if key == nil {
				return
			}
			if added && going && !yield(Change{Name: nameOf(key)}, nil) {
				return
			}
		}
	}
}

// differ walks an older version beside a newer one's keys.
type differ struct {
	was     *cursor
	removed func(key []byte) error // is told of what the newer has not
	head    []byte
	begun   bool
}

// step takes the newer one's next key, nil at its end, and says whether the older
// one has it not.
func (d *differ) step(key []byte) (added bool, err error) {
	if !d.begun {
		d.begun = true
		if d.head, err = d.was.next(); err != nil {
			return false, err
		}
	}
	for d.head != nil {
		order := -1 // at the newer one's end all that is left was removed
		if key != nil {
			order = bytes.Compare(d.head, key)
		}
		if order > 0 {
			return true, nil
		}
		if order < 0 {
			if err := d.removed(d.head); err != nil {
				return false, err
			}
		}
		if d.head, err = d.was.next(); err != nil || order == 0 {
			return false, err
		}
	}
	return key != nil, nil
}
