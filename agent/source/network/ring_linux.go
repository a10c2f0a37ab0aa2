package network

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"safelight/agent/source/network/filter"
)

// The ring: blocks that the kernel fills with packets and hands over whole,
// when full or after retireAfter. A shorter wait finds more owners before their
// sockets are gone: of 40 quick visits to this machine itself 40 with 2 ms, 26
// with 4, 16 with 8. It costs the kernel a timer while nothing comes, and hands
// over blocks that are nearly empty: so there are many small ones, and the
// agent may be kept from running for half a second before packets are lost.
const (
	blockSize   = 16 << 10
	blockCount  = 256
	frameSize   = 2048
	retireAfter = 2 // milliseconds
)

// ring is an AF_PACKET socket with a TPACKET_V3 receive ring.
//
//	mem   [block 0][block 1] ... [block 255]
//	          ^ at: the next block the kernel will hand over
//	block [status, packets, offset of first][packet][packet] ...
//	packet[next, sec, nsec, snaplen, ..., mac, net][sockaddr_ll][bytes]
type ring struct {
	fd   int
	bell int // eventfd that ends a poll
	mem  []byte
	at   int
	stop func() // ends the wake-up, or waits until it is over

	name    string // of the one interface to watch, or empty
	index   int    // its number while it is bound to
	why     string // there is no better capture, or empty
	dropped uint64
	one     arrival
}

// openRing begins a capture of every interface, or of the one named. why says
// why nothing better was taken.
func openRing(ctx context.Context, cfg Config, why string) (*ring, error) {
	// Protocol 0 receives nothing until bind, so no packet passes unfiltered.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, unavailable("opening a packet socket", err)
	}
	r := &ring{fd: fd, bell: -1, name: cfg.Interface, why: why}
	if err := r.setUp(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		r.wake()
	})
	r.stop = func() {
		if !stop() {
			<-woken
		}
	}
	return r, nil
}

// networkOrder is v as the kernel wants it in a sockaddr.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

func unavailable(doing string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: %s: %w; run the agent as root or give it CAP_NET_RAW", errUnavailable, doing, err)
	}
	return fmt.Errorf("%w: %s: %w", errUnavailable, doing, err)
}

func (r *ring) setUp() (err error) {
	if err := r.attachFilter(); err != nil {
		return unavailable("attaching the packet filter", err)
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return unavailable("asking for a version 3 packet ring", err)
	}
	req := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: blockCount,
		Frame_size: frameSize, Frame_nr: blockSize / frameSize * blockCount,
		Retire_blk_tov: retireAfter,
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return unavailable("making the packet ring", err)
	}
	r.mem, err = unix.Mmap(r.fd, 0, blockSize*blockCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return unavailable("mapping the packet ring", err)
	}
	if r.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return unavailable("making an event descriptor", err)
	}
	if r.name == "" {
		return r.bind(0)
	}
	return r.changed()
}

func (r *ring) bind(index int) error {
	if err := unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index}); err != nil {
		return unavailable("binding the packet socket", err)
	}
	r.index = index
	return nil
}

// changed implements capturer. A socket bound to all interfaces sees those that
// come; one bound to an interface by name must find it again under its new
// number.
func (r *ring) changed() error {
	if r.name == "" {
		return nil
	}
	face, err := net.InterfaceByName(r.name)
	if err != nil {
		r.index = 0
		return fmt.Errorf("%w: waiting for the interface to watch: %w", errUnavailable, err)
	}
	if face.Index == r.index {
		return nil
	}
	return r.bind(face.Index)
}

// check implements capturer: the socket itself tells when it ends.
func (*ring) check() error { return nil }

func (r *ring) attachFilter() error {
	raw, err := filter.Cooked()
	if err != nil {
		return err
	}
	program := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err = unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog)
	runtime.KeepAlive(program)
	return err
}

// wake implements capturer.
func (r *ring) wake() {
	_, _ = unix.Write(r.bell, binary.NativeEndian.AppendUint64(nil, 1)) // full is rung, too
}

func (*ring) way() Way { return Packet }

