package lists

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"safelight/collector/model"
	"safelight/internal/rules"
)

const (
	// leaseTime is how long a list is one collector's without a sign of life.
	leaseTime = 5 * time.Minute
	// lostKept is for how long it is known what a list once held: a laptop that
	// comes back after the summer still judges by what it was last given.
	lostKept = 120 * 24 * time.Hour
	// storedTogether is how many chunks are handed to the store at once.
	storedTogether = 32
)

// file is a list's file at hand, and where it came from.
type file struct {
	*os.File
	size      int64
	sha256    []byte
	fetched   time.Time
	url, by   string         // by is empty where the collector fetched it
	try       *model.ListTry // nil: its source was not asked
	what      string         // for the record
	temporary bool
}

// close closes the file, and removes one of our own making.
func (f *file) close() error {
	err := f.Close()
	if f.temporary {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// taking is a file on its way to being a version.
type taking struct {
	lists   *Lists
	ctx     context.Context
	lease   model.ListLease
	source  rules.ListSource
	list    model.List
	version int64
	tell    Progress

	last           []byte // the last key that was stored
	names, of      int64  // of: at most so many
	added, removed int64
	summary        *Summary
	differ         *differ
	namesTo, lost  *packer
	chunks         []model.ListChunk
	blind          bool // the version in force cannot be read, so that this one mends it
}

// take reads a file and makes it the list's next version, or offers it.
func (l *Lists) take(ctx context.Context, lease model.ListLease, src rules.ListSource, f *file, tell Progress) (Result, error) {
	list, err := l.Store.List(ctx, l.School, src.ID)
	if err != nil {
		return Result{}, err
	}
	t := &taking{lists: l, ctx: ctx, lease: lease, source: src, list: list, tell: tell}
	sorted := newSorter(l.Dir)
	defer func() {
		if err := sorted.close(); err != nil {
			l.Log.LogAttrs(ctx, slog.LevelWarn, "removing a list's working file failed", slog.Any("error", err))
		}
	}()
	in := newIntake(l.limits, l.protected(), sorted.add)
	if err := read(t.counted(f), src.Format, src.Member, l.limits, in); err != nil {
		return Result{}, err
	}
	t.summary, t.of = &in.summary, in.kept
	if t.version, err = l.Store.StageList(ctx, lease); err != nil {
		return Result{}, err
	}
	if err := t.store(sorted, in); err != nil {
		return Result{}, err
	}
	t.summary.Names = t.names
	return t.decide(f)
}

// counted reads a file and tells how far it is read.
func (t *taking) counted(f *file) io.Reader {
	return &telling{in: f, step: Step{Phase: "reading", Of: f.size}, tell: t.tick}
}

// telling tells of each megabyte.
type telling struct {
	in   io.Reader
	step Step
	told int64
	tell func(Step) error
}

func (r *telling) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.step.Done += int64(n)
	if r.step.Done-r.told >= 1<<20 || err == io.EOF && r.step.Done > r.told {
		r.told = r.step.Done
		if terr := r.tell(r.step); terr != nil {
			return n, terr
		}
	}
	return n, err
}

// tick tells of a step, and renews the lease before it ends.
func (t *taking) tick(s Step) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	t.tell(s)
	return t.lists.renew(t.ctx, &t.lease)
}

// store lays the sorted keys down, each once, and beside them what the version in
// force has and this one has not.
func (t *taking) store(sorted *sorter, in *intake) error {
	t.namesTo, t.lost = newPacker(t.emit(model.ListNames)), newPacker(t.emit(model.ListRemoved))
	t.differ = &differ{
		was:     t.lists.cursor(t.ctx, t.source.ID, t.list.Current, model.ListNames),
		removed: func(key []byte) error { t.removed++; return t.lost.add(key) },
	}
	err := sorted.merge(func(key []byte) error {
		if t.last != nil && bytes.Equal(key, t.last) {
			in.summary.Duplicates++
			return nil
		}
		t.last = append(t.last[:0], key...)
		if in.isExcepted(key) {
			in.summary.Excepted++
			return nil
		}
		return t.add(key)
	})
	if err != nil {
		return err
	}
	if _, err := t.compare(nil); err != nil {
		return err
	}
	if err := errors.Join(t.namesTo.flush(), t.lost.flush()); err != nil {
		return err
	}
	if err := t.hand(); err != nil {
		return err
	}
	return t.tick(Step{Phase: "storing", Done: t.of, Of: t.of}) // what was there twice counts as done
}

func (t *taking) add(key []byte) error {
	added, err := t.compare(key)
	if err != nil {
		return err
	}
	if added {
		t.added++
	}
	t.names++
	return t.namesTo.add(key)
}

