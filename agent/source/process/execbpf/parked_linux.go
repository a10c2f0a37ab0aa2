package execbpf

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// parked waits for a ring as Go waits for a network: with the goroutine put
// away. A wait within a system call keeps the scheduler's watch awake for
// milliseconds each time, which costs several times what an event does.
type parked struct {
	file *os.File
	raw  syscall.RawConn

	mu     sync.Mutex // guards what follows, and the ring against its end
	closed bool
}

func park(events *ebpf.Map) (*parked, error) {
	fd, err := unix.FcntlInt(uintptr(events.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding the ring: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("holding the ring: %w", err), unix.Close(fd))
	}
	p := &parked{file: os.NewFile(uintptr(fd), "exec events")}
	p.raw, err = p.file.SyscallConn()
	if err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // which only what can be waited for has
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("holding the ring: %w", err), p.file.Close())
	}
	return p, nil
}

// wait returns when the ring holds something, or with os.ErrClosed after close.
// The kernel tells of a record that comes to an empty ring only: the ring must
// have been read to its end.
func (p *parked) wait(ring *ringbuf.Reader) error {
	// Only a file that is closed cannot be waited for any more.
	err := p.raw.Read(func(uintptr) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.closed || ring.AvailableBytes() > 0
	})
	if err != nil {
		return fmt.Errorf("%w: %w", os.ErrClosed, err)
	}
	return nil
}

// close ends a wait. The ring may be closed after it, and not before.
func (p *parked) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	if err := p.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
