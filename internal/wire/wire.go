// Package wire turns a flagged observation into the bytes of a Record and back.
// The bytes are made once, on the device: the spool, the wire and the
// collector's duplicate check all hold the same ones, so a Record is never
// decoded and encoded again on its way. Strings are cut at the protocol's
// limits and made valid UTF-8, because a device must never lose an event over
// an odd name.
//
// The agent's pipeline and the collector's ingest use it. It does no I/O, reads
// no clock, and imports internal/event and the protocol only.
package wire

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/internal/event"
	pb "safelight/proto/safelight/v1"
)

// Event is an observation that a rule flagged, with the verdict on it.
type Event struct {
	ID [16]byte
	event.Observation
	// BootID and Mono are the device's monotonic clock at Observation.Time.
	BootID string
	Mono   time.Duration
	// OwnerUnknown says why the owner is not known, where it is not.
	OwnerUnknown string

	Rule, Category   string
	Severity         event.Severity
	Pack, Match, Why string
	NotSeen          []string
	Help             bool
	event.Grounds
	// Role is the one whose scope judged it.
	Role                      string
	PolicyEpoch, PolicySerial uint64

	// Outcome is set by Unmarshal; Marshal works it out from the observation.
	Outcome Outcome
}

// ErrNotEvent is what Unmarshal answers for a Record of another kind.
var ErrNotEvent = errors.New("record holds no event")

// NewID makes an event's id, a UUIDv7.
func NewID() ([16]byte, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return [16]byte{}, fmt.Errorf("making an event id from the system's randomness: %w", err)
	}
	return id, nil
}

// Marshal makes the bytes of the event's Record. It fails only for what its
// caller left out (id, name, rule) or an enum that the protocol does not have,
// never for what stands in a name.
func Marshal(e Event) ([]byte, error) {
	msg, err := toProto(e)
	if err != nil {
		return nil, fmt.Errorf("marshalling event: %w", err)
	}
	record := &pb.Record{Kind: &pb.Record_Event{Event: msg}}
	if proto.Size(record) > maxRecord {
		msg.Verdict.Evidence, msg.Verdict.How, msg.Verdict.ReadAs = nil, nil, ""
	}
	return marshalRecord(record)
}

// Unmarshal reads the bytes of a Record that holds an event. Enum values that
// this version does not know are an error: an event half understood is worse
// than one refused.
func Unmarshal(record []byte) (Event, error) {
	var msg pb.Record
	if err := proto.Unmarshal(record, &msg); err != nil {
		return Event{}, fmt.Errorf("unmarshalling record: %w", err)
	}
	ev := msg.GetEvent()
	if ev == nil {
		return Event{}, fmt.Errorf("unmarshalling record: %w", ErrNotEvent)
	}
	return FromProto(ev)
}

// Clock puts a moment by each of the device's clocks into the protocol's form.
func Clock(wall time.Time, bootID string, mono time.Duration) *pb.Clock {
	return &pb.Clock{
		Wall:        timestamppb.New(wall),
		BootId:      cut(bootID, maxBootID),
		MonotonicNs: max(0, mono.Nanoseconds()),
	}
}

func marshalRecord(r *pb.Record) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("marshalling record: %w", err)
	}
	return b, nil
}
