package decode

import (
	"net/netip"
	"time"

	"safelight/internal/event"
)

// The transports, as Sighting, Conn, Fact and Chunk name them.
const (
	TCP = "tcp"
	UDP = "udp"
)

// Key is an opaque name for one socket, such as Linux's SO_COOKIE. 0 means that
// it is not known; flows are then told apart by their addresses and ports.
type Key uint64

// Chunk is payload of one flow, as a capture hands it over that works above
// packets.
type Chunk struct {
	At    time.Time
	Key   Key
	Proto string // TCP or UDP
	// Client opened the flow and Server was asked. Either may be zero where it
	// is not known; a Key must then tell the flow from others.
	Client, Server netip.AddrPort
	// Reply says that the bytes run from Server to Client.
	Reply bool

	// Seq is the sequence number of Data's first byte, if HasSeq; otherwise
	// Data follows on what came before. Both are of TCP only.
	Seq    uint32
	HasSeq bool
	// First says that Data begins the connection: what was known of the flow
	// is forgotten. Last says that it ended.
	First, Last bool

	Data []byte
	// Wire is how many bytes were sent, where the capture kept fewer; 0 means
	// len(Data).
	Wire int
}

// Sighting is one name seen in one packet or stream. It and its slices are good
// only during the call that hands it over; its strings may be kept.
type Sighting struct {
	Time time.Time
	Key  Key
	Name string // lower-case A-label form, without a final dot
	Via  event.Via
	// Proto is TCP or UDP. Client asked or connected, Server was asked.
	Proto          string
	Client, Server netip.AddrPort

	// Outer says that the name may be the public one of an Encrypted Client
	// Hello (RFC 9849), with another behind it that cannot be seen. The
	// extension alone says nothing, for browsers always send one.
	Outer bool
	// Partial says that the end of the message never came.
	Partial bool

	// Of DNS only: the type of the question, and whether this is its answer.
	Type     uint16
	Response bool
	// Of answers only: the code (RFC 1035, 4.1.1; 3 is NXDOMAIN), whether it
	// was cut to fit, the names it leads over, and the addresses it gave.
	RCode     uint8
	Truncated bool
	Aliases   []string
	Answers   []netip.Addr
	// Sunk says that every address given is one that nothing answers at
	// (0.0.0.0, ::, loopback): what filters answer.
	Sunk bool
}

// Outcome is what became of a connection.
type Outcome uint8

// The outcomes, in the order in which a connection may have them.
const (
	Asked       Outcome = iota + 1 // a first SYN or QUIC Initial was sent
	Established                    // the server answered
	Refused                        // RST in answer to the SYN, or ICMP unreachable
	Reset                          // RST by the server before it sent anything
)

// Conn is an outcome of one connection. It is good only during the call.
type Conn struct {
	Time           time.Time
	Key            Key
	Proto          string // QUIC is UDP
	Client, Server netip.AddrPort
	Outcome        Outcome
}

// What says what a Fact is about.
type What uint8

// The facts: each is about something that hides names.
const (
	DoT         What = iota + 1 // DNS over TLS (RFC 7858): a ClientHello to port 853, or ALPN dot
	DoQ                         // DNS over QUIC (RFC 9250): the same with QUIC, or ALPN doq
	ECHHidden                   // a ClientHello whose name is likely an ECH's public one
	NoName                      // a whole ClientHello without a server name
	WireGuard                   // a handshake was begun
	OpenVPN                     // the same
	IKE                         // the same (IPsec; RFC 7296, RFC 2409)
	QUICUnknown                 // QUIC of a version whose first packets cannot be read
)

// Fact is something seen that hides names from this decoder. It is good only
// during the call.
type Fact struct {
	Time           time.Time
	Key            Key
	What           What
	Proto          string
	Client, Server netip.AddrPort
}

// Stats counts what a Decoder gave up since it was made, and what it holds.
type Stats struct {
	Evicted   uint64 // flows forgotten early, because there were too many
	Dropped   uint64 // flows given up unread: a gap too wide, bytes too many
	Fragments uint64 // IP datagrams given up: a part missing, or parts that differ
	Flows     int    // remembered now
	Held      int    // bytes of unfinished messages held now
}

// Limits bound what a Decoder remembers. Zero fields take the defaults.
type Limits struct {
	Flows int           // connections remembered at once; default 8192
	Bytes int           // bytes of unfinished messages held; default 8 MiB
	Idle  time.Duration // a connection silent for so long is forgotten; default 2 min
	Wait  time.Duration // an unfinished message is told as it stands after so long a silence; default 2 s
}

func (l Limits) withDefaults() Limits {
	if l.Flows <= 0 {
		l.Flows = 8192
	}
	if l.Bytes <= 0 {
		l.Bytes = 8 << 20
	}
	if l.Idle <= 0 {
		l.Idle = 2 * time.Minute
	}
	if l.Wait <= 0 {
		l.Wait = 2 * time.Second
	}
	return l
}

// Hooks are what a Decoder tells. Name is required.
type Hooks struct {
	Name func(*Sighting)
	Conn func(*Conn)
	Fact func(*Fact)
	// Own says whether a packet between these two addresses is this host's;
	// others are not decoded (G11). nil takes every packet (a capture file).
	// Payload is not asked about: a socket's bytes are its host's.
	Own func(src, dst netip.Addr) bool
}
