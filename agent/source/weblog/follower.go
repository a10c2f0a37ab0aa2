package weblog

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"safelight/agent/source"
	"safelight/agent/source/fold"
	"safelight/internal/event"
)

// follower is one run of a Source: lines in, pairs of question and answer, fold,
// and out with the place from which reading would go on.
//
//	access.log.2   access.log.1   access.log
//	                    ^ t            the next when t is read to its end and
//	                                   stays quiet while the next has lines
type follower struct {
	src   *Source
	sink  source.Sink
	buf   []byte
	t     *tail  // nil until there is a file
	quiet bool   // the last look at a rotated t found nothing new
	parse Parser // remembers a header over the files of this log
	pairs pairs
	fold  *fold.Folder // nil passes every line on
	told  place        // the last place that was put
	base  int64        // how much was read in the files before t

	fresh  bool      // nothing was read yet, now or in an earlier run
	oldEnd int64     // what stands in t before was there when following began
	since  time.Time // and counts if it was logged from then on; zero takes all
}

func newFollower(s *Source, sink source.Sink) *follower {
	f := &follower{
		src: s, sink: sink, buf: make([]byte, chunk),
		parse: s.format.parser(s.cfg.Options), pairs: s.format.pairs(),
	}
	if !s.cfg.Unfolded {
		f.fold = fold.New(fold.Config{})
	}
	return f
}

func (f *follower) close() {
	if f.t != nil {
		_ = f.t.close()
	}
}

// resume opens the file that a checkpoint is of, wherever rotation put it.
func (f *follower) resume(ctx context.Context, checkpoint []byte) error {
	c, err := decodeCheckpoint(checkpoint)
	if err != nil {
		return err
	}
	p := c.place
	t := find(f.src.cfg.Path, p)
	if t == nil {
		f.src.cfg.Log.WarnContext(ctx, "the log that was being read is gone; reading the present one from its beginning")
		return nil
	}
	for i := range c.behind {
		c.behind[i] += p.offset
	}
	f.pairs.resume(c.answers, c.behind)
	f.t, f.told = t, p
	return f.seek(t, p)
}

// seek goes to p, having read the header that stands above it.
func (f *follower) seek(t *tail, p place) error {
	if err := t.seek(p); err != nil {
		return err
	}
	head := make([]byte, min(p.offset, maxLine))
	n, err := t.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	above := true
	var l lines
	defer clear(head)
	return l.feed(head[:n], func(line []byte, _ int64) error {
		if above {
			_, err := f.parse(line)
			above = errors.Is(err, errHeader)
		}
		return nil
	})
}

// maxReadBack bounds how much of an old log is looked through for its latest
// lines.
const maxReadBack = 8 << 20

