package lists

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/rules"
)

const (
	// pollEvery is how often it is looked which list is due.
	pollEvery = time.Minute
	// defaultRefresh is how often a source is asked that gives no time.
	defaultRefresh = 24 * time.Hour
	// firstRetry is how long a source that failed is left alone; twice as long
	// with each failure after, up to its own time.
	firstRetry = 15 * time.Minute
)

// Wake has due lists looked for soon: the rules have changed.
func (l *Lists) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run fetches lists when they are due, until ctx ends.
func (l *Lists) Run(ctx context.Context) error {
	for {
		l.pass(ctx)
		timer := time.NewTimer(pollEvery + l.spread(pollEvery/4))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-l.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// pass refreshes every list that is due, and tells of those that changed.
func (l *Lists) pass(ctx context.Context) {
	for _, src := range l.Sources() {
		if ctx.Err() != nil {
			return
		}
		if due, err := l.due(ctx, src); err != nil || !due {
			l.complain(ctx, src.ID, err)
			continue
		}
		r, err := l.refresh(ctx, src, false, func(Step) {})
		if errors.Is(err, ErrBusy) {
			continue
		}
		l.complain(ctx, src.ID, err)
		if err == nil && r.Outcome != Unchanged {
			l.Log.LogAttrs(ctx, slog.LevelInfo, "a list was read", slog.String("list", r.List), slog.String("outcome", r.Outcome), slog.Int64("version", r.Version),
				slog.Int64("names", r.Names), slog.Int64("was", r.Was), slog.Int64("added", r.Added), slog.Int64("removed", r.Removed))
		}
	}
	if err := l.Publish(ctx); err != nil && ctx.Err() == nil {
		l.Log.LogAttrs(ctx, slog.LevelWarn, "making rules of changed lists failed, trying again", slog.Any("error", err))
	}
}

func (l *Lists) complain(ctx context.Context, list string, err error) {
	if err != nil && ctx.Err() == nil {
		l.Log.LogAttrs(ctx, slog.LevelWarn, "refreshing a list failed; its last good version stays in force", slog.String("list", list), slog.Any("error", err))
	}
}

func (l *Lists) due(ctx context.Context, src rules.ListSource) (bool, error) {
	list, err := l.Store.List(ctx, l.School, src.ID)
	if errors.Is(err, model.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	changed := list.URL != identity(src) && list.Failing.IsZero()
	return changed || !l.Now().Before(list.Due), nil
}

// Publish tells of the lists whose version in force the published rules were not
// made with. It is called after each pass, and after a person changed a list.
func (l *Lists) Publish(ctx context.Context) error {
	if l.Changed == nil {
		return nil
	}
	l.publishing.Lock()
	defer l.publishing.Unlock()
	changed := map[string]int64{}
	for _, src := range l.Sources() {
		list, err := l.Store.List(ctx, l.School, src.ID)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return err
		}
		if list.Current != list.Published {
			changed[src.ID] = list.Current
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := l.Changed(ctx, changed); err != nil {
		return err
	}
	return l.Store.ListsPublished(ctx, l.School, changed)
}

// Refresh asks a list's source for its file now, whether it has changed or not.
func (l *Lists) Refresh(ctx context.Context, id string, tell Progress) (Result, error) {
	src, err := l.source(id)
	if err != nil {
		return Result{}, fmt.Errorf("refreshing: %w", err)
	}
	r, err := l.refresh(ctx, src, true, tell)
	if err != nil {
		return r, fmt.Errorf("refreshing list %s: %w", id, err)
	}
	return r, nil
}

func (l *Lists) refresh(ctx context.Context, src rules.ListSource, force bool, tell Progress) (r Result, err error) {
	err = l.alone(ctx, src.ID, func(lease model.ListLease) error {
		r, err = l.ask(ctx, lease, src, force, tell)
		return err
	})
	return r, err
}

// ask fetches and takes a list, and notes what came of it.
func (l *Lists) ask(ctx context.Context, lease model.ListLease, src rules.ListSource, force bool, tell Progress) (r Result, err error) {
	known, err := l.Store.List(ctx, l.School, src.ID)
	if err != nil {
		return r, err
	}
	every := src.Refresh
	if every <= 0 {
		every = defaultRefresh
	}
	defer func() {
		if err == nil || ctx.Err() != nil {
			return
		}
		again := min(firstRetry<<min(known.Failures, 10), every)
		now := l.Now()
		failed := model.ListTry{At: now, Due: now.Add(again + l.spread(again/4)), Problem: problem(err)}
		err = errors.Join(err, l.Store.NoteList(ctx, lease, failed))
	}()
	f, err := l.fetch(ctx, src, known, force || l.brought(ctx, src, known), l.Dir, l.limits, func(s Step) error {
		tell(s)
		return l.renew(ctx, &lease)
	})
	if err != nil {
		return r, err
	}
	next := l.Now().Add(every + l.spread(every/10))
	if f == nil {
		version, names, err := l.Current(ctx, src.ID)
		if err != nil {
			return r, err
		}
		r = Result{List: src.ID, Outcome: Unchanged, Version: version, Names: names, Was: names}
		return r, l.Store.NoteList(ctx, lease, model.ListTry{At: l.Now(), Due: next, URL: known.URL, ETag: known.ETag, Modified: known.Modified})
	}
	defer func() { err = errors.Join(err, f.close()) }()
	f.try.Due = next
	return l.take(ctx, lease, src, f, tell)
}

// brought says whether the names in force came from somewhere else than the
// source, so that the source's "nothing has changed" says nothing about them.
func (l *Lists) brought(ctx context.Context, src rules.ListSource, known model.List) bool {
	v, err := l.version(ctx, src.ID, known.Current)
	where, _, perr := splitPin(src.URL)
	return err == nil && perr == nil && v.URL != shownURL(where)
}

// problem words a failure for the store: on one line, and not without end.
func problem(err error) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " ")
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + " ..."
	}
	return text
}

// Import takes a list from a file that somebody brought. name is the file's, and
// size its length in bytes. The same guards hold as for a source.
func (l *Lists) Import(ctx context.Context, id, name string, size int64, in io.Reader, tell Progress) (r Result, err error) {
	src, err := l.source(id)
	if err != nil {
		return r, fmt.Errorf("importing %s: %w", name, err)
	}
	err = l.alone(ctx, id, func(lease model.ListLease) error {
		f, err := l.receive(ctx, name, size, in, tell)
		if err != nil {
			return err
		}
		r, err = l.take(ctx, lease, src, f, tell)
		return errors.Join(err, f.close())
	})
	if err != nil {
		return r, fmt.Errorf("importing %s as list %s: %w", name, id, err)
	}
	return r, nil
}

// receive lays down what is brought.
func (l *Lists) receive(ctx context.Context, name string, size int64, in io.Reader, tell Progress) (_ *file, err error) {
	out, err := temporary(l.Dir)
	if err != nil {
		return nil, err
	}
	f := &file{File: out, fetched: l.Now(), url: name, by: model.ActorOf(ctx).Who, what: "list.import", temporary: true}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	hash := sha256.New()
	from := &telling{in: io.LimitReader(in, l.limits.File+1), step: Step{Phase: "fetching", Of: size}, tell: func(s Step) error { tell(s); return ctx.Err() }}
	if f.size, err = io.Copy(io.MultiWriter(out, hash), from); err != nil {
		return nil, err
	}
	if f.size > l.limits.File {
		return nil, fmt.Errorf("it is over %d MB large: it is not taken", l.limits.File>>20)
	}
	f.sha256 = hash.Sum(nil)
	_, err = out.Seek(0, io.SeekStart)
	return f, err
}

// Accept puts a version that a guard refused in force, unless it would flag what
// nothing may. Who accepts it, and why, is in ctx, and goes on record.
func (l *Lists) Accept(ctx context.Context, id string) (r Result, err error) {
	if _, err := l.Store.List(ctx, l.School, id); err != nil {
		return r, fmt.Errorf("accepting list %q: %w", id, err)
	}
	err = l.alone(ctx, id, func(lease model.ListLease) error {
		list, err := l.Store.List(ctx, l.School, id)
		if err != nil {
			return err
		}
		if list.Offered == 0 {
			return ErrNothingWaits
		}
		v, err := l.version(ctx, id, list.Offered)
		if err != nil {
			return err
		}
		if veto, err := l.veto(ctx, id, list.Offered); err != nil || veto != "" {
			return cmp.Or(err, errors.New(veto))
		}
		if list.Current != 0 {
			was, err := l.version(ctx, id, list.Current)
			if err != nil {
				return err
			}
			r.Was = was.Names
		}
		v.By = model.ActorOf(ctx).Who
		if v.Summary, err = standsForItself(v.Summary); err != nil {
			return fmt.Errorf("reading what came of it: %w", err)
		}
		r.List, r.Outcome, r.Version, r.Names, r.Added, r.Removed = id, Updated, v.Version, v.Names, v.Added, v.Removed
		return l.Store.TakeList(ctx, lease, v, nil, "list.accept", l.Now())
	})
	if err != nil {
		return r, fmt.Errorf("accepting list %s: %w", id, err)
	}
	return r, nil
}

// standsForItself has the guards hold the next version against this one.
func standsForItself(text []byte) ([]byte, error) {
	var s Summary
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	s.HeldAgainst = 0
	return json.Marshal(s)
}

// alone runs f while nobody else, here or on another collector, works on a list,
// and afterwards removes what is needed no longer.
func (l *Lists) alone(ctx context.Context, id string, f func(model.ListLease) error) (err error) {
	select {
	case l.one <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.one }()
	lease := model.ListLease{School: l.School, List: id, Owner: l.owner}
	if err := l.renew(ctx, &lease); err != nil {
		return err
	}
	err = f(lease)
	// Also when ctx has ended: what was begun and not finished is large.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	lease.Until = time.Time{}
	if rerr := l.renew(after, &lease); rerr != nil {
		return errors.Join(err, rerr)
	}
	return errors.Join(err, l.Store.SweepList(after, lease, l.Now().Add(-lostKept)), l.Store.ReleaseList(after, lease))
}

// renew takes a lease, or takes it again when a fifth of it is over.
func (l *Lists) renew(ctx context.Context, lease *model.ListLease) error {
	now := l.Now()
	if lease.Until.Sub(now) > leaseTime*4/5 {
		return nil
	}
	lease.Until = now.Add(leaseTime)
	ok, err := l.Store.ClaimList(ctx, *lease, now)
	if err == nil && !ok {
		err = ErrBusy
	}
	return err
}
