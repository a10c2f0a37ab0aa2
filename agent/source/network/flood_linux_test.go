package network

import (
	"context"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// flooded is a ring whose blocks, each of one packet, are handed over again as
// soon as they are given back.
func flooded() (r *ring, refill func()) {
	r = &ring{bell: -1, fd: -1, mem: make([]byte, blockSize*blockCount)}
	status := func(block int) *uint32 {
		desc := (*unix.TpacketBlockDesc)(unsafe.Pointer(&r.mem[block*blockSize]))
		return (*uint32)(unsafe.Pointer(&desc.Hdr[unsafe.Offsetof(unix.TpacketHdrV1{}.Block_status)]))
	}
	for i := range blockCount {
		const first = 64
		desc := (*unix.TpacketBlockDesc)(unsafe.Pointer(&r.mem[i*blockSize]))
		head := (*unix.TpacketHdrV1)(unsafe.Pointer(&desc.Hdr[0]))
		head.Num_pkts, head.Offset_to_first_pkt = 1, first
		packet := (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.mem[i*blockSize+first]))
		packet.Net, packet.Snaplen = 128, 40
		atomic.StoreUint32(status(i), unix.TP_STATUS_USER)
	}
	return r, func() {
		before := (r.at + blockCount - 1) % blockCount
		atomic.StoreUint32(status(before), unix.TP_STATUS_USER)
	}
}

// Whoever sends without a pause would otherwise blind the agent, which says
// meanwhile that it runs.
func TestAFloodDoesNotKeepTheRingForItself(t *testing.T) {
	r, refill := flooded()
	for i := range 20 {
		got := 0
		err := r.read(t.Context(), 0, func(*arrival) {
			if got++; got > 100*blockCount {
				t.Fatal("the flood was read for good")
			}
			refill()
		})
		if err != nil {
			t.Fatal(err)
		}
		if got == 0 || got > batchBlocks {
			t.Errorf("read %d: %d blocks, want at most %d", i, got, batchBlocks)
		}
	}
}

func TestTheRingIsLeftWithItsContextInAFlood(t *testing.T) {
	r, refill := flooded()
	ctx, cancel := context.WithCancel(t.Context())
	got := 0
	err := r.read(ctx, 0, func(*arrival) {
		got++
		refill()
		cancel()
	})
	if err != nil || got != 1 {
		t.Errorf("%d blocks after its end, %v", got, err)
	}
}
