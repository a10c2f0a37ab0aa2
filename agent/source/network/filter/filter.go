// Package filter makes the kernel's part of capture: classic BPF programs that
// let through what names are read from, and drop the rest before it is copied.
// The rules are one for every system; what stands before the IP header, and how
// a packet's direction is known, differs:
//
//	Linux   cooked packets, which begin with the IP header; the kernel says which
//	        way one goes (Cooked)
//	macOS   frames as they are on the interface: with Ethernet's addresses, which
//	        tell the way (Ethernet), or behind a few bytes that do not (Bare)
//
// It does no I/O. Only the captures of agent/source/network import it.
package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"

	"safelight/agent/source/network/decode"
)

// Snap is how much of a packet is kept. More loses packets under load; no
// ClientHello in use is longer in one packet.
const Snap = 4096

// bulk is how much payload a segment carries in the midst of a transfer. One
// that long, without the flag that ends what was written (PSH), and that begins
// neither a hello nor a request, is passed over: else an upload would push the
// rest out of the ring. It costs the middle of a hello that takes three
// segments of a network that carries longer ones; none in use is as long.
const bulk = 1000

// The kinds of packet by their way, as Linux numbers them (linux/if_packet.h),
// and its number of the loopback's kind (linux/if_arp.h).
const (
	incoming = 0
	outgoing = 4
	loopback = 772
)

// IP's protocols (IANA), the last four of them IPv6's extension headers.
const (
	tcp, udp                                 = 6, 17
	hopByHop, routing, fragment, destination = 0, 43, 44, 60
)

// Cooked is the filter of a cooked packet socket: the kernel's part of G11. It
// lets through only
//
//	this host's packets          pkttype HOST or OUTGOING; on loopback, where
//	                             each packet passes twice, OUTGOING only
//	UDP and TCP at DNS's ports   both ways
//	other TCP, both ways         SYNs and RSTs: what becomes of a connection
//	other TCP, outgoing          segments with payload, but not the bulk of a
//	                             transfer
//	other UDP, outgoing          QUIC Initials, first words of tunnels, and at
//	                             port 443 whatever opens a QUIC connection
//
// IPv6 packets with extension headers are let through if outgoing: walking them
// is the decoder's work.
func Cooked() ([]bpf.RawInstruction, error) {
	a := newAsm(0)
	a.do(bpf.LoadExtension{Num: bpf.ExtType}, bpf.StoreScratch{Src: bpf.RegA, N: direction})
	a.jump(outgoing, "mine")
	a.jumpNot(incoming, "drop")
	a.do(bpf.LoadExtension{Num: bpf.ExtLinkLayerType})
	a.jump(loopback, "drop")
	a.label("mine")
	return a.rules()
}

// Ethernet is the filter of an Ethernet interface whose own address is mac: what
// is sent from it is outgoing, what is sent to it incoming, and everything else
// is another host's, or everybody's, and dropped. With any other number of bytes
// than six, nothing is known of the way, and everything is taken for outgoing.
// Tagged frames are dropped: the interface of their VLAN has them without.
func Ethernet(mac []byte) ([]bpf.RawInstruction, error) {
	const typeAt, header = 12, 14
	a := newAsm(header)
	a.frame(typeAt, 2)
	a.jump(0x0800, "ip")
	a.jumpNot(0x86dd, "drop")
	a.label("ip")
	if len(mac) != 6 {
		a.way(outgoing)
		return a.rules()
	}
	high, low := binary.BigEndian.Uint32(mac), uint32(binary.BigEndian.Uint16(mac[4:]))
	a.frame(6, 4)
	a.jumpNot(high, "from elsewhere")
	a.frame(10, 2)
	a.jumpNot(low, "from elsewhere")
	a.way(outgoing)
	a.always("mine")
	a.label("from elsewhere")
	a.frame(0, 4)
	a.jumpNot(high, "drop")
	a.frame(4, 2)
	a.jumpNot(low, "drop")
	a.way(incoming)
	a.label("mine")
	return a.rules()
}

// Bare is the filter of an interface whose frames are an IP packet behind header
// bytes that do not say which way it goes: tunnels, loopback. What is let
// through is as for outgoing packets, both ways.
func Bare(header int) ([]bpf.RawInstruction, error) {
	a := newAsm(uint32(header))
	a.way(outgoing)
	return a.rules()
}

func newAsm(base uint32) *asm { return &asm{labels: map[string]int{}, base: base} }

// way notes a direction that is known when the filter is made.
func (a *asm) way(is uint32) {
	a.do(bpf.LoadConstant{Dst: bpf.RegA, Val: is}, bpf.StoreScratch{Src: bpf.RegA, N: direction})
}

// rules goes on after the direction is known, and ends the program.
func (a *asm) rules() ([]bpf.RawInstruction, error) {
	a.load(0, 1)
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
	a.jump(0x40, "v4")
	a.jump(0x60, "v6")
	a.always("drop")
	a.v4()
	a.v6()
	a.transport("v4", func(off uint32, size int) bpf.Instruction { return bpf.LoadIndirect{Off: a.base + off, Size: size} })
	a.transport("v6", func(off uint32, size int) bpf.Instruction {
		return bpf.LoadAbsolute{Off: a.base + 40 + off, Size: size}
	})
	a.label("outgoing only")
	a.do(bpf.LoadScratch{Dst: bpf.RegA, N: direction})
	a.jump(outgoing, "take")
	a.label("drop")
	a.do(bpf.RetConstant{Val: 0})
	a.label("take")
	a.do(bpf.RetConstant{Val: Snap})
	return bpf.Assemble(a.link())
}

