package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"safelight/collector/model"
	"safelight/internal/bundle"
	"safelight/internal/rules"
	"safelight/internal/rules/names"
)

// over makes a version over the table of names of the one before.
type over struct {
	was     *rules.Policy
	base    *names.Table
	table   []byte
	overlay *names.Overlay // nil: none yet
	raw     []byte         // the overlay's bytes
	seen    *names.Table   // base with the overlay

	sets  [][]uint32          // of the rules to come
	ruled map[string][]uint32 // their rules, by list
}

// makeOver is false where the table cannot serve on: it is due to be built anew,
// another list is subscribed to, or nobody knows any more what has changed.
func (p *Publisher) makeOver(ctx context.Context, files map[string][]byte, set *rules.Ruleset, lists map[string]int64, last model.PolicyVersion) (made, bool, error) {
	was, err := p.store.PolicyLists(ctx, p.school, last.Epoch, last.Serial)
	if err != nil {
		return made{}, false, err
	}
	for id := range lists {
		if was[id] == 0 {
			return made{}, false, nil // all its names are new
		}
	}
	o, err := p.beginOver(ctx, last)
	if err != nil || o == nil {
		return made{}, false, err
	}
	if same, err := p.sameFileLists(ctx, o.was, set.Policy(), files, last); err != nil || !same {
		return made{}, false, err
	}
	o.carrySets(set.Policy())
	changes, err := p.changes(ctx, was, lists)
	if err != nil {
		return made{}, false, nil //nolint:nilerr // what cannot be told is built anew, and then says what ails it
	}
	if err := o.lay(changes, set.MayList); err != nil {
		return made{}, false, nil //nolint:nilerr // too many, or two names that this table cannot tell apart
	}
	if due, err := p.due(ctx, o); err != nil || due {
		return made{}, false, err
	}
	policy := *set.Policy()
	policy.Sets = o.sets
	tables := set.Tables()
	tables.Names = o.table
	compiled, err := bundle.EncodeParts(&policy, tables, o.raw)
	return made{compiled, lists}, true, err
}

// beginOver reads the version before; nil where it has no table of names.
func (p *Publisher) beginOver(ctx context.Context, last model.PolicyVersion) (*over, error) {
	files, err := p.manifestFiles(ctx, last)
	if err != nil {
		return nil, err
	}
	o := &over{table: files[bundle.NamesFile], raw: files[bundle.OverlayFile]}
	if o.table == nil {
		return nil, nil
	}
	if o.was, err = bundle.Policy(files[bundle.PolicyFile]); err != nil {
		return nil, nil //nolint:nilerr // of another age: build anew
	}
	if o.base, err = names.Open(o.table); err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	o.seen = o.base
	if o.raw == nil {
		return o, nil
	}
	if o.overlay, err = names.OpenOverlay(o.raw); err == nil {
		o.seen, err = o.base.With(o.overlay)
	}
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	return o, nil
}

// sameFileLists says whether the lists in files of the packs, whose names stand in
// the table too, are as they were.
func (p *Publisher) sameFileLists(ctx context.Context, was, now *rules.Policy, files map[string][]byte, last model.PolicyVersion) (bool, error) {
	before, after := fileLists(was), fileLists(now)
	if !maps.Equal(before, after) {
		return false, nil
	}
	if len(after) == 0 {
		return true, nil
	}
	old, err := p.Sources(ctx, last.Epoch, last.Serial)
	if err != nil {
		return false, err
	}
	for _, key := range after {
		if !bytes.Equal(old[key.file], files[key.file]) {
			return false, nil
		}
	}
	return true, nil
}

type fileList struct{ file, format string }

func fileLists(p *rules.Policy) map[string]fileList {
	all := map[string]fileList{}
	for _, l := range p.Lists {
		if l.File != "" {
			all[l.ID] = fileList{l.File, l.Format}
		}
	}
	return all
}

