package weblog

import (
	"context"
	"errors"
	"os"
	"time"

	"safelight/agent/source"
)

// follower is one run of a Source.
//
//	access.log.2   access.log.1   access.log
//	                    ^ t            the next when t is read to its end and
//	                                   stays quiet while the next has lines
type follower struct {
	src   *Source
	sink  source.Sink
	buf   []byte
	t     *tail     // nil until there is a file
	quiet bool      // the last look at a rotated t found nothing new
	since time.Time // lines logged before are old news; zero takes all
}

func (f *follower) close() {
	if f.t != nil {
		_ = f.t.close()
	}
}

// resume opens the file that a checkpoint is of, wherever rotation put it.
func (f *follower) resume(ctx context.Context, checkpoint []byte) error {
	p, err := decodePlace(checkpoint)
	if err != nil {
		return err
	}
	t := find(f.src.cfg.Path, p)
	if t == nil {
		f.src.cfg.Log.WarnContext(ctx, "the log that was being read is gone; reading the present one from its beginning")
		return nil
	}
	f.t = t
	return t.seek(p)
}

// step reads what has been added and follows the file where it went.
func (f *follower) step(ctx context.Context) error {
	for {
		again, err := f.once(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// once reads the file at hand to its end; true means that another file is at
// hand now.
func (f *follower) once(ctx context.Context) (bool, error) {
	if f.t == nil {
		t, err := openTail(f.src.cfg.Path)
		if err != nil {
			return false, err
		}
		f.t = t
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
	f.t = nil
	defer func() { _ = old.close() }()
	at := old.place(old.lines.offset)
	copied := find(f.src.cfg.Path, at)
	if copied == nil || at.headLen == 0 {
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
	f.t, f.quiet = after, false
	return true, errors.Join(err, old.close())
}

// line tells one line with the place after it.
func (f *follower) line(ctx context.Context, t *tail, line []byte, after int64) error {
	if len(line) == 0 {
		return nil
	}
	e, err := f.src.format.Parse(line)
	if err != nil {
		f.src.unparsed.Add(1)
		return nil // counted: one odd line must not hold up the others
	}
	if e.Time.Before(f.since) {
		return nil
	}
	f.src.seen.Add(1)
	return f.sink.Put(ctx, source.Observed{
		Observation: observation(e, f.src.cfg.Now()), Checkpoint: t.place(after).encode(),
	})
}
