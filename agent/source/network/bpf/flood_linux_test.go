package bpf

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// flood is a ring that is filled faster than it is read.
type flood struct {
	packet []byte
	given  int
	pause  func() // before each
}

func newFlood(pause func()) *flood {
	f := &flood{packet: make([]byte, packetHead+40), pause: pause}
	binary.NativeEndian.PutUint32(f.packet, isPacket)
	return f
}

func (f *flood) ReadInto(rec *ringbuf.Record) error {
	if f.given++; f.given > 1_000_000 {
		panic("the flood was read for good")
	}
	f.pause()
	rec.RawSample, rec.Remaining = f.packet, len(f.packet)
	return nil
}

func (*flood) SetDeadline(time.Time) {}
func (*flood) Flush() error          { return nil }
func (*flood) Close() error          { return nil }

func flooded(pause func()) (*Capture, *flood) {
	f := newFlood(pause)
	c := &Capture{cfg: Config{Now: time.Now, Linger: time.Hour}, ring: f, linger: time.NewTimer(time.Hour)}
	return c, f
}

// Whoever sends without a pause would otherwise blind the agent, which says
// meanwhile that it runs.
func TestAFloodDoesNotKeepReadForItself(t *testing.T) {
	c, f := flooded(func() {})
	for i := range 3 {
		got := 0
		if err := c.Read(t.Context(), -1, func(*Packet) { got++ }); err != nil {
			t.Fatal(err)
		}
		if got == 0 || got > batch {
			t.Errorf("read %d: %d packets, want at most %d", i, got, batch)
		}
	}
	if f.given > 3*batch {
		t.Errorf("%d were taken from the ring", f.given)
	}
}

func TestASlowFloodDoesNotKeepReadForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := flooded(func() { time.Sleep(time.Millisecond) }) // the bubble's: work for each
		begun := time.Now()
		if err := c.Read(t.Context(), -1, func(*Packet) {}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > batchFor+look*time.Millisecond {
			t.Errorf("one batch of %d packets took %v", f.given, took)
		}
	})
}

func TestReadEndsWithItsContextInAFlood(t *testing.T) {
	c, f := flooded(func() {})
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Read(ctx, -1, func(*Packet) { cancel() }); err != nil {
		t.Fatal(err)
	}
	if f.given > look {
		t.Errorf("%d packets after its end", f.given)
	}
}
