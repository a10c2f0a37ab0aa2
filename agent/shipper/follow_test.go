package shipper

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

func fateOf(t *testing.T, fate <-chan Fate) Fate {
	t.Helper()
	select {
	case f := <-fate:
		return f
	case <-time.After(10 * time.Second):
		t.Fatal("nobody said what became of the record")
	}
	return Fate{}
}

func TestWhoFollowsARecordIsToldWhatBecameOfIt(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	said := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	tries := 0
	c := client(t, storing(make(chan *pb.EventBatch, 100), func(ack *pb.BatchAck) {
		ack.ServerTime = timestamppb.New(said)
		if ack.GetNumber() == 1 {
			ack.Hello = &pb.Hello{Capabilities: []string{"checks"}}
		}
		for _, it := range ack.GetItems() {
			switch it.GetSeq() {
			case 2: // the first try comes to nothing, and is no fate
				if tries++; tries == 1 {
					it.Status = pb.AckStatus_ACK_STATUS_RETRY
				}
			case 3:
				it.Status, it.Reason = pb.AckStatus_ACK_STATUS_REJECTED, "unsupported"
			}
		}
	}))
	s := run(t, sp, c)
	var fates []<-chan Fate
	for _, n := range []int{1, 2} {
		fate, stop := s.Follow(fmt.Appendf(nil, "record %d", n))
		defer stop()
		fates = append(fates, fate)
	}
	unsent, stop := s.Follow([]byte("never spooled"))
	add(t, sp, 1, 3)
	if f := fateOf(t, fates[0]); !f.Stored || !f.At.Equal(said) {
		t.Errorf("a record that was stored at the second try: %+v", f)
	}
	if f := fateOf(t, fates[1]); f.Stored || f.Reason != "unsupported" {
		t.Errorf("a record that was refused: %+v", f)
	}
	select {
	case f := <-unsent:
		t.Errorf("a record that was never spooled: %+v", f)
	default:
	}
	stop()
	if !s.Announced("checks") || s.Announced("more") {
		t.Errorf("announced: checks %v, more %v", s.Announced("checks"), s.Announced("more"))
	}
}

func TestNothingIsAnnouncedBeforeTheCollectorSaidHello(t *testing.T) {
	s := New(Config{Spool: newSpool(t, spool.Options{})})
	if s.Announced("checks") {
		t.Error("a collector that never answered is said to keep checks")
	}
}
