package network

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"safelight/agent/source/network/decode"
)

// snapLength is how much of a packet is kept. More loses packets under load;
// no ClientHello in use is longer in one packet.
const snapLength = 4096

// bulk is how much payload a segment carries in the midst of a transfer. One
// that long, without the flag that ends what was written (PSH), and that begins
// neither a hello nor a request, is passed over: else an upload would push the
// rest out of the ring. It costs the middle of a hello that takes three
// segments of a network that carries longer ones; none in use is as long.
const bulk = 1000

// filter is the kernel's part of G11: a program that lets through only
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
// The socket is a cooked one, so a packet begins with its IP header. IPv6
// packets with extension headers are let through if outgoing: walking them is
// the decoder's work.
func filter() ([]bpf.RawInstruction, error) { return bpf.Assemble(program().link()) }

func program() *asm {
	a := &asm{labels: map[string]int{}}
	a.direction()
	a.load(0, 1)
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
	a.jump(0x40, "v4")
	a.jump(0x60, "v6")
	a.always("drop")
	a.v4()
	a.v6()
	a.transport("v4", func(off uint32, size int) bpf.Instruction { return bpf.LoadIndirect{Off: off, Size: size} })
	a.transport("v6", func(off uint32, size int) bpf.Instruction { return bpf.LoadAbsolute{Off: 40 + off, Size: size} })
	a.label("outgoing only")
	a.do(bpf.LoadScratch{Dst: bpf.RegA, N: direction})
	a.jump(unix.PACKET_OUTGOING, "take")
	a.label("drop")
	a.do(bpf.RetConstant{Val: 0})
	a.label("take")
	a.do(bpf.RetConstant{Val: snapLength})
	return a
}

const (
	direction = 0 // scratch slot: the packet's pkttype
	transport = 1 // scratch slot: length of the transport header and payload
	header    = 2 // scratch slot: length of the TCP header
	payload   = 3 // scratch slot: length of the TCP payload
)

func (a *asm) direction() {
	a.do(bpf.LoadExtension{Num: bpf.ExtType}, bpf.StoreScratch{Src: bpf.RegA, N: direction})
	a.jump(unix.PACKET_OUTGOING, "mine")
	a.jumpNot(unix.PACKET_HOST, "drop")
	a.do(bpf.LoadExtension{Num: bpf.ExtLinkLayerType})
	a.jump(unix.ARPHRD_LOOPBACK, "drop")
	a.label("mine")
}

func (a *asm) v4() {
	a.label("v4")
	a.load(6, 2)
	a.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x1fff})
	a.jumpNot(0, "drop") // not the first fragment
	a.do(bpf.LoadMemShift{Off: 0})
	a.load(2, 2)
	a.jumpNot(0, "v4 length")
	a.do(bpf.LoadExtension{Num: bpf.ExtLen}) // segmentation offload leaves it to the card
	a.label("v4 length")
	a.do(bpf.ALUOpX{Op: bpf.ALUOpSub}, bpf.StoreScratch{Src: bpf.RegA, N: transport})
	a.load(9, 1)
	a.jump(unix.IPPROTO_UDP, "v4 udp")
	a.jump(unix.IPPROTO_TCP, "v4 tcp")
	a.always("drop")
}

func (a *asm) v6() {
	a.label("v6")
	a.load(4, 2)
	a.jumpNot(0, "v6 length")
	a.do(bpf.LoadExtension{Num: bpf.ExtLen}, bpf.ALUOpConstant{Op: bpf.ALUOpSub, Val: 40})
	a.label("v6 length")
	a.do(bpf.StoreScratch{Src: bpf.RegA, N: transport})
	a.load(6, 1)
	a.jump(unix.IPPROTO_UDP, "v6 udp")
	a.jump(unix.IPPROTO_TCP, "v6 tcp")
	for _, ext := range []uint32{unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_FRAGMENT, unix.IPPROTO_DSTOPTS} {
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
	a.jumpMore(snapLength, "drop")
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
		a.do(bpf.LoadMemShift{Off: 0})
	}
}

// first loads the first byte of a TCP payload.
func (a *asm) first(ip string) {
	if ip == "v4" {
		a.do(bpf.LoadMemShift{Off: 0}, bpf.TXA{}, bpf.LoadScratch{Dst: bpf.RegX, N: header},
			bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{}, bpf.LoadIndirect{Off: 0, Size: 1})
		return
	}
	a.do(bpf.LoadScratch{Dst: bpf.RegX, N: header}, bpf.LoadIndirect{Off: 40, Size: 1})
}
