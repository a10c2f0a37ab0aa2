package wire

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	pb "safelight/proto/safelight/v1"
)

const maxTopic = 64

// Health is a fact about the device or its agent, for IT, without a user. Its
// detail holds no names, hosts or words.
type Health struct {
	ID            [16]byte
	Time          time.Time
	BootID        string
	Mono          time.Duration
	Topic, Detail string
}

// ErrNotHealth is what UnmarshalHealth answers for a Record of another kind.
var ErrNotHealth = errors.New("record holds no health event")

// MarshalHealth makes the bytes of a health event's Record.
func MarshalHealth(h Health) ([]byte, error) {
	if h.ID == [16]byte{} || h.Topic == "" {
		return nil, errors.New("marshalling health event: no id or no topic")
	}
	return marshalRecord(&pb.Record{Kind: &pb.Record_Health{Health: &pb.Health{
		Id: h.ID[:], Observed: Clock(h.Time, h.BootID, h.Mono), Topic: cut(h.Topic, maxTopic), Detail: cut(h.Detail, maxName),
	}}})
}

// UnmarshalHealth reads the bytes of a Record that holds a health event.
func UnmarshalHealth(record []byte) (Health, error) {
	var msg pb.Record
	if err := proto.Unmarshal(record, &msg); err != nil {
		return Health{}, fmt.Errorf("unmarshalling record: %w", err)
	}
	h := msg.GetHealth()
	if h == nil {
		return Health{}, fmt.Errorf("unmarshalling record: %w", ErrNotHealth)
	}
	if len(h.GetId()) != 16 || !h.GetObserved().GetWall().IsValid() {
		return Health{}, fmt.Errorf("reading health event: id of %d bytes or no valid observed.wall: want 16 bytes and a time", len(h.GetId()))
	}
	return Health{
		ID: [16]byte(h.GetId()), Time: h.GetObserved().GetWall().AsTime(), BootID: h.GetObserved().GetBootId(),
		Mono: time.Duration(h.GetObserved().GetMonotonicNs()), Topic: h.GetTopic(), Detail: h.GetDetail(),
	}, nil
}
