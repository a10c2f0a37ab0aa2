package shipper

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

// Fate is what the collector answered for a record.
type Fate struct {
	// Stored says that the record is in the collector's store, and At when the
	// collector said so, by its own clock.
	Stored bool
	At     time.Time
	Reason string // why it was refused
}

// follows knows the records whose fate somebody waits for, which is nearly always
// none.
type follows struct {
	mu   sync.Mutex // guards everything declared below
	all  []*followed
	able []string // what the collector announced last
}

type followed struct {
	data []byte
	at   place // zero: not sent yet
	fate chan Fate
}

// Follow tells what becomes of a record, by its bytes, once. It must be called
// before the record is spooled; stop ends it.
func (s *Shipper) Follow(record []byte) (fate <-chan Fate, stop func()) {
	f := &followed{data: record, fate: make(chan Fate, 1)}
	s.follows.mu.Lock()
	defer s.follows.mu.Unlock()
	s.follows.all = append(s.follows.all, f)
	return f.fate, func() {
		s.follows.mu.Lock()
		defer s.follows.mu.Unlock()
		s.follows.all = slices.DeleteFunc(s.follows.all, func(other *followed) bool { return other == f })
	}
}

// Announced says whether the collector has said, since this program started, that
// it can do something.
func (s *Shipper) Announced(capability string) bool {
	s.follows.mu.Lock()
	defer s.follows.mu.Unlock()
	return slices.Contains(s.follows.able, capability)
}

func (fs *follows) announced(able []string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.able = able
}

func (fs *follows) sent(e spool.Entry) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		if f.at == (place{}) && bytes.Equal(f.data, e.Data) {
			f.at = place{e.Lane, e.Seq}
		}
	}
}

// answered passes on what an answer says for good of the records that are
// followed.
func (fs *follows) answered(ack *pb.BatchAck) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		for _, it := range ack.GetItems() {
			if f.at != (place{uint8(it.GetLane()), it.GetSeq()}) || !final(it.GetStatus()) {
				continue
			}
			fate := Fate{Stored: it.GetStatus() != pb.AckStatus_ACK_STATUS_REJECTED, Reason: it.GetReason()}
			if at := ack.GetServerTime(); at.IsValid() {
				fate.At = at.AsTime()
			}
			select {
			case f.fate <- fate:
			default: // it was told already
			}
		}
	}
}
