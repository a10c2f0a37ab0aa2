package weblog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"safelight/internal/event"
)

// Summary says what ReadAll read.
type Summary struct {
	Lines    uint64 // all there were
	Told     uint64 // that became observations
	Unparsed uint64 // that are none of the format, or name no host
	TooLong  uint64
}

// ReadAll reads a log once, to its end. emit's error ends it.
func ReadAll(format string, r io.Reader, o Options, emit func(event.Observation) error) (Summary, error) {
	f, err := FormatNamed(format)
	if err != nil {
		return Summary{}, err
	}
	o = o.withDefaults()
	once := &reading{parse: f.parser(o), pairs: f.pairs(), now: o.Now, emit: emit}
	var l lines
	buf := make([]byte, chunk)
	for err == nil {
		var n int
		n, err = r.Read(buf)
		if fail := l.feed(buf[:n], once.line); fail != nil {
			return once.sum, fail
		}
		clear(buf[:n])
	}
	once.sum.TooLong = l.tooLong
	once.sum.Lines += l.tooLong
	if !errors.Is(err, io.EOF) {
		return once.sum, fmt.Errorf("reading the log after %d lines: %w", once.sum.Lines, err)
	}
	if err := l.rest(once.line); err != nil {
		return once.sum, err
	}
	return once.sum, once.tell(once.last.Add(grace))
}

// reading is one ReadAll. Its time is that of the lines.
type reading struct {
	parse Parser
	pairs pairs
	now   func() time.Time
	emit  func(event.Observation) error
	last  time.Time
	sum   Summary
}

func (r *reading) line(line []byte, after int64) error {
	if len(line) == 0 {
		return nil
	}
	r.sum.Lines++
	e, err := r.parse(line)
	switch {
	case errors.Is(err, errHeader), errors.Is(err, errNothing):
		return nil
	case errors.Is(err, errColumns):
		return err
	case err != nil:
		r.sum.Unparsed++
		return nil // counted: one odd line must not hide the others
	}
	if e.Time.After(r.last) {
		r.last = e.Time
	}
	r.pairs.add(e, place{}, after, r.last)
	return r.tell(r.last)
}

func (r *reading) tell(now time.Time) error {
	for {
		h, ok := r.pairs.next(now)
		if !ok {
			return nil
		}
		r.sum.Told++
		if err := r.emit(observation(h.Entry, r.now())); err != nil {
			return err
		}
	}
}

// Detect finds the format of which the lines at a log's beginning are: the one
// that reads most of them.
func Detect(beginning []byte, o Options) (string, error) {
	best, most := "", 0
	for _, f := range formats {
		if n := f.score(beginning, o); n > most {
			best, most = f.Name, n
		}
	}
	if best == "" {
		return "", fmt.Errorf("the log's lines are of no format known here; name one of %s", strings.Join(Formats(), ", "))
	}
	return best, nil
}

// score counts the lines that the format reads, against those it does not.
func (f Format) score(beginning []byte, o Options) int {
	parse := f.parser(o)
	n := 0
	for line := range bytes.Lines(beginning) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		switch _, err := parse(line); {
		case err == nil:
			n += 2
		case errors.Is(err, errShape), errors.Is(err, errColumns):
			n--
		}
	}
	return n
}