// carrySets keeps each set's number, which the table's names have, and gives it
// the rules that the lists in it have now. A list that is not subscribed to any
// more has none.
func (o *over) carrySets(now *rules.Policy) {
	o.ruled = map[string][]uint32{}
	for _, l := range now.Lists {
		o.ruled[l.ID] = append(o.ruled[l.ID], l.Rule)
	}
	id := map[uint32]string{}
	for _, l := range o.was.Lists {
		id[l.Rule] = l.ID
	}
	for _, set := range o.was.Sets {
		ids := map[string]bool{}
		for _, rule := range set {
			ids[id[rule]] = true
		}
		o.sets = append(o.sets, o.rulesOf(ids))
	}
}

func (o *over) rulesOf(ids map[string]bool) []uint32 {
	var all []uint32
	for id := range ids {
		all = append(all, o.ruled[id]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// delta is what became of a name: on which lists it is now, and on which no more.
type delta map[string]bool

// changes reads how the lists differ from those of the version before.
func (p *Publisher) changes(ctx context.Context, was, now map[string]int64) (map[string]delta, error) {
	all := map[string]delta{}
	for id, version := range now {
		if was[id] == version {
			continue
		}
		for c, err := range p.subscribed().Changes(ctx, id, was[id], version) {
			if err != nil {
				return nil, err
			}
			if all[c.Name] == nil {
				if len(all) == names.MaxChanges {
					return nil, errors.New("more names changed than an overlay holds")
				}
				all[c.Name] = delta{}
			}
			all[c.Name][id] = !c.Removed
		}
	}
	return all, nil
}

// lay lays changes over what is laid over the table already. What may not stand on
// a list is left out of it, as it is when a table is built (G1, G5).
func (o *over) lay(changes map[string]delta, may func(name string) bool) error {
	if len(changes) == 0 {
		return nil
	}
	listed := map[uint32]string{}
	for id, rules := range o.ruled {
		for _, r := range rules {
			listed[r] = id
		}
	}
	number := map[string]uint32{}
	for i, set := range slices.Backward(o.sets) {
		number[fmt.Sprint(set)] = uint32(i)
	}
	var adds []names.Entry
	var removes []string
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		ids := map[string]bool{}
		before, here := o.setOf(name)
		if !may(name) {
			if here {
				removes = append(removes, name)
			}
			continue
		}
		for _, rule := range before {
			ids[listed[rule]] = true
		}
		for id, on := range changes[name] {
			if ids[id] = true; !on {
				delete(ids, id)
			}
		}
		set := o.rulesOf(ids)
		switch {
		case len(set) == 0 && here:
			removes = append(removes, name)
		case len(set) > 0:
			i, known := number[fmt.Sprint(set)]
			if !known {
				i = uint32(len(o.sets))
				number[fmt.Sprint(set)], o.sets = i, append(o.sets, set)
			}
			adds = append(adds, names.Entry{Name: name, Set: i})
		}
	}
	return o.merge(adds, removes)
}

// setOf finds the rules of a name itself, not of one above it.
func (o *over) setOf(name string) (set []uint32, here bool) {
	o.seen.Each(name, func(start int, i uint32) bool {
		if here = start == 0; here && int(i) < len(o.sets) {
			set = o.sets[i]
		}
		return false
	})
	return set, here
}

func (o *over) merge(adds []names.Entry, removes []string) (err error) {
	if o.raw, err = names.BuildOverlay(o.base, adds, removes); err != nil || o.overlay == nil {
		return err
	}
	next, err := names.OpenOverlay(o.raw)
	if err != nil {
		return err
	}
	o.raw, err = names.MergeOverlays(o.overlay, next)
	return err
}

// due says whether the table is to be built anew.
func (p *Publisher) due(ctx context.Context, o *over) (bool, error) {
	since, err := p.store.PolicyFileSince(ctx, p.school, sha256.Sum256(o.table))
	if err != nil {
		return false, err
	}
	changed := 0
	if o.raw != nil {
		laid, err := names.OpenOverlay(o.raw)
		if err != nil {
			return false, err
		}
		changed = laid.Len()
	}
	id := o.base.ID()
	return names.ShouldRebase(o.base.Len(), changed, p.now().Sub(since), binary.LittleEndian.Uint64(id[:])), nil
}
