package bpfdev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Interface is one that is up.
type Interface struct {
	Name  string
	Index int
	MAC   []byte // empty where it has none
}

func (i Interface) same(o Interface) bool {
	return i.Index == o.Index && bytes.Equal(i.MAC, o.MAC)
}

// Device is an open BPF device that is bound to an interface.
type Device interface {
	Link() Link
	// Size is what Read has to be given, in bytes: neither less nor more.
	Size() int
	// Read returns the records that there are, without waiting; 0 is none. An
	// error ends the device.
	Read(b []byte) (int, error)
	// Lost is how many packets found no room since it was opened.
	Lost() uint64
	Close() error
}

// System is what a Capture needs of the operating system.
type System interface {
	// Interfaces lists those that are up.
	Interfaces() ([]Interface, error)
	Open(i Interface) (Device, error)
	// Wait returns when one of the devices may have something, after at most
	// wait, or after Wake.
	Wait(devices []Device, wait time.Duration) error
	// Wake may be called by any goroutine, until Close.
	Wake()
	Close() error
}

// Why a device cannot be had.
var (
	// ErrPrivilege: BPF devices are root's.
	ErrPrivilege = errors.New("the agent may not open BPF devices")
	// ErrNone: all of them are taken, or there are none.
	ErrNone = errors.New("no BPF device is free")
	// ErrLink: the interface's frames are of a kind that is not read.
	ErrLink = errors.New("frames of link type")
)

// Capture watches interfaces. Wake apart, one goroutine at a time may use it.
type Capture struct {
	system System
	only   string // the one interface to watch, or empty
	open   []*watched
	// left are interfaces that cannot be watched as they are now, and why.
	left []unwatched
	buf  []byte
	// before is what devices lost that are closed; missing, what could not be read.
	before, missing uint64
}

type watched struct {
	Interface
	Device
}

type unwatched struct {
	Interface
	why error
}

// Open begins to watch every interface that is up, or the one named. What the
// System holds is the Capture's from here on.
func Open(s System, only string) (*Capture, error) {
	c := &Capture{system: s, only: only}
	if err := c.Changed(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Changed looks at the interfaces again: it opens what came, closes what went,
// and opens anew what has another address, which its filter goes by. It returns
// why nothing is seen, or nil.
func (c *Capture) Changed() error {
	now, err := c.system.Interfaces()
	if err != nil {
		return fmt.Errorf("listing the interfaces: %w", err)
	}
	if c.only != "" {
		now = slices.DeleteFunc(now, func(i Interface) bool { return i.Name != c.only })
	}
	find := func(i Interface) bool {
		return slices.ContainsFunc(now, func(o Interface) bool { return o.Name == i.Name && o.same(i) })
	}
	c.open = slices.DeleteFunc(c.open, func(w *watched) bool {
		gone := !find(w.Interface)
		if gone {
			c.drop(w)
		}
		return gone
	})
	c.left = slices.DeleteFunc(c.left, func(u unwatched) bool {
		return !find(u.Interface) || !errors.Is(u.why, ErrLink) // anything else may have been mended
	})
	for _, i := range now {
		c.add(i)
	}
	return c.nothing()
}

func (c *Capture) add(i Interface) {
	if slices.ContainsFunc(c.open, func(w *watched) bool { return w.Name == i.Name }) ||
		slices.ContainsFunc(c.left, func(u unwatched) bool { return u.Name == i.Name }) {
		return
	}
	d, err := c.system.Open(i)
	if err != nil {
		c.left = append(c.left, unwatched{i, err})
		return
	}
	c.open = append(c.open, &watched{i, d})
	if d.Size() > len(c.buf) {
		c.buf = make([]byte, d.Size())
	}
}

// drop closes a device and keeps what it lost.
func (c *Capture) drop(w *watched) {
	c.before += w.Lost()
	_ = w.Close() // what it had to tell is read
}

// nothing says why no interface is watched.
func (c *Capture) nothing() error {
	switch {
	case len(c.open) > 0:
		return nil
	case len(c.left) > 0:
		return fmt.Errorf("watching %s: %w", c.left[0].Name, c.left[0].why)
	case c.only != "":
		return fmt.Errorf("waiting for interface %s", c.only)
	}
	return errors.New("no interface is up")
}

// Left says which interfaces are not watched and why, or nothing.
func (c *Capture) Left() string {
	var all []string
	for _, u := range c.left {
		all = append(all, u.Name+": "+u.why.Error())
	}
	return strings.Join(all, "; ")
}

// batchFor is what one Read takes at most: whoever reads has other work, too.
const batchFor = 50 * time.Millisecond

// Read hands over each packet, from its IP header on, and returns when none is
// left, after at most wait without one, or when ctx ends. A packet's bytes are
// good only during the call.
func (c *Capture) Read(ctx context.Context, wait time.Duration, take func(packet []byte, at time.Time)) error {
	until := time.Now().Add(batchFor)
	if c.drain(ctx, until, take) || ctx.Err() != nil {
		return nil
	}
	devices := make([]Device, len(c.open))
	for i, w := range c.open {
		devices[i] = w.Device
	}
	if err := c.system.Wait(devices, wait); err != nil {
		return fmt.Errorf("waiting for packets: %w", err)
	}
	c.drain(ctx, time.Now().Add(batchFor), take)
	return nil
}

// drain reads every device in turn until all are empty; true if there was
// anything. A device that cannot be read has lost its interface, and is closed:
// Changed opens it again.
func (c *Capture) drain(ctx context.Context, until time.Time, take func([]byte, time.Time)) bool {
	some := false
	for more := true; more && ctx.Err() == nil && !time.Now().After(until); {
		more = false
		c.open = slices.DeleteFunc(c.open, func(w *watched) bool {
			n, err := w.Read(c.buf[:w.Size()])
			if n > 0 {
				more = true
				c.hand(w.Link(), c.buf[:n], take)
			}
			if err != nil {
				c.drop(w)
			}
			return err != nil
		})
		some = some || more
	}
	return some
}

func (c *Capture) hand(link Link, b []byte, take func([]byte, time.Time)) {
	read := each(b, func(frame []byte, at time.Time) {
		if packet, ok := strip(link, frame); ok {
			take(packet, at)
		}
	})
	if read < len(b) && len(b)-read >= recordAlign {
		c.missing++ // a record that is not understood hides those behind it
	}
}

// Lost is how many packets found no room, and how many reads were not
// understood to their end, since the capture began.
func (c *Capture) Lost() uint64 {
	lost := c.before + c.missing
	for _, w := range c.open {
		lost += w.Lost()
	}
	return lost
}

// Wake ends a Read that waits.
func (c *Capture) Wake() { c.system.Wake() }

// Close ends the capture.
func (c *Capture) Close() error {
	var errs []error
	for _, w := range c.open {
		errs = append(errs, w.Close())
	}
	c.open = nil
	return errors.Join(append(errs, c.system.Close())...)
}