// enter begins a log that was never followed: near its end, unless all of it
// is wanted.
func (f *follower) enter(t *tail) error {
	back := f.src.cfg.ReadBack
	if back == 0 {
		return nil
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	f.oldEnd, f.since = info.Size(), f.src.cfg.Now().Add(-back)
	if back == FromEnd {
		f.since = time.Unix(1<<40, 0) // whatever the date that a line gives itself
	}
	if from := f.oldEnd - maxReadBack; from > 0 {
		err = f.seek(t, place{offset: from})
		t.lines.skipping = true // it is in the middle of a line
	}
	return err
}

// step reads what has been added and follows the file where it went.
func (f *follower) step(ctx context.Context) error {
	for {
		again, err := f.once(ctx)
		if err == nil {
			err = f.release(ctx)
		}
		if err != nil {
			return err
		}
		if !again {
			return f.keep(ctx)
		}
	}
}

// once reads the file at hand to its end; true means that another file is at
// hand now.
func (f *follower) once(ctx context.Context) (bool, error) {
	if f.t == nil {
		t, err := openTail(f.src.cfg.Path)
		if errors.Is(err, os.ErrNotExist) {
			f.fresh = false // all of what comes is new
		}
		if err != nil {
			return false, err
		}
		if f.t = t; f.fresh {
			f.fresh = false
			if err := f.enter(t); err != nil {
				return false, err
			}
		}
	}
	shrunk, err := f.t.shrunk()
	if err != nil {
		return false, err
	}
	if shrunk {
		return f.truncated(ctx)
	}
	grew, err := f.read(ctx, f.t)
	if err != nil {
		return false, err
	}
	return f.rotated(ctx, grew)
}

func (f *follower) read(ctx context.Context, t *tail) (bool, error) {
	before := t.lines.tooLong
	grew, err := t.read(f.buf, func(line []byte, after int64) error { return f.line(ctx, t, line, after) })
	f.src.tooLong.Add(t.lines.tooLong - before)
	return grew, err
}

// truncated goes on in the copy that was made before the file was truncated,
// if there is one, and then at the file's new beginning.
func (f *follower) truncated(ctx context.Context) (bool, error) {
	old := f.t
	f.t, f.oldEnd = nil, 0
	defer func() { _ = old.close() }()
	at := old.place(old.lines.offset)
	copied := find(f.src.cfg.Path, at)
	if copied == nil || at.headLen == 0 {
		f.base += old.lines.offset
		f.src.cfg.Log.WarnContext(ctx, "the log was truncated and no copy is beside it; reading it from its beginning")
		if copied != nil {
			_ = copied.close()
		}
		return true, nil
	}
	f.t = copied
	return true, copied.seek(at)
}

// rotated goes to the next file when the one at hand was renamed or is a copy,
// nothing more comes, and the next one has begun. A writer may go on in the
// renamed file until it is told to open the new one.
func (f *follower) rotated(ctx context.Context, grew bool) (bool, error) {
	present, err := os.Stat(f.src.cfg.Path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // renamed, and the next not made yet
	}
	if err != nil {
		return false, err
	}
	mine, err := f.t.file.Stat()
	if err != nil || os.SameFile(present, mine) {
		f.quiet = false
		return false, err
	}
	if grew || !f.quiet || present.Size() == 0 {
		f.quiet = !grew
		return false, nil
	}
	return f.goOn(ctx)
}

func (f *follower) goOn(ctx context.Context) (bool, error) {
	after, err := next(f.src.cfg.Path, f.t)
	if err != nil {
		return false, err
	}
	old := f.t
	err = old.lines.rest(func(line []byte, at int64) error { return f.line(ctx, old, line, at) })
	f.base += old.lines.offset
	f.t, f.quiet, f.oldEnd = after, false, 0
	return true, errors.Join(err, old.close())
}

// line takes one line with the place after it.
func (f *follower) line(ctx context.Context, t *tail, line []byte, after int64) error {
	if len(line) == 0 {
		return nil
	}
	e, err := f.parse(line)
	switch {
	case errors.Is(err, errHeader), errors.Is(err, errNothing):
		f.src.blind.Store(false)
		f.src.known.Store(true)
		return nil
	case errors.Is(err, errColumns):
		f.src.blind.Store(true) // said in the status, until a header that will do
		return nil
	case err != nil:
		f.src.unparsed.Add(1)
		return nil // counted: one odd line must not hold up the others
	}
	f.src.known.Store(true)
	if after <= f.oldEnd && e.Time.Before(f.since) {
		return nil
	}
	f.src.seen.Add(1)
	f.pairs.add(e, t.place(after), f.base+after, f.src.cfg.Now())
	return f.release(ctx)
}

// release tells what waits no longer.
func (f *follower) release(ctx context.Context) error {
	for {
		now := f.src.cfg.Now()
		h, ok := f.pairs.next(now)
		if !ok {
			return nil
		}
		o := observation(h.Entry, now)
		if f.fold == nil {
			if err := f.put(ctx, o, h); err != nil {
				return err
			}
			continue
		}
		var err error
		f.fold.Add(o, now, func(o event.Observation) { err = f.put(ctx, o, h) })
		if err != nil {
			return err
		}
	}
}

func (f *follower) put(ctx context.Context, o event.Observation, h held) error {
	f.told = h.place
	return f.sink.Put(ctx, source.Observed{Observation: o, Checkpoint: f.checkpoint(h.place, h.at)})
}

// checkpoint is of a place, at which at was read.
func (f *follower) checkpoint(p place, at int64) []byte {
	f.pairs.passed(at)
	c := checkpoint{place: p, answers: f.pairs.answers}
	for _, line := range f.pairs.behind {
		c.behind = append(c.behind, line-at)
	}
	return c.encode()
}

// keep puts the place alone when lines were read that told nothing new: a log
// that is followed for the first time must be known to be, and what was read
// need not be read again.
func (f *follower) keep(ctx context.Context) error {
	if f.t == nil || !f.pairs.empty() {
		return nil
	}
	at := f.t.place(f.t.lines.offset)
	if at == f.told {
		return nil
	}
	f.told = at
	return f.sink.Put(ctx, source.Observed{Checkpoint: f.checkpoint(at, f.base+at.offset)})
}
