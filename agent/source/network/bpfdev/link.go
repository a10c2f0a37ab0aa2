package bpfdev

import (
	"fmt"

	"golang.org/x/net/bpf"

	"safelight/agent/source/network/filter"
)

// Link is what an interface's frames begin with, as BIOCGDLT numbers it
// (net/bpf.h).
type Link uint32

// The links that are understood.
const (
	Null     Link = 0   // four bytes of address family: loopback, utun, ipsec
	Ethernet Link = 1   // cards, Wi-Fi, bridges
	PPP      Link = 9   // address, control and two bytes of protocol
	Raw      Link = 12  // an IP header at once
	Loop     Link = 108 // as Null
)

// Program is the filter of an interface: of its link, and of its own address.
func Program(link Link, mac []byte) ([]bpf.RawInstruction, error) {
	switch link {
	case Ethernet:
		return filter.Ethernet(mac)
	case Null, Loop, PPP:
		return filter.Bare(4)
	case Raw:
		return filter.Bare(0)
	}
	return nil, fmt.Errorf("%w %d", ErrLink, link)
}

// strip returns the IP packet within a frame.
func strip(link Link, b []byte) ([]byte, bool) {
	header := 0
	switch link {
	case Ethernet:
		header = 14
	case Null, Loop:
		header = 4
	case PPP:
		header = 4
		if len(b) < header || b[0] != 0xff || b[1] != 3 {
			return nil, false
		}
	}
	if len(b) <= header {
		return nil, false
	}
	return b[header:], true
}