const (
	direction = 0 // scratch slot: the packet's way
	transport = 1 // scratch slot: length of the transport header and payload
	header    = 2 // scratch slot: length of the TCP header
	payload   = 3 // scratch slot: length of the TCP payload
)

func (a *asm) v4() {
	a.label("v4")
	a.load(6, 2)
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x1fff})
	a.jumpNot(0, "drop") // not the first fragment
	a.do(bpf.LoadMemShift{Off: a.base})
	a.load(2, 2)
	a.jumpNot(0, "v4 length")
	a.whole() // segmentation offload leaves it to the card
	a.label("v4 length")
	a.do(bpf.ALUOpX{Op: bpf.ALUOpSub}, bpf.StoreScratch{Src: bpf.RegA, N: transport})
	a.load(9, 1)
	a.jump(udp, "v4 udp")
	a.jump(tcp, "v4 tcp")
	a.always("drop")
}

// whole loads the length of the packet, as captured.
func (a *asm) whole() {
	a.do(bpf.LoadExtension{Num: bpf.ExtLen})
	if a.base > 0 {
		a.do(bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: a.base})
	}
}

func (a *asm) v6() {
	a.label("v6")
	a.load(4, 2)
	a.jumpNot(0, "v6 length")
	a.whole()
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: 40})
	a.label("v6 length")
	a.do(bpf.StoreScratch{Src: bpf.RegA, N: transport})
	a.load(6, 1)
	a.jump(udp, "v6 udp")
	a.jump(tcp, "v6 tcp")
	for _, ext := range []uint32{hopByHop, routing, fragment, destination} {
		a.jump(ext, "outgoing only")
	}
	a.always("drop")
}

// transport judges UDP and TCP; at loads from the transport header.
func (a *asm) transport(ip string, at func(off uint32, size int) bpf.Instruction) {
	a.label(ip + " udp")
	a.dns(at)
	a.do(bpf.LoadScratch{Dst: bpf.RegA, N: transport})
	a.jumpLess(8+5, "drop") // too short for what follows
	a.do(at(2, 2))
	a.jump(443, ip+" quic")
	a.jump(500, "outgoing only") // IKE
	a.jump(4500, ip+" ike")
	a.do(at(8, 4))
	a.jump(0x01000000, "outgoing only") // WireGuard
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 24})
	a.jump(0x38, "outgoing only") // OpenVPN
	a.jump(0x50, "outgoing only")
	a.do(at(9, 4))
	a.jump(1, ip+" quic")
	a.jump(0x6b3343cf, ip+" quic") // version 2
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xffffff00})
	a.jump(0xff000000, ip+" quic") // drafts
	a.always("drop")
	a.label(ip + " ike")
	a.do(at(8, 4))
	a.jump(0, "outgoing only")
	a.always("drop")
	a.label(ip + " quic")
	a.do(at(8, 1), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xc0})
	a.jump(0xc0, "outgoing only")
	a.always("drop")

	a.label(ip + " tcp")
	a.dns(at)
	a.do(at(13, 1))
	a.jumpAny(0x02|0x04, "take")
	// payload = transport length - header length (its upper nibble, in words)
	a.do(at(12, 1), bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2}, bpf.StoreScratch{Src: bpf.RegA, N: header}, bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: transport}, bpf.ALUOpX{Op: bpf.ALUOpSub})
	a.jump(0, "drop")
	a.jumpLess(bulk, "outgoing only")
	a.do(bpf.StoreScratch{Src: bpf.RegA, N: payload})
	a.first(ip)
	a.jump(0x16, "outgoing only") // a TLS handshake
	a.jumpLess('A', ip+" last")
	a.jumpLess('Z'+1, "outgoing only") // a method
	a.label(ip + " last")
	a.do(bpf.LoadScratch{Dst: bpf.RegA, N: payload})
	a.jumpMore(Snap, "drop")
	a.again(ip)
	a.do(at(13, 1))
	a.jumpAny(0x08, "outgoing only") // PSH
	a.always("drop")
}

// dns takes what comes from or goes to a port at which DNS is read.
func (a *asm) dns(at func(off uint32, size int) bpf.Instruction) {
	for _, off := range []uint32{0, 2} {
		a.do(at(off, 2))
		for _, port := range decode.DNSPorts {
			a.jump(uint32(port), "take")
		}
	}
}

// again puts the length of the IP header back where the transport is loaded by.
func (a *asm) again(ip string) {
	if ip == "v4" {
		a.do(bpf.LoadMemShift{Off: a.base})
	}
}

// first loads the first byte of a TCP payload.
func (a *asm) first(ip string) {
	if ip == "v4" {
		a.do(bpf.LoadMemShift{Off: a.base}, bpf.TXA{}, bpf.LoadScratch{Dst: bpf.RegX, N: header},
			bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{}, bpf.LoadIndirect{Off: a.base, Size: 1})
		return
	}
	a.do(bpf.LoadScratch{Dst: bpf.RegX, N: header}, bpf.LoadIndirect{Off: a.base + 40, Size: 1})
}