// compare walks the version in force beside the new one. Where it is damaged the
// new one mends it, and what was lost stays unknown.
func (t *taking) compare(key []byte) (added bool, err error) {
	if t.blind {
		return key != nil, nil
	}
	added, err = t.differ.step(key)
	if errors.Is(err, errChunk) {
		t.blind = true
		t.lists.Log.LogAttrs(t.ctx, slog.LevelError, "the version of a list in force is damaged, and is replaced", slog.String("list", t.source.ID))
		return key != nil, nil
	}
	return added, err
}

// emit gathers chunks of a part for the store.
func (t *taking) emit(part model.ListPart) func(first, data []byte) error {
	return func(first, data []byte) error {
		t.chunks = append(t.chunks, model.ListChunk{Part: part, First: first, Data: data})
		if len(t.chunks) < storedTogether {
			return nil
		}
		return t.hand()
	}
}

func (t *taking) hand() error {
	err := t.lists.Store.AddListChunks(t.ctx, t.lease, t.version, t.chunks)
	t.chunks = t.chunks[:0]
	if err != nil {
		return err
	}
	return t.tick(Step{Phase: "storing", Done: t.names, Of: t.of})
}

// decide puts what is laid down in force, or offers it, or finds that it is what
// was there before.
func (t *taking) decide(f *file) (Result, error) {
	l, now := t.lists, t.lists.Now()
	if t.names == 0 {
		return Result{}, fmt.Errorf("no names in it: %s; is %s its format?", t.summary, t.source.Format)
	}
	r := Result{List: t.source.ID, Version: t.version, Names: t.names, Added: t.added, Removed: t.removed, Summary: t.summary}
	if t.list.Current != 0 {
		was, err := l.version(t.ctx, t.source.ID, t.list.Current)
		if err != nil {
			return r, err
		}
		r.Was = was.Names
		if t.added == 0 && t.removed == 0 && !t.blind {
			r.Outcome, r.Version = Unchanged, t.list.Current
			if f.try == nil {
				return r, nil
			}
			return r, l.Store.NoteList(t.ctx, t.lease, *f.try)
		}
		against, err := heldAgainst(was)
		if err != nil {
			return r, err
		}
		r.Why = guard(t.source, against, t.names)
		if f.try == nil {
			t.summary.HeldAgainst = against
		}
	}
	veto, err := l.veto(t.ctx, t.source.ID, t.version)
	if err != nil {
		return r, err
	}
	if veto != "" {
		r.Why = veto
	}
	text, err := json.Marshal(t.summary)
	if err != nil {
		return r, err
	}
	v := model.ListVersion{
		School: l.School, List: t.source.ID, Version: t.version, SHA256: f.sha256, Fetched: f.fetched, URL: f.url, Format: t.source.Format,
		Licence: t.source.Licence, From: t.source.From, By: f.by, Bytes: f.size, Names: t.names, Added: t.added, Removed: t.removed, Summary: text,
	}
	if r.Why != "" {
		r.Outcome = Refused
		return r, l.Store.OfferList(t.ctx, t.lease, v, f.try, r.Why, now)
	}
	r.Outcome = Updated
	return r, l.Store.TakeList(t.ctx, t.lease, v, f.try, f.what, now)
}

// veto says in words why nobody may put a version in force under the present rules;
// empty: one may.
func (l *Lists) veto(ctx context.Context, id string, version int64) (string, error) {
	if l.Vet == nil {
		return "", nil
	}
	return l.Vet(ctx, id, func(host string) (string, bool, error) {
		keys, err := wanted(host)
		if err != nil {
			return "", false, err
		}
		return l.lookUp(ctx, id, version, model.ListNames, keys)
	})
}

// heldAgainst is how many names the last version had that the list's source gave,
// or that somebody accepted. Files that are brought do not count: ten of them, each
// within the guards, would otherwise be one that no guard let in.
func heldAgainst(v model.ListVersion) (int64, error) {
	var s Summary
	if err := json.Unmarshal(v.Summary, &s); err != nil {
		return 0, fmt.Errorf("reading what came of list %s, version %d: %w", v.List, v.Version, err)
	}
	return cmp.Or(s.HeldAgainst, v.Names), nil
}

// guard says in words why a new version is not simply taken; empty: it is.
func guard(src rules.ListSource, was, now int64) string {
	shrink, grow := int64(src.MaxShrink), int64(src.MaxGrow)
	switch {
	case now*100 < was*(100-shrink):
		return fmt.Sprintf("it has %d names, and the last that its source gave or somebody accepted has %d: more than %d %% fewer; look at its source, and `lists accept %s` if it is right", now, was, shrink, src.ID)
	case now*100 > was*(100+grow):
		return fmt.Sprintf("it has %d names, and the last that its source gave or somebody accepted has %d: more than %d %% more; look at its source, and `lists accept %s` if it is right", now, was, grow, src.ID)
	}
	return ""
}
