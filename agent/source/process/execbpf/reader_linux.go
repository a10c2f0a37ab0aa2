package execbpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"

	"safelight/agent/source/kernel"
)

// Reader hands out exec events. Make it with Open.
type Reader struct {
	objects execObjects
	link    link.Link
	ring    *ringbuf.Reader
	parked  *parked
	record  ringbuf.Record
	now     func() time.Time
}

// Open loads the program and starts it. now may be nil. What it holds dies with
// this process, whatever becomes of it. The error is an *Unavailable.
func Open(now func() time.Time) (*Reader, error) {
	if now == nil {
		now = time.Now
	}
	kernel.Prepare()
	defer kernel.Loaded()
	r := &Reader{now: now}
	if err := loadExecObjects(&r.objects, nil); err != nil {
		return nil, kernel.Why("loading the program that sees starts", err)
	}
	var err error
	if r.ring, err = ringbuf.NewReader(r.objects.Events); err != nil {
		return nil, errors.Join(kernel.Why("mapping the ring of exec events", err), r.Close())
	}
	if r.parked, err = park(r.objects.Events); err != nil {
		return nil, errors.Join(kernel.Why("waiting for exec events", err), r.Close())
	}
	if r.link, err = link.AttachTracing(link.TracingOptions{Program: r.objects.OnExec}); err != nil {
		return nil, errors.Join(kernel.Why("attaching to the start of programs", err), r.Close())
	}
	return r, nil
}

// Read waits for the next event and writes it into e. After Close, which may be
// called from another goroutine, it returns an error that is os.ErrClosed. Only
// one goroutine may read.
func (r *Reader) Read(e *Event) error {
	for {
		// Without waiting; what it waits for is below.
		r.ring.SetDeadline(time.Unix(1, 0))
		err := r.ring.ReadInto(&r.record)
		if err == nil {
			return r.parse(r.record.RawSample, e)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("reading exec events: %w", err)
		}
		if err := r.parked.wait(r.ring); err != nil {
			return fmt.Errorf("reading exec events: %w", err)
		}
	}
}

// fixed is the size of struct event without the path.
const (
	filenameBytes = 512
	filenameAt    = 3*8 + 5*4 + 16
	pathLength    = filenameAt + filenameBytes
	fixed         = pathLength + 4
)

func (r *Reader) parse(b []byte, e *Event) error {
	if len(b) < fixed {
		return fmt.Errorf("reading exec events: %d bytes, want %d at least; the BPF object and this program are not of one build", len(b), fixed)
	}
	word := binary.NativeEndian
	path := b[fixed:]
	if n := word.Uint32(b[pathLength:]); int64(n) > int64(len(path)) {
		return fmt.Errorf("reading exec events: a path of %d bytes in %d; the BPF object and this program are not of one build", n, len(path))
	}
	path = path[:word.Uint32(b[pathLength:])]
	login := word.Uint32(b[36:])
	*e = Event{
		Time:    kernel.Wall(word.Uint64(b), kernel.Boot(), r.now()),
		Started: word.Uint64(b[8:]), CgroupID: word.Uint64(b[16:]),
		PID: int(word.Uint32(b[24:])), PPID: int(word.Uint32(b[28:])), UID: word.Uint32(b[32:]),
		LoginUID: login, HasLogin: login != ^uint32(0),
		Session: int(word.Uint32(b[40:])), Comm: kernel.Text(b[44:60]),
		Filename: kernel.Text(b[filenameAt:pathLength]), Exe: kernel.Path(path),
	}
	return nil
}

// Lost returns how many events found no room since Open: more than none means
// that programs started unseen.
func (r *Reader) Lost() uint64 {
	var each []uint64
	if err := r.objects.Lost.Lookup(uint32(0), &each); err != nil {
		return 0
	}
	total := uint64(0)
	for _, n := range each {
		total += n
	}
	return total
}

// Close ends Read and takes the program out of the kernel.
func (r *Reader) Close() error {
	var errs []error
	if r.link != nil {
		errs = append(errs, r.link.Close())
	}
	if r.parked != nil {
		errs = append(errs, r.parked.close())
	}
	if r.ring != nil {
		errs = append(errs, r.ring.Close())
	}
	return errors.Join(append(errs, r.objects.Close())...)
}
