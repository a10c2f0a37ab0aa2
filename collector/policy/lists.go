package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// Lists are the subscribed lists that the school keeps.
type Lists interface {
	// Current is the version in force of a list, and how many names it has; 0
	// where there is none yet.
	Current(ctx context.Context, id string) (version, names int64, err error)
	// Names reads a version's names, each once. An error ends it.
	Names(ctx context.Context, id string, version int64) iter.Seq2[string, error]
	// Contains says whether a version holds a host, or a name above it, and which.
	Contains(ctx context.Context, id string, version int64, host string) (name string, ok bool, err error)
	// Changes reads in what a version differs from an earlier one. An error ends
	// it: where it comes of a version that is not kept any more, the names are all
	// built anew.
	Changes(ctx context.Context, id string, from, to int64) iter.Seq2[model.ListChange, error]
}

// UseLists has versions made with the names of subscribed lists. Without it those
// are empty.
func (p *Publisher) UseLists(l Lists) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lists = l
}

func (p *Publisher) subscribed() Lists {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lists
}

// overtakenTries bounds how often in a row other rules may come between: they take
// seconds to make, and may have been begun with the lists as they were.
const overtakenTries = 5

// listsBy is who publishes when a list has changed: nobody's decision, but that
// of whoever subscribed to it.
const listsBy = "lists"

// ListsChanged publishes the rules in force again where a list that they
// subscribe to has another version now. What devices have to fetch for it is the
// difference, until that has grown large or old.
func (p *Publisher) ListsChanged(ctx context.Context) error {
	err := p.listsChanged(ctx)
	for try := 1; errors.Is(err, ErrOvertaken) && try < overtakenTries; try++ {
		err = p.listsChanged(ctx)
	}
	if err != nil {
		return fmt.Errorf("publishing rules with changed lists: %w", err)
	}
	return p.Reload(ctx)
}

func (p *Publisher) listsChanged(ctx context.Context) error {
	last, ok, err := p.store.LatestPolicy(ctx, p.school)
	if err != nil || !ok {
		return err
	}
	files, err := p.sourcesOf(ctx, last)
	if err != nil {
		return err
	}
	set, err := compile(files)
	if err != nil {
		return err
	}
	now, err := p.versions(ctx, set)
	if err != nil {
		return err
	}
	was, err := p.store.PolicyLists(ctx, p.school, last.Epoch, last.Serial)
	if err != nil {
		return err
	}
	if maps.Equal(now, was) {
		return nil
	}
	over := Version{Epoch: last.Epoch, Serial: last.Serial}
	_, err = p.publish(ctx, Change{Files: files, By: listsBy, Reason: changedLists(was, now), Over: &over}, set)
	return err
}

func changedLists(was, now map[string]int64) string {
	var ids []string
	for id, version := range now {
		if was[id] != version {
			ids = append(ids, id)
		}
	}
	if slices.Sort(ids); len(ids) > 0 {
		return fmt.Sprintf("A newer version of %s.", listed(ids))
	}
	return "A list is there no longer."
}

func listed(ids []string) string {
	const most = 5
	text := "the lists"
	if len(ids) == 1 {
		text = "the list"
	}
	for i, id := range ids[:min(len(ids), most)] {
		if text += " "; i > 0 {
			text = text[:len(text)-1] + ", "
		}
		text += id
	}
	if len(ids) > most {
		text += fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return text
}

// versions are those of the lists that rules subscribe to and that are there.
func (p *Publisher) versions(ctx context.Context, set *rules.Ruleset) (map[string]int64, error) {
	now := map[string]int64{}
	lists := p.subscribed()
	if lists == nil {
		return now, nil
	}
	for _, l := range set.Lists() {
		if l.URL == "" {
			continue
		}
		version, _, err := lists.Current(ctx, l.ID)
		if err != nil {
			return nil, fmt.Errorf("asking for the version of list %s: %w", l.ID, err)
		}
		if version > 0 {
			now[l.ID] = version
		}
	}
	return now, nil
}
