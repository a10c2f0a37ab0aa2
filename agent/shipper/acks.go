package shipper

import (
	"errors"
	"fmt"
	"time"

	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

// Waits before a record is sent again.
const (
	minRetry = 100 * time.Millisecond
	// unanswered is for records that an answer to their batch left out, and
	// for answers that this version does not know.
	unanswered = 5 * time.Second
	// unmoved is for a rejected record that the quarantine had no room for.
	unmoved = time.Minute
)

// take takes in an answer. An answer ends its batch: what it leaves out is sent
// again. What was not in the batch is not believed.
func (se *session) take(ack *pb.BatchAck) error {
	se.heard = true
	if h := ack.GetHello(); h != nil {
		se.follows.announced(h.GetCapabilities())
	}
	se.setState(Connected)
	se.update(func(st *Status) { st.LastAck = time.Now() })
	out, ok := se.inFlight[ack.GetNumber()]
	if !ok {
		return nil
	}
	delete(se.inFlight, ack.GetNumber())
	if len(se.inFlight) == 0 {
		se.watchdog.Stop()
	} else {
		se.watchdog.Reset(se.cfg.AckTimeout)
	}
	if err := se.takeItems(out, ack.GetItems()); err != nil {
		return err
	}
	se.follows.answered(ack)
	return se.takeTombstones(out, ack.GetTombstones())
}

func (se *session) takeItems(out *sent, items []*pb.ItemAck) error {
	var stored [spool.Lanes + 1][]uint64
	for _, it := range items {
		p := place{uint8(it.GetLane()), it.GetSeq()}
		if !out.items[p] {
			continue
		}
		delete(out.items, p)
		switch it.GetStatus() {
		case pb.AckStatus_ACK_STATUS_STORED, pb.AckStatus_ACK_STATUS_DUPLICATE:
			stored[p.lane] = append(stored[p.lane], p.seq)
		case pb.AckStatus_ACK_STATUS_REJECTED:
			se.reject(p, it)
		case pb.AckStatus_ACK_STATUS_RETRY:
			se.hold(p, min(it.GetRetryAfter().AsDuration(), maxPause))
		default:
			se.hold(p, unanswered)
		}
	}
	for p := range out.items {
		se.hold(p, unanswered)
	}
	for lane, seqs := range stored {
		if len(seqs) == 0 {
			continue
		}
		if err := se.cfg.Spool.Ack(uint8(lane), seqs...); err != nil {
			return fmt.Errorf("acking to the spool: %w", err)
		}
		se.update(func(st *Status) { st.Acked += uint64(len(seqs)) })
	}
	return nil
}

func (se *session) hold(p place, wait time.Duration) {
	se.held[p] = time.Now().Add(max(wait, minRetry))
}

func (se *session) reject(p place, it *pb.ItemAck) {
	err := se.cfg.Spool.Reject(p.lane, p.seq, it.GetReason(), it.GetField())
	if err != nil && !errors.Is(err, spool.ErrNotPending) {
		se.hold(p, unmoved)
		return
	}
	se.update(func(st *Status) { st.Rejected++ })
}

// takeTombstones acks tombstones as they were sent. One that the collector will
// never take has been said, and stands in nobody's way either.
func (se *session) takeTombstones(out *sent, acks []*pb.TombstoneAck) error {
	for _, t := range out.tombstones {
		se.buried[t] = time.Now().Add(unanswered)
		for _, a := range acks {
			if uint8(a.GetLane()) != t.Lane || a.GetFromSeq() != t.From || !final(a.GetStatus()) {
				continue
			}
			if err := se.cfg.Spool.AckTombstone(t); err != nil {
				return fmt.Errorf("acking a tombstone to the spool: %w", err)
			}
			delete(se.buried, t)
			break
		}
	}
	return nil
}

func final(st pb.AckStatus) bool {
	return st == pb.AckStatus_ACK_STATUS_STORED || st == pb.AckStatus_ACK_STATUS_DUPLICATE || st == pb.AckStatus_ACK_STATUS_REJECTED
}
