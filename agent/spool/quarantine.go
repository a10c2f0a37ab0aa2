package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// quarantineBytes bounds what the quarantine's files hold together.
const quarantineBytes = 1 << 20

// quarantine keeps records that the collector will never take, for somebody to
// look at: a JSON file each, named so that they sort by age. The oldest goes
// when there are too many. Losing one in a crash loses no event that could
// still have arrived, so its files are not synced with the lanes.
type quarantine struct {
	dir     string
	max     int
	total   uint64 // ever quarantined
	entries []quarantined
	bytes   int64
}

type quarantined struct {
	name  string
	bytes int64
}

// Rejected is what a file of the quarantine says.
type Rejected struct {
	Lane   uint8  `json:"lane"`
	Seq    uint64 `json:"seq"`
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"`
	Record []byte `json:"record"`
}

func openQuarantine(dir string, limit int, total uint64) (*quarantine, error) {
	q := &quarantine{dir: dir, max: limit, total: total}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening quarantine: %w", err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		q.entries = append(q.entries, quarantined{e.Name(), info.Size()})
		q.bytes += info.Size()
		// the count may have been saved before the last of these
		var n uint64
		if _, err := fmt.Sscanf(e.Name(), "%016d", &n); err == nil {
			q.total = max(q.total, n)
		}
	}
	return q, q.trim(0)
}

func (q *quarantine) len() int { return len(q.entries) }

func (q *quarantine) add(r Rejected) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("quarantining: %w", err)
	}
	if err := q.trim(int64(len(b))); err != nil {
		return err
	}
	name := fmt.Sprintf("%016d.json", q.total+1)
	path := filepath.Join(q.dir, name)
	if err := diskError(os.WriteFile(path, b, 0o600)); err != nil {
		return fmt.Errorf("quarantining: %w", errors.Join(err, os.Remove(path)))
	}
	q.total++
	q.entries = append(q.entries, quarantined{name, int64(len(b))})
	q.bytes += int64(len(b))
	return nil
}

// trim deletes the oldest until there is room for one more of that size.
func (q *quarantine) trim(size int64) error {
	for len(q.entries) > 0 && (len(q.entries) >= q.max && size > 0 || len(q.entries) > q.max || q.bytes+size > quarantineBytes) {
		oldest := q.entries[0]
		if err := os.Remove(filepath.Join(q.dir, oldest.name)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("making room in the quarantine: %w", err)
		}
		q.entries = slices.Delete(q.entries, 0, 1)
		q.bytes -= oldest.bytes
	}
	return nil
}

// Reject moves a record that the collector will never take to the quarantine
// and acks it, so that it stands in nobody's way.
func (s *Spool) Reject(lane uint8, seq uint64, reason, field string) error {
	got, err := s.Pending(lane, seq, 1, MaxRecordBytes)
	if err != nil {
		return err
	}
	if len(got) == 0 || got[0].Seq != seq {
		return fmt.Errorf("rejecting lane %d seq %d: %w", lane, seq, ErrNotPending)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.quarantine.add(Rejected{Lane: lane, Seq: seq, Reason: reason, Field: field, Record: got[0].Data}); err != nil {
		return err
	}
	return s.ack(s.lanes[lane], []uint64{seq})
}
