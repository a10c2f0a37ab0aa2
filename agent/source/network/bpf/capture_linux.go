package bpf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"safelight/agent/source/kernel"
)

// Capture hands out packets. Make it with Open.
type Capture struct {
	cfg      Config
	objects  captureObjects
	links    []link.Link
	ring     records
	record   ringbuf.Record
	linger   *time.Timer
	programs programs
	packet   Packet
	owner    Owner
}

// records is what is used of a ringbuf.Reader.
type records interface {
	ReadInto(rec *ringbuf.Record) error
	SetDeadline(t time.Time)
	Flush() error
	Close() error
}

// A program that sends faster than packets are read must not keep Read for
// itself: there is other work between two batches.
const (
	batch    = 1024
	batchFor = 50 * time.Millisecond
	look     = 64 // the clock is looked at once for so many records
)

// Open loads the programs and attaches them beside those that others have on
// the same cgroup. What it holds dies with this process, whatever becomes of it.
// The error is an *Unavailable.
func Open(cfg Config) (*Capture, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Linger <= 0 {
		cfg.Linger = 20 * time.Millisecond
	}
	if cfg.Cgroup == "" {
		root, err := Root()
		if err != nil {
			return nil, err
		}
		cfg.Cgroup = root
	}
	kernel.Prepare()
	defer kernel.Loaded()
	c := &Capture{cfg: cfg, linger: time.NewTimer(time.Hour)}
	c.linger.Stop()
	if err := c.load(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.attach(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Capture) load() error {
	if err := loadCaptureObjects(&c.objects, nil); err != nil {
		return kernel.Why("loading the programs that see packets", err)
	}
	ring, err := ringbuf.NewReader(c.objects.Events)
	if err != nil {
		return kernel.Why("mapping the ring of packets", err)
	}
	c.ring = ring
	return nil
}

// attach puts the programs on the cgroup by links: those end with the process
// that holds them, where a program attached the older way would stay behind
// after a crash.
func (c *Capture) attach() error {
	folder, err := os.Open(c.cfg.Cgroup)
	if err != nil {
		return &Unavailable{Reason: "opening the cgroup to watch", Err: err}
	}
	defer folder.Close()
	for _, p := range []struct {
		at      ebpf.AttachType
		program *ebpf.Program
	}{
		// Owners first: no packet is seen before its owner can be.
		{ebpf.AttachCGroupInet4Connect, c.objects.OnConnect4},
		{ebpf.AttachCGroupInet6Connect, c.objects.OnConnect6},
		{ebpf.AttachCGroupUDP4Sendmsg, c.objects.OnSendmsg4},
		{ebpf.AttachCGroupUDP6Sendmsg, c.objects.OnSendmsg6},
		{ebpf.AttachCGroupInetEgress, c.objects.OnEgress},
		{ebpf.AttachCGroupInetIngress, c.objects.OnIngress},
	} {
		l, err := attach(folder, p.at, p.program)
		if err != nil {
			return kernel.Why("attaching to the cgroup", err)
		}
		c.links = append(c.links, l)
	}
	return nil
}

// attach makes a link, in the form that can say what it is attached to.
func attach(folder *os.File, at ebpf.AttachType, program *ebpf.Program) (link.Link, error) {
	raw, err := link.AttachRawLink(link.RawLinkOptions{Target: int(folder.Fd()), Program: program, Attach: at})
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	fd, err := unix.FcntlInt(uintptr(raw.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding the link: %w", err)
	}
	return link.NewFromFD(fd)
}

// Read waits for packets and hands each to take, in the order they were sent on
// their sockets. It returns when none is left, after a batch of them, after at
// most wait (forever if negative) without one, or when ctx ends. What a batch
// left behind the next Read finds at once. Only one goroutine may read.
func (c *Capture) Read(ctx context.Context, wait time.Duration, take func(*Packet)) error {
	deadline := time.Time{}
	if wait >= 0 {
		deadline = time.Now().Add(wait)
	}
	c.ring.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, c.Wake)
	more, err := c.drain(ctx, take)
	stop()
	if err != nil || more || ctx.Err() != nil {
		return err
	}
	// More come close behind the first. Waiting for them here and not in the
	// kernel spares a wake-up each.
	c.linger.Reset(c.cfg.Linger)
	select {
	case <-c.linger.C:
	case <-ctx.Done():
		c.linger.Stop()
		return nil
	}
	c.ring.SetDeadline(time.Unix(1, 0))
	_, err = c.drain(ctx, take)
	return err
}

// Wake ends a Read that waits, or the next one. Any goroutine may call it.
func (c *Capture) Wake() { _ = c.ring.Flush() } // it fails once closed, when nothing waits

// drain hands over what is in the ring, waiting for the first, but no more than
// a batch; more says that some is left.
func (c *Capture) drain(ctx context.Context, take func(*Packet)) (more bool, err error) {
	var boot time.Duration
	var now, until time.Time
	for n := 1; ; n++ {
		err := c.ring.ReadInto(&c.record)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ringbuf.ErrFlushed) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading packets: %w", err)
		}
		if n == 1 { // only now: the first may have been long in coming
			boot, now, until = kernel.Boot(), c.cfg.Now(), time.Now().Add(batchFor)
		}
		if err := c.handle(c.record.RawSample, boot, now, take); err != nil {
			return false, err
		}
		if c.record.Remaining == 0 {
			return false, nil
		}
		if n == batch || n%look == 0 && (ctx.Err() != nil || time.Now().After(until)) {
			return true, nil
		}
	}
}

// Lost returns how many records found no room since Open.
func (c *Capture) Lost() uint64 {
	var each []uint64
	if err := c.objects.Lost.Lookup(uint32(0), &each); err != nil {
		return 0
	}
	total := uint64(0)
	for _, n := range each {
		total += n
	}
	return total
}

// Check returns why nothing is seen any more, or nil: another may have taken
// the programs off, or the cgroup is gone.
func (c *Capture) Check() error {
	for _, l := range c.links {
		info, err := l.Info()
		if err != nil {
			return fmt.Errorf("asking the kernel for the capture's programs: %w", err)
		}
		if cg := info.Cgroup(); cg == nil || cg.CgroupId == 0 {
			return errors.New("the capture's programs were taken off their cgroup; see what else manages BPF programs here")
		}
	}
	return nil
}

// Close takes the programs out of the kernel.
func (c *Capture) Close() error {
	var errs []error
	for _, l := range c.links {
		errs = append(errs, l.Close())
	}
	if c.ring != nil {
		errs = append(errs, c.ring.Close())
	}
	return errors.Join(append(errs, c.objects.Close())...)
}
