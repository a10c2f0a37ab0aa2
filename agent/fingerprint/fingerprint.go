// Package fingerprint reads the SHA-256 of the file that a program was started
// from. A program under another name is known by it.
//
// It is asked only for what a rule wants to know of, off the way of everything
// else, and never in a hurry: files are read no faster than any other program
// would notice, large ones not at all, and one that was read is not read again
// while it stays the same. What is read goes no further than into the sum.
//
// It says nothing rather than something wrong: of a program that has ended, its
// file counts only if nobody has touched it since. Only agent/daemon builds it.
package fingerprint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"safelight/internal/event"
)

const (
	// MaxBytes is how large a file may be that is read.
	MaxBytes = 256 << 20
	// piece is read at a time, and after the first few each is followed by a pause:
	// 64 MB a second.
	piece     = 1 << 20
	unpaced   = 8
	pause     = 15 * time.Millisecond
	maxKnown  = 1024
	wholeHash = sha256.Size
)

// Why there is no sum.
var (
	ErrLarge   = errors.New("its file is too large to be read")
	ErrChanged = errors.New("its file may not be the one that it was started from")
	ErrNoFile  = errors.New("it was not started from a file that can be read")
	ErrSlow    = errors.New("its file could not be read in time; it may lie on a network share that does not answer")
)

// Config is what New needs. Its zero value reads this machine.
type Config struct {
	// Proc is where the system shows its processes; default "/proc". Only Linux
	// has it.
	Proc string
}

const (
	// readWithin is how long one file may take: the largest, unhurried, takes four
	// seconds from a disk.
	readWithin = 20 * time.Second
	// maxHanging is how many reads may be left behind that do not end, each of another
	// file. Nothing is read while there are so many: the system does not take back what waits for a dead share.
	maxHanging = 2
)

// Reader reads sums, one at a time. It may be used concurrently.
type Reader struct {
	proc  string
	turn  chan struct{} // held by the read that is waited for
	opens func(event.Observation) (f *os.File, running bool, err error)

	mu      sync.Mutex // guards what follows
	known   map[identity]string
	hanging map[string]int // reads that nobody waits for any more, by their files
}

// New returns a Reader that knows nothing yet.
func New(cfg Config) *Reader {
	if cfg.Proc == "" {
		cfg.Proc = "/proc"
	}
	r := &Reader{proc: cfg.Proc, turn: make(chan struct{}, 1), known: make(map[identity]string), hanging: make(map[string]int)}
	r.opens = r.open
	return r
}

// SHA256 reads the sum of the program that an observation is of, in lower-case
// hex. It may take some seconds, and ends with ctx, or with ErrSlow.
func (r *Reader) SHA256(ctx context.Context, o event.Observation) (string, error) {
	sum, err := r.inTime(ctx, o)
	if err != nil {
		return "", fmt.Errorf("reading a program's checksum: %w", err)
	}
	return sum, nil
}

func (r *Reader) sum(ctx context.Context, o event.Observation) (sum string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	f, running, err := r.opens(o)
	if err != nil {
		return "", withoutName(err)
	}
	defer func() { err = errors.Join(err, withoutName(f.Close())) }()
	id, err := identify(f)
	switch {
	case err != nil:
		return "", withoutName(err)
	case id.size > MaxBytes:
		return "", ErrLarge
	case !running && !id.before(o.Time):
		return "", ErrChanged
	}
	if sum, ok := r.of(id); ok {
		return sum, nil
	}
	if sum, err = read(ctx, f, id.size); err != nil {
		return "", withoutName(err)
	}
	if after, err := identify(f); err != nil || after != id {
		return "", ErrChanged
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxKnown {
		clear(r.known)
	}
	r.known[id] = sum
	return sum, nil
}

func (r *Reader) of(id identity) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum, ok := r.known[id]
	return sum, ok
}

// withoutName keeps a file's path out of what is said of it: it may be a person's.
func withoutName(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("%w: %w", ErrNoFile, path.Err)
	}
	return err
}

// read sums up a file of so many bytes.
func read(ctx context.Context, f io.Reader, size int64) (string, error) {
	h, room, n := sha256.New(), make([]byte, min(piece, size+1)), int64(0)
	for pieces := 1; ; pieces++ {
		got, err := io.ReadFull(f, room)
		h.Write(room[:got])
		if n += int64(got); n > size {
			return "", ErrChanged
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return hex.EncodeToString(h.Sum(make([]byte, 0, wholeHash))), nil
		}
		if err != nil {
			return "", err
		}
		if err := rest(ctx, pieces); err != nil {
			return "", err
		}
	}
}

func rest(ctx context.Context, pieces int) error {
	if pieces <= unpaced {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
