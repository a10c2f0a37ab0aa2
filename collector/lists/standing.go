package lists

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// Standing is a list, where its names came from, and how its source does.
type Standing = model.ListStanding

// The states there are, the worst first where several hold.
const (
	Missing = "none yet"   // no version was ever taken
	Waiting = "waits"      // a version was refused, and waits for a person
	Failing = "fails"      // its source does; the last good version is in force
	Unused  = "not in use" // no rule in force subscribes to it
	Good    = "good"
)

// staleTimes is how many refreshes may be missed unnoticed.
const staleTimes = 3

// Standing lists every list that the rules in force subscribe to, and those that
// are kept and in use no more.
func (l *Lists) Standing(ctx context.Context) ([]Standing, error) {
	kept, err := l.Store.Lists(ctx, l.School)
	if err != nil {
		return nil, err
	}
	sources := l.Sources()
	var all []Standing
	for _, src := range sources {
		i := slices.IndexFunc(kept, func(k model.List) bool { return k.ID == src.ID })
		list := model.List{ID: src.ID}
		if i >= 0 {
			list = kept[i]
		}
		s, err := l.standing(ctx, list, &src)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	for _, list := range kept {
		if slices.ContainsFunc(sources, func(s rules.ListSource) bool { return s.ID == list.ID }) {
			continue
		}
		s, err := l.standing(ctx, list, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// standing puts one list's together. src is nil for one that is not in use.
func (l *Lists) standing(ctx context.Context, list model.List, src *rules.ListSource) (Standing, error) {
	s := Standing{ID: list.ID, Version: list.Current, Checked: list.Checked, Due: list.Due, Since: list.Failing}
	if src != nil {
		s.Category, s.Licence, s.From, s.Format = src.Category, src.Licence, src.From, src.Format
		if where, _, err := splitPin(src.URL); err == nil {
			s.URL = shownURL(where)
		}
	}
	versions, err := l.Store.ListVersions(ctx, l.School, list.ID)
	if err != nil {
		return s, err
	}
	for _, v := range versions {
		switch v.Version {
		case list.Current:
			if err := from(&s, v); err != nil {
				return s, err
			}
		case list.Offered:
			s.Offered = v.Names
		}
	}
	s.State, s.Warning = l.stateOf(list, src)
	return s, nil
}

// from takes over the provenance of the version in force: the rules may say
// otherwise by now, and it is where these names came from that counts.
func from(s *Standing, v model.ListVersion) error {
	s.Names, s.Fetched, s.Licence, s.From, s.URL, s.Format, s.By = v.Names, v.Fetched, v.Licence, v.From, v.URL, v.Format, v.By
	s.SHA256 = fmt.Sprintf("%x", v.SHA256)
	s.Summary = &Summary{}
	if err := json.Unmarshal(v.Summary, s.Summary); err != nil {
		return fmt.Errorf("reading what came of list %s, version %d: %w", v.List, v.Version, err)
	}
	return nil
}

func (l *Lists) stateOf(list model.List, src *rules.ListSource) (state, warning string) {
	since := ""
	if !list.Failing.IsZero() {
		since = fmt.Sprintf("its source fails since %s (%d in a row)", list.Failing.UTC().Format("2 Jan 15:04 UTC"), list.Failures)
		if list.Problem != "" && list.Offered == 0 {
			since += ": " + list.Problem
		}
	}
	switch {
	case src == nil:
		return Unused, ""
	case list.Current == 0 && list.Offered == 0:
		return Missing, since
	case list.Offered != 0:
		return Waiting, list.Problem
	case since != "":
		return Failing, since
	case !list.Due.IsZero() && l.Now().Sub(list.Due) > staleTimes*defaultRefresh:
		return Failing, "it was due on " + list.Due.UTC().Format("2 Jan 15:04 UTC") + " and nobody has asked its source since"
	}
	return Good, ""
}

// Warnings counts the lists that want a person's look, by state.
func (l *Lists) Warnings(ctx context.Context) (n int64, err error) {
	all, err := l.Standing(ctx)
	for _, s := range all {
		if s.Warning != "" {
			n++
		}
	}
	return n, err
}
