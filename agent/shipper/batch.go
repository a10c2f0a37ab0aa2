package shipper

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"safelight/agent/spool"
	"safelight/internal/wire"
	pb "safelight/proto/safelight/v1"
)

const (
	maxBatchRecords    = 256
	maxBatchBytes      = 512 << 10
	maxBatchTombstones = 64
	// maxEarly is how much of a batch goes to records that are sent again before
	// their time, because lower ones would overtake them: never all of it, so
	// that ones which are never taken cannot stop everything behind them.
	maxEarly = maxBatchRecords / 2
	// maxHeld bounds how many records may wait to be sent again before the
	// shipper stops reading on: a collector that takes nothing is not walked
	// through the whole spool.
	maxHeld = 8192
)

// onItsWay stands for a tombstone's time while its batch is unanswered.
var onItsWay time.Time

var errSpool = errors.New("reading the spool")

// collect fills a batch: tombstones, then the highest lane's records first. One
// that the collector asked for later still goes ahead of any from a lower lane:
// what kept the collector from storing it may be over before its time has come,
// and then the lower ones would be told first.
func (se *session) collect() (*pb.EventBatch, *sent, error) {
	epoch, now := se.cfg.Spool.Epoch(), se.cfg.Clock()
	b := &pb.EventBatch{
		SpoolEpoch: epoch[:],
		Sent:       wire.Clock(now.Wall, now.BootID, now.Mono),
	}
	out := &sent{items: map[place]bool{}}
	if se.paused() > 0 {
		return b, out, nil // a Hello only
	}
	se.addTombstones(b, out)
	f := filling{se: se, batch: b, sent: out, bytes: maxBatchBytes}
	due, early := se.again()
	for lane := uint8(spool.Lanes); lane >= 1; lane-- {
		if err := f.ahead(lane, due, early); err != nil {
			return nil, nil, err
		}
		if err := f.again(lane, due); err != nil {
			return nil, nil, err
		}
		if err := f.fresh(lane); err != nil {
			return nil, nil, err
		}
	}
	return b, out, nil
}

func (se *session) addTombstones(b *pb.EventBatch, out *sent) {
	list := se.cfg.Spool.Tombstones()
	maps.DeleteFunc(se.buried, func(t spool.Tombstone, due time.Time) bool {
		return due != onItsWay && !slices.Contains(list, t) // grown or joined since: sent anew
	})
	for _, t := range list {
		due, known := se.buried[t]
		if known && (due == onItsWay || time.Until(due) > 0) || len(out.tombstones) == maxBatchTombstones {
			continue
		}
		se.buried[t] = onItsWay
		out.tombstones = append(out.tombstones, t)
		b.Tombstones = append(b.Tombstones, &pb.Tombstone{Lane: pb.Severity(t.Lane), FromSeq: t.From, ToSeq: t.To, Reason: t.Reason})
	}
}

// again lists the held records, in order: those whose time has come, and the
// others.
func (se *session) again() (due, early []place) {
	now := time.Now()
	for p, at := range se.held {
		switch {
		case se.onTheWay(p):
		case at.After(now):
			early = append(early, p)
		default:
			due = append(due, p)
		}
	}
	slices.SortFunc(due, inOrder)
	slices.SortFunc(early, inOrder)
	return due, early
}

// inOrder is the order of sending: the highest lane first.
func inOrder(a, b place) int {
	return cmp.Or(cmp.Compare(b.lane, a.lane), cmp.Compare(a.seq, b.seq))
}

func (se *session) onTheWay(p place) bool {
	for _, b := range se.inFlight {
		if b.items[p] {
			return true
		}
	}
	return false
}

// filling is a batch being filled.
type filling struct {
	se    *session
	batch *pb.EventBatch
	sent  *sent
	bytes int // left
	early int // records sent again before their time
}

func (f *filling) room() int { return maxBatchRecords - len(f.batch.Items) }

// ahead adds the records of higher lanes that the collector wanted later still,
// if there is anything to send of this lane.
func (f *filling) ahead(lane uint8, due, early []place) error {
	var higher []place
	for _, p := range early { // those of the highest lane come first
		if p.lane > lane && !f.sent.items[p] && f.early+len(higher) < maxEarly {
			higher = append(higher, p)
		}
	}
	if len(higher) == 0 {
		return nil
	}
	if some, err := f.some(lane, due); err != nil || !some {
		return err
	}
	f.early += len(higher)
	for above := uint8(spool.Lanes); above > lane; above-- {
		if err := f.again(above, higher); err != nil {
			return err
		}
	}
	return nil
}

// some says whether there is a record of a lane to send.
func (f *filling) some(lane uint8, due []place) (bool, error) {
	if slices.ContainsFunc(due, func(p place) bool { return p.lane == lane }) {
		return true, nil
	}
	if len(f.se.held) >= maxHeld {
		return false, nil
	}
	got, err := f.se.cfg.Spool.Pending(lane, f.se.cursor[lane], 1, maxBatchBytes)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errSpool, err)
	}
	return len(got) > 0, nil
}

// again adds records of a lane that the collector wanted later.
func (f *filling) again(lane uint8, due []place) error {
	for _, p := range due {
		if p.lane != lane || f.room() == 0 {
			continue
		}
		got, err := f.se.cfg.Spool.Pending(lane, p.seq, 1, maxBatchBytes)
		if err != nil {
			return fmt.Errorf("%w: %w", errSpool, err)
		}
		if len(got) == 0 || got[0].Seq != p.seq {
			delete(f.se.held, p) // lost meanwhile, with a tombstone
			continue
		}
		if len(got[0].Data) > f.bytes {
			return nil
		}
		delete(f.se.held, p)
		f.add(got[0])
	}
	return nil
}

// fresh adds records of a lane that this stream has not looked at yet.
func (f *filling) fresh(lane uint8) error {
	se := f.se
	for f.room() > 0 && f.bytes > 0 && len(se.held) < maxHeld {
		got, err := se.cfg.Spool.Pending(lane, se.cursor[lane], f.room(), f.bytes)
		if err != nil {
			return fmt.Errorf("%w: %w", errSpool, err)
		}
		if len(got) == 0 {
			return nil
		}
		for _, e := range got {
			if len(e.Data) > f.bytes && len(f.batch.Items) > 0 {
				return nil // for the next batch
			}
			se.cursor[lane] = e.Seq + 1
			if _, held := se.held[place{lane, e.Seq}]; !held && !se.onTheWay(place{lane, e.Seq}) {
				f.add(e)
			}
		}
	}
	return nil
}

func (f *filling) add(e spool.Entry) {
	f.bytes -= len(e.Data)
	f.sent.items[place{e.Lane, e.Seq}] = true
	f.se.follows.sent(e)
	f.batch.Items = append(f.batch.Items, &pb.Item{Lane: pb.Severity(e.Lane), Seq: e.Seq, Record: e.Data})
}
