package network

import (
	"context"
	"errors"
	"time"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// Way names a way of capturing, in agent.yaml and in `status`.
type Way string

// The ways. Auto takes BPF where it can be had, and the packet socket elsewhere.
const (
	Auto   Way = "auto"
	BPF    Way = "bpf"
	Packet Way = "packet"
	// ETW is Windows' own: it tells names and no packets, and is not for choosing.
	ETW Way = "etw"
)

// ParseWay reads what agent.yaml says of capture; nothing said is Auto.
func ParseWay(s string) (Way, error) {
	switch w := Way(s); w {
	case "":
		return Auto, nil
	case Auto, BPF, Packet:
		return w, nil
	}
	return "", errors.New("want auto, bpf or packet")
}

// arrival is one packet, from its IP header on, or one name. It is good only
// during the call that hands it over.
type arrival struct {
	data []byte
	// name is a name that was told as such, by a system that shows no packets;
	// data is nil then.
	name *decode.Sighting
	at   time.Time
	// key names the socket where the capture knows it: flows are then told apart
	// by it, and the packet is this host's without asking for its addresses.
	key decode.Key
	// owner is nil where the capture does not know it.
	owner *event.Owner
	// unanswered says that this is a reset of a connection that was made and
	// carried nothing back.
	unanswered bool
}

// capturer is the operating system's seam.
type capturer interface {
	// read hands each captured packet to take, in order, and returns when
	// none is left, after at most wait without one, or when ctx ends.
	read(ctx context.Context, wait time.Duration, take func(*arrival)) error
	// wake ends a read that waits. Any goroutine may call it until close.
	wake()
	// lost returns how many packets found no room since the capture began.
	lost() uint64
	// changed is called after the interfaces or their addresses changed. It
	// returns why nothing is seen until they change again, or nil.
	changed() error
	// check returns why the capture is at an end without having been told, or nil.
	check() error
	// way and detail say how packets are captured.
	way() Way
	detail() string
	close() error
}
