package spool

import (
	"fmt"
	"maps"
	"slices"
)

// groupBytes is how much one commit gathers from Appends that wait.
const groupBytes = 1 << 20

// request is one Append on its way to disk.
type request struct {
	records     []Record
	checkpoints map[string][]byte
	bytes       int
	done        bool // writer
	err         error
}

// Append makes the records and their sources' positions durable together, or
// none of them. Either may be empty. It returns after the sync; Appends that
// wait at the same time share one.
//
// When it returns an error the batch is not in the spool, with one exception
// that no file can spare its caller: if the process dies before the next
// Append, the batch may turn out to have reached the disk, and then all of it
// did.
func (s *Spool) Append(records []Record, checkpoints map[string][]byte) error {
	req := &request{records: records, checkpoints: checkpoints}
	if err := req.check(); err != nil {
		return fmt.Errorf("appending to spool: %w", err)
	}
	if len(records) == 0 && len(checkpoints) == 0 {
		return nil
	}
	s.queueMu.Lock()
	s.queue = append(s.queue, req)
	s.queueMu.Unlock()

	// Whoever comes first commits for all who wait behind it.
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	for !req.done {
		s.commitGroup(s.takeGroup())
	}
	if req.err != nil {
		return fmt.Errorf("appending to spool: %w", req.err)
	}
	return nil
}

func (r *request) check() error {
	for i, rec := range r.records {
		if rec.Lane < 1 || rec.Lane > Lanes {
			return fmt.Errorf("record %d: lane %d: %w: want 1 to %d", i, rec.Lane, ErrLane, Lanes)
		}
		if len(rec.Data) > MaxRecordBytes {
			return fmt.Errorf("record %d of %d bytes: %w: the limit is %d", i, len(rec.Data), ErrTooLarge, MaxRecordBytes)
		}
		r.bytes += len(rec.Data) + 4
	}
	for source, value := range r.checkpoints {
		if len(source) > MaxSourceBytes || len(value) > MaxCheckpointBytes {
			return fmt.Errorf("checkpoint of %d bytes under a name of %d: %w: the limits are %d and %d",
				len(value), len(source), ErrTooLarge, MaxCheckpointBytes, MaxSourceBytes)
		}
		r.bytes += len(source) + len(value)
	}
	if r.bytes > MaxBatchBytes {
		return fmt.Errorf("batch of %d bytes: %w: the limit is %d", r.bytes, ErrTooLarge, MaxBatchBytes)
	}
	return nil
}

// takeGroup takes what one commit carries, at least one request, in order.
func (s *Spool) takeGroup() []*request {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	n, bytes := 0, 0
	for n < len(s.queue) && (n == 0 || bytes+s.queue[n].bytes <= groupBytes) {
		bytes += s.queue[n].bytes
		n++
	}
	group := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	return group
}

// commitGroup writes a group and answers each request in it.
func (s *Spool) commitGroup(group []*request) {
	s.refuseSources(group)
	var err error
	if b := newBatch(group); !b.empty() {
		err = s.write(b)
	}
	for _, req := range group {
		if !req.done {
			req.done, req.err = true, err
		}
	}
}

// refuseSources answers the requests that would take the spool over MaxSources,
// which every segment's header must hold.
func (s *Spool) refuseSources(group []*request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := map[string]bool{}
	for _, req := range group {
		mine := map[string]bool{}
		for source := range req.checkpoints {
			if _, known := s.checkpoints[source]; !known && !fresh[source] {
				mine[source] = true
			}
		}
		if len(s.checkpoints)+len(fresh)+len(mine) > MaxSources {
			req.done, req.err = true, fmt.Errorf("checkpoint of one more source: %w: the limit is %d", ErrTooLarge, MaxSources)
			continue
		}
		maps.Copy(fresh, mine)
	}
}

// batch is what one commit writes.
type batch struct {
	records     [Lanes + 1][][]byte
	checkpoints map[string][]byte
}

func newBatch(group []*request) *batch {
	b := &batch{checkpoints: map[string][]byte{}}
	for _, req := range group {
		if req.done {
			continue
		}
		for _, rec := range req.records {
			b.records[rec.Lane] = append(b.records[rec.Lane], rec.Data)
		}
		for source, value := range req.checkpoints {
			b.checkpoints[source] = value
		}
	}
	return b
}

// lanes lists the lanes the batch has records for, lowest first.
func (b *batch) lanes() []uint8 {
	var out []uint8
	for l := uint8(1); l <= Lanes; l++ {
		if len(b.records[l]) > 0 {
			out = append(out, l)
		}
	}
	return out
}

func (b *batch) empty() bool { return len(b.checkpoints) == 0 && len(b.lanes()) == 0 }
