package network

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// ReadPcap decodes every packet of a pcap or pcapng capture and emits each name
// once per way seen, unfolded. A file that ends in the middle of a packet, or
// is none, is an error; what was decoded before is emitted all the same.
func ReadPcap(r io.Reader, emit func(event.Observation)) error {
	file, err := openPcap(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return err
	}
	type way struct {
		name string
		via  event.Via
	}
	told := make(map[way]struct{})
	decoder := decode.New(decode.Limits{}, decode.Hooks{Name: func(s *decode.Sighting) {
		w := way{s.Name, s.Via}
		if _, again := told[w]; !again {
			told[w] = struct{}{}
			emit(observation(s))
		}
	}})
	defer decoder.Flush()
	for n, expired := 0, (time.Time{}); ; n++ {
		data, info, err := file.ZeroCopyReadPacketData()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading packet %d: %w; the capture is cut short or damaged there", n+1, err)
		}
		link, known := linkOf(file.linkType(info))
		if !known {
			continue
		}
		decoder.Packet(link, data, info.Timestamp)
		if info.Timestamp.Sub(expired) > housekeeping {
			expired = info.Timestamp
			decoder.Expire(expired)
		}
	}
}

// pcapFile is what the two formats have in common.
type pcapFile interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	linkType(gopacket.CaptureInfo) layers.LinkType
}

type classicFile struct{ *pcapgo.Reader }

func (f classicFile) linkType(gopacket.CaptureInfo) layers.LinkType { return f.LinkType() }

type ngFile struct{ *pcapgo.NgReader }

func (f ngFile) linkType(info gopacket.CaptureInfo) layers.LinkType {
	if len(info.AncillaryData) > 0 {
		if link, ok := info.AncillaryData[0].(layers.LinkType); ok {
			return link
		}
	}
	return f.LinkType()
}

const ngMagic = 0x0a0d0d0a

func openPcap(r *bufio.Reader) (pcapFile, error) {
	magic, err := r.Peek(4)
	if err != nil {
		return nil, errors.New("reading the capture: it is empty or too short; want a pcap or pcapng file")
	}
	if binary.BigEndian.Uint32(magic) == ngMagic {
		ng, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			return nil, fmt.Errorf("reading the pcapng header: %w", err)
		}
		return ngFile{ng}, nil
	}
	classic, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("reading the capture: %w; want a pcap or pcapng file", err)
	}
	return classicFile{classic}, nil
}

// linkOf maps the link types of captures to those that are decoded.
func linkOf(t layers.LinkType) (decode.Link, bool) {
	switch t {
	case layers.LinkTypeEthernet:
		return decode.Ethernet, true
	case layers.LinkTypeRaw, layers.LinkTypeIPv4, layers.LinkTypeIPv6, 12, 14:
		return decode.Raw, true // 12 and 14 are what some systems wrote for raw IP
	case layers.LinkTypeLinuxSLL:
		return decode.Cooked, true
	case layers.LinkTypeLinuxSLL2:
		return decode.Cooked2, true
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		return decode.Null, true
	}
	return 0, false
}