func (r *ring) detail() string {
	detail := "AF_PACKET ring: DNS, TLS, QUIC, HTTP; owners are looked up"
	if r.why != "" {
		detail += ". " + r.why
	}
	return detail
}

// read implements capturer.
func (r *ring) read(ctx context.Context, wait time.Duration, take func(*arrival)) error {
	if r.ready() == nil {
		if err := r.poll(wait); err != nil {
			return err
		}
	}
	// No longer than a batch: the one who reads has other work between two.
	until := time.Now().Add(batchFor)
	for range batchBlocks {
		block := r.ready()
		if block == nil {
			return nil
		}
		r.eachPacket(block, take)
		r.giveBack()
		if ctx.Err() != nil || time.Now().After(until) {
			return nil
		}
	}
	return nil
}

// What one read takes at most. A program that sends faster than packets are read
// must not keep it for itself.
const (
	batchBlocks = 32 // of about 30 questions each
	batchFor    = 50 * time.Millisecond
)

func (r *ring) poll(wait time.Duration) error {
	timeout := int(min(wait.Milliseconds()+1, math.MaxInt32))
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}, {Fd: int32(r.bell), Events: unix.POLLIN}}
	_, err := unix.Poll(fds, timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("waiting for packets: %w", err)
	}
	if fds[1].Revents&unix.POLLIN != 0 {
		_, _ = unix.Read(r.bell, make([]byte, 8)) // it rings once
	}
	if fds[0].Revents&unix.POLLERR != 0 {
		return r.socketError()
	}
	return nil
}

// socketError fetches what the socket has to say. An interface that went down
// is no end: others still carry packets, and it may come back.
func (r *ring) socketError() error {
	code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("reading the packet socket's error: %w", err)
	}
	if code == 0 || unix.Errno(code) == unix.ENETDOWN {
		return nil
	}
	return fmt.Errorf("capturing packets: %w", unix.Errno(code))
}

func (r *ring) blockStatus() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[r.at*blockSize+int(unsafe.Offsetof(unix.TpacketBlockDesc{}.Hdr))]))
}

// ready returns the next block if the kernel has handed it over.
func (r *ring) ready() []byte {
	if atomic.LoadUint32(r.blockStatus())&unix.TP_STATUS_USER == 0 {
		return nil
	}
	return r.mem[r.at*blockSize : (r.at+1)*blockSize]
}

func (r *ring) giveBack() {
	atomic.StoreUint32(r.blockStatus(), unix.TP_STATUS_KERNEL)
	r.at = (r.at + 1) % blockCount
}

// eachPacket walks the packets of a block.
func (r *ring) eachPacket(block []byte, take func(*arrival)) {
	desc := (*unix.TpacketBlockDesc)(unsafe.Pointer(&block[0]))
	head := (*unix.TpacketHdrV1)(unsafe.Pointer(&desc.Hdr[0]))
	at := int(head.Offset_to_first_pkt)
	for range head.Num_pkts {
		if at < 0 || at+int(unsafe.Sizeof(unix.Tpacket3Hdr{})) > len(block) {
			return
		}
		p := (*unix.Tpacket3Hdr)(unsafe.Pointer(&block[at]))
		from := at + int(p.Net)
		to := from + int(p.Snaplen)
		if from < 0 || to > len(block) || from > to {
			return
		}
		r.one = arrival{data: block[from:to:to], at: time.Unix(int64(p.Sec), int64(p.Nsec))}
		take(&r.one)
		if p.Next_offset == 0 {
			return
		}
		at += int(p.Next_offset)
	}
}

// lost implements capturer. Reading the kernel's counters clears them.
func (r *ring) lost() uint64 {
	stats, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err == nil {
		r.dropped += uint64(stats.Drops)
	}
	return r.dropped
}

func (r *ring) close() error {
	var errs []error
	if r.stop != nil {
		r.stop()
	}
	if r.mem != nil {
		errs = append(errs, unix.Munmap(r.mem))
	}
	errs = append(errs, unix.Close(r.fd))
	if r.bell >= 0 {
		errs = append(errs, unix.Close(r.bell))
	}
	return errors.Join(errs...)
}
