package process

import "encoding/binary"

// What the process connector sends, in the machine's byte order; a datagram may
// hold several:
//
//	nlmsghdr(16)  length(4) type(2) flags(2) seq(4) pid(4)
//	cn_msg(20)    idx(4) val(4) seq(4) ack(4) len(2) flags(2)
//	proc_event    what(4) cpu(4) timestamp_ns(8) data
//	  exec's data   pid(4) tgid(4)
//	  ack's data    err(4)
const (
	netlinkHeader   = 16
	connectorHeader = 20
	eventHeader     = 16

	connectorProc = 1 // both idx and val, and the multicast group
	procAck       = 0
	procExec      = 2
	procListen    = 1 // asks for events
	netlinkDone   = 3
)

type procEvent struct {
	what   uint32
	pid    int // of the process, not of the thread
	failed uint32
}

// parseProcEvents reads a datagram; what is no process event, or is cut short,
// is left out.
func parseProcEvents(b []byte) []procEvent {
	word := binary.NativeEndian
	var all []procEvent
	for len(b) >= netlinkHeader+connectorHeader+eventHeader+4 {
		length := int(word.Uint32(b))
		if length < netlinkHeader+connectorHeader+eventHeader+4 || length > len(b) {
			break
		}
		message := b[netlinkHeader:length]
		if word.Uint32(message) == connectorProc && word.Uint32(message[4:]) == connectorProc {
			body := message[connectorHeader:]
			e := procEvent{what: word.Uint32(body)}
			data := body[eventHeader:]
			switch {
			case e.what == procAck:
				e.failed = word.Uint32(data)
				all = append(all, e)
			case len(data) >= 8:
				e.pid = int(int32(word.Uint32(data[4:])))
				all = append(all, e)
			}
		}
		next := (length + 3) &^ 3
		if next > len(b) {
			break
		}
		b = b[next:]
	}
	return all
}

// subscription asks the connector for events.
func subscription() []byte {
	word := binary.NativeEndian
	b := make([]byte, netlinkHeader+connectorHeader+4)
	word.PutUint32(b, uint32(len(b)))
	word.PutUint16(b[4:], netlinkDone)
	word.PutUint32(b[netlinkHeader:], connectorProc)
	word.PutUint32(b[netlinkHeader+4:], connectorProc)
	word.PutUint16(b[netlinkHeader+16:], 4)
	word.PutUint32(b[netlinkHeader+connectorHeader:], procListen)
	return b
}

// asLoaded is a number as a socket filter loads it: byte for byte, the first the
// highest.
func asLoaded(n uint32) uint32 {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], n)
	return binary.BigEndian.Uint32(b[:])
}
