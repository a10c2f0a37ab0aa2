package bpfdev

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// bufferSize is asked for each of a device's two buffers; the kernel may give
	// less. The filter lets little through, so it lasts for a burst.
	bufferSize = 256 << 10
	// maxDevices is where macOS stops making devices (debug.bpf_maxdevices).
	maxDevices = 256
	// setSize is how many descriptors select(2) knows.
	setSize = 1024
)

// system is this Mac.
type system struct {
	bell [2]int // a pipe that ends a wait

	mu     sync.Mutex // guards closed
	closed bool
}

// NewSystem returns this Mac.
func NewSystem() (System, error) {
	s := &system{}
	if err := unix.Pipe(s.bell[:]); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	for _, fd := range s.bell {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, errors.Join(fmt.Errorf("making a pipe: %w", err), s.Close())
		}
	}
	return s, nil
}

// Interfaces implements System.
func (*system) Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var up []Interface
	for _, one := range all {
		if one.Flags&net.FlagUp != 0 {
			up = append(up, Interface{Name: one.Name, Index: one.Index, MAC: one.HardwareAddr})
		}
	}
	return up, nil
}

// Open implements System. A filter that drops everything is put in before the
// interface is bound, so that nothing passes unfiltered while its link is found
// out; the device is opened for reading alone.
func (*system) Open(i Interface) (Device, error) {
	fd, err := anyDevice()
	if err != nil {
		return nil, err
	}
	d := &device{fd: fd}
	if err := d.bind(i); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// anyDevice opens the first device that nobody has. macOS makes the next one as
// the last is opened.
func anyDevice() (int, error) {
	for n := range maxDevices {
		path := "/dev/bpf" + strconv.Itoa(n)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		switch {
		case err == nil && fd < setSize:
			return fd, nil
		case err == nil:
			return -1, errors.Join(errors.New("opening a BPF device: the agent has too many files open"), unix.Close(fd))
		case errors.Is(err, unix.EBUSY):
		case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
			return -1, fmt.Errorf("%w: opening %s: %w", ErrPrivilege, path, err)
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENXIO):
			return -1, fmt.Errorf("%w: opening %s: %w", ErrNone, path, err)
		default:
			return -1, fmt.Errorf("opening %s: %w", path, err)
		}
	}
	return -1, ErrNone
}

// Wait implements System. select(2), since poll(2) has not always known devices
// on this system.
func (s *system) Wait(devices []Device, wait time.Duration) error {
	var set unix.FdSet
	set.Zero()
	top := s.bell[0]
	set.Set(s.bell[0])
	for _, one := range devices {
		if d, ok := one.(*device); ok {
			set.Set(d.fd)
			top = max(top, d.fd)
		}
	}
	timeout := unix.NsecToTimeval(max(0, wait).Nanoseconds())
	_, err := unix.Select(top+1, &set, nil, nil, &timeout)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err == nil && set.IsSet(s.bell[0]) {
		_, _ = unix.Read(s.bell[0], make([]byte, 512)) // it rings once
	}
	return err
}

// Wake implements System.
func (s *system) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		_, _ = unix.Write(s.bell[1], []byte{1}) // full is rung, too
	}
}

// Close implements System.
func (s *system) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(unix.Close(s.bell[0]), unix.Close(s.bell[1]))
}

// device is a BPF device of macOS.
type device struct {
	fd   int
	size int
	link Link
	lost uint64
}

func (d *device) bind(i Interface) error {
	doing := func(what string, err error) error {
		if err != nil {
			return fmt.Errorf("%s a BPF device: %w", what, os.NewSyscallError("ioctl", err))
		}
		return nil
	}
	if err := doing("asking the version of", syscall.CheckBpfVersion(d.fd)); err != nil {
		return err
	}
	if _, err := syscall.SetBpfBuflen(d.fd, bufferSize); err != nil {
		return doing("sizing", err)
	}
	nothing, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err != nil {
		return err
	}
	_ = d.filter(nothing) // the real filter empties the buffer too, so that this is for the time between alone
	if err := doing("binding", syscall.SetBpfInterface(d.fd, i.Name)); err != nil {
		return err
	}
	if err := doing("making immediate", syscall.SetBpfImmediate(d.fd, 1)); err != nil {
		return err
	}
	// Reads do not wait; should one, it is not for long.
	if err := doing("timing", syscall.SetBpfTimeout(d.fd, &syscall.Timeval{Sec: 1})); err != nil {
		return err
	}
	size, err := syscall.BpfBuflen(d.fd)
	if err := doing("measuring", err); err != nil {
		return err
	}
	link, err := syscall.BpfDatalink(d.fd)
	if err := doing("asking the link of", err); err != nil {
		return err
	}
	d.size, d.link = size, Link(link)
	program, err := Program(d.link, i.MAC)
	if err != nil {
		return err
	}
	return doing("putting the filter into", d.filter(program))
}

// filter replaces the device's filter; what was captured until then is dropped.
func (d *device) filter(raw []bpf.RawInstruction) error {
	program := make([]syscall.BpfInsn, len(raw))
	for i, in := range raw {
		program[i] = syscall.BpfInsn{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return syscall.SetBpf(d.fd, program)
}

func (d *device) Link() Link { return d.link }
func (d *device) Size() int  { return d.size }

// Read implements Device.
func (d *device) Read(b []byte) (int, error) {
	n, err := unix.Read(d.fd, b)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	}
	return 0, fmt.Errorf("reading a BPF device: %w", err)
}

// Lost implements Device.
func (d *device) Lost() uint64 {
	if stats, err := syscall.BpfStats(d.fd); err == nil {
		d.lost = uint64(stats.Drop)
	}
	return d.lost
}

func (d *device) Close() error { return unix.Close(d.fd) }
