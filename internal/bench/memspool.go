package main

import (
	"sort"
	"sync"
	"sync/atomic"

	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/wire"
)

// backlogEach is how many events each device has waiting: more than can be
// delivered while it is measured.
const backlogEach = 4000

// memSpool is a device's backlog in memory, so that what is measured is neither
// two hundred spools' disk nor the making of events.
type memSpool struct {
	epoch  [16]byte
	stored *atomic.Int64 // of all devices

	mu      sync.Mutex
	waiting []spool.Entry // in order of seq
	acked   map[uint64]bool
}

// backlogs makes n devices' backlogs as a morning without a network leaves them:
// the devices' events lie between each other in time, and so do their ids.
func backlogs(n int, stored *atomic.Int64) ([]*memSpool, error) {
	all := make([]*memSpool, n)
	for i := range all {
		id, err := wire.NewID()
		if err != nil {
			return nil, err
		}
		all[i] = &memSpool{epoch: id, stored: stored, acked: map[uint64]bool{}, waiting: make([]spool.Entry, backlogEach)}
	}
	for k := range backlogEach {
		for i, s := range all {
			s.waiting[k] = spool.Entry{Lane: uint8(event.High), Seq: uint64(k), Data: record(event.High, i)}
		}
	}
	return all, nil
}

func (s *memSpool) Epoch() [16]byte { return s.epoch }

func (s *memSpool) Pending(lane uint8, from uint64, maxRecords, maxBytes int) ([]spool.Entry, error) {
	if lane != uint8(event.High) {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := sort.Search(len(s.waiting), func(i int) bool { return s.waiting[i].Seq >= from })
	var out []spool.Entry
	for _, e := range s.waiting[begin:] {
		if maxBytes -= len(e.Data); len(out) == maxRecords || maxBytes < 0 && len(out) > 0 {
			break
		}
		if !s.acked[e.Seq] {
			out = append(out, e)
		}
	}
	return out, nil
}

func (s *memSpool) Ack(_ uint8, seqs ...uint64) error {
	s.stored.Add(int64(len(seqs)))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seq := range seqs {
		s.acked[seq] = true
	}
	for len(s.waiting) > 0 && s.acked[s.waiting[0].Seq] {
		delete(s.acked, s.waiting[0].Seq)
		s.waiting = s.waiting[1:]
	}
	return nil
}

func (s *memSpool) Reject(lane uint8, seq uint64, _, _ string) error {
	s.stored.Add(-1)
	return s.Ack(lane, seq)
}

func (s *memSpool) Tombstones() []spool.Tombstone { return nil }

func (s *memSpool) AckTombstone(spool.Tombstone) error { return nil }

func (s *memSpool) Rewind(uint8, uint64) (again, lost uint64, err error) { return 0, 0, nil }

func (s *memSpool) Wait() <-chan struct{} { return nil }
