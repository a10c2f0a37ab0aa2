package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	blockSize  = 64 << 10
	blockCount = 64
)

// ring reads every packet of an interface from a TPACKET_V3 ring and looks at
// none: what any capture by packets costs at least.
func ring(ctx context.Context, name string) error {
	face, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	req := unix.TpacketReq3{Block_size: blockSize, Block_nr: blockCount, Frame_size: 2048, Frame_nr: blockSize / 2048 * blockCount, Retire_blk_tov: 2}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return err
	}
	mem, err := unix.Mmap(fd, 0, blockSize*blockCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(mem) }()
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: face.Index}); err != nil {
		return err
	}
	fmt.Println("ready")
	packets := walk(ctx, fd, mem)
	stats, err := unix.GetsockoptTpacketStatsV3(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return err
	}
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return err
	}
	fmt.Printf("%d %d %d\n", packets, stats.Drops, time.Duration(r.Utime.Nano()+r.Stime.Nano()).Microseconds())
	return nil
}

func walk(ctx context.Context, fd int, mem []byte) (packets int) {
	status := int(unsafe.Offsetof(unix.TpacketBlockDesc{}.Hdr))
	for at := 0; ctx.Err() == nil; {
		block := mem[at*blockSize : (at+1)*blockSize]
		word := (*uint32)(unsafe.Pointer(&block[status]))
		if atomic.LoadUint32(word)&unix.TP_STATUS_USER == 0 {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
			continue
		}
		packets += int((*unix.TpacketHdrV1)(unsafe.Pointer(word)).Num_pkts)
		atomic.StoreUint32(word, unix.TP_STATUS_KERNEL)
		at = (at + 1) % blockCount
	}
	return packets
}
