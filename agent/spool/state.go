package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
)

const (
	stateMagic = 0x31744c53 // "SLt1"
	slotBytes  = 64 << 10
)

// stateFile holds what is not in the segments. Its room is taken when the spool
// is made, so that a tombstone can be written when the disk is full, and each
// write goes to the older of two slots, so that a torn one loses nothing.
//
//	slot: magic, crc32c, length, 0 (4 bytes each) | generation 8 | epoch 16 | quarantined 8 |
//	lane 1 … 4 {acked up to, next, dropped} | number {lane, from, to, reason} | number {lane, from, to}
//	                                          tombstones                       acked out of order
type stateFile struct {
	epoch      [16]byte
	f          file
	generation uint64
}

// snapshot is what a slot says.
type snapshot struct {
	epoch       [16]byte
	generation  uint64
	quarantined uint64
	lanes       [Lanes + 1]laneSnapshot
	tombstones  []Tombstone
}

type laneSnapshot struct {
	low, next, dropped uint64
	above              []span
}

// openState reads the state file; ok is false where there is none that can be
// read.
func openState(d disk, dir string) (st *stateFile, snap snapshot, ok bool, err error) {
	f, err := d.open(filepath.Join(dir, "state"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, snap, false, nil
	}
	if err != nil {
		return nil, snap, false, fmt.Errorf("opening state: %w", err)
	}
	buf := make([]byte, slotBytes)
	for slot := range int64(2) {
		if _, err := f.ReadAt(buf, slot*slotBytes); err != nil {
			continue // cut short or unreadable: the other slot may do
		}
		if s, err := decodeSnapshot(buf); err == nil && (!ok || s.generation > snap.generation) {
			snap, ok = s, true
		}
	}
	if !ok {
		return nil, snap, false, f.Close()
	}
	return &stateFile{epoch: snap.epoch, f: f, generation: snap.generation}, snap, true, nil
}

// createState makes the state file, whole, before the spool has anything else.
func createState(d disk, dir string, epoch [16]byte) (*stateFile, error) {
	path := filepath.Join(dir, "state")
	first := snapshot{epoch: epoch, generation: 1}
	if err := writeWhole(d, path, first.encode(), 2*slotBytes); err != nil {
		return nil, fmt.Errorf("making state: %w", err)
	}
	if err := d.syncDir(dir); err != nil {
		return nil, fmt.Errorf("making state: %w", err)
	}
	f, err := d.open(path)
	if err != nil {
		return nil, fmt.Errorf("opening state: %w", err)
	}
	// generation 1 lies in slot 0, as if written by save
	return &stateFile{epoch: epoch, f: f, generation: 2}, nil
}

func newEpoch() [16]byte {
	var epoch [16]byte
	_, _ = rand.Read(epoch[:]) // never fails: it ends the program instead
	return epoch
}

func (st *stateFile) save(snap snapshot) error {
	snap.epoch, snap.generation = st.epoch, st.generation+1
	if _, err := st.f.WriteAt(snap.encode(), int64(snap.generation%2)*slotBytes); err != nil {
		return fmt.Errorf("saving state: %w", err)
	}
	if err := st.f.sync(); err != nil {
		return fmt.Errorf("saving state: %w", err)
	}
	st.generation = snap.generation
	return nil
}

func (st *stateFile) close() {
	if st.f != nil {
		_ = st.f.Close() // everything that counts was synced
	}
}

func (s *snapshot) encode() []byte {
	b := make([]byte, 16, slotBytes)
	b = le.AppendUint64(b, s.generation)
	b = append(b, s.epoch[:]...)
	b = le.AppendUint64(b, s.quarantined)
	for _, l := range s.lanes[1:] {
		b = le.AppendUint64(b, l.low)
		b = le.AppendUint64(b, l.next)
		b = le.AppendUint64(b, l.dropped)
	}
	b = le.AppendUint32(b, uint32(len(s.tombstones)))
	for _, t := range s.tombstones {
		b = appendSpan(b, t.Lane, span{t.From, t.To})
		b = append(b, byte(len(t.Reason)))
		b = append(b, t.Reason...)
	}
	b = s.appendAbove(b)
	le.PutUint32(b, stateMagic)
	le.PutUint32(b[8:], uint32(len(b)))
	le.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b
}

// appendAbove writes as many of the spans as there is room for; records of the
// others are sent again after a restart, which is harmless.
func (s *snapshot) appendAbove(b []byte) []byte {
	at, n := len(b), uint32(0)
	b = le.AppendUint32(b, 0)
	for id, l := range s.lanes {
		for _, a := range l.above {
			if len(b)+17 > slotBytes {
				break
			}
			b = appendSpan(b, uint8(id), a)
			n++
		}
	}
	le.PutUint32(b[at:], n)
	return b
}

func appendSpan(b []byte, lane uint8, s span) []byte {
	b = append(b, lane)
	b = le.AppendUint64(b, s.from)
	return le.AppendUint64(b, s.to)
}

func decodeSnapshot(b []byte) (snapshot, error) {
	var s snapshot
	if len(b) < 16 || le.Uint32(b) != stateMagic {
		return s, errBadFrame
	}
	length := le.Uint32(b[8:])
	if length < 16 || uint64(length) > uint64(len(b)) || le.Uint32(b[4:]) != crc32.Checksum(b[8:length], castagnoli) {
		return s, errBadFrame
	}
	r := reader{b: b[16:length]}
	s.generation = r.uint64()
	copy(s.epoch[:], r.take(16))
	s.quarantined = r.uint64()
	for l := 1; l <= Lanes; l++ {
		s.lanes[l] = laneSnapshot{low: r.uint64(), next: r.uint64(), dropped: r.uint64()}
	}
	for n := r.uint32(); n > 0 && !r.bad; n-- {
		lane, sp := r.span()
		reason := string(r.take(int(r.uint8())))
		s.tombstones = append(s.tombstones, Tombstone{Lane: lane, From: sp.from, To: sp.to, Reason: reason})
	}
	for n := r.uint32(); n > 0 && !r.bad; n-- {
		lane, sp := r.span()
		s.lanes[lane].above = append(s.lanes[lane].above, sp)
	}
	if r.bad {
		return s, errBadFrame
	}
	return s, nil
}

// span reads a lane and a run of its numbers, and refuses what cannot be one.
func (r *reader) span() (uint8, span) {
	lane, s := r.uint8(), span{r.uint64(), r.uint64()}
	if lane < 1 || lane > Lanes || s.from < 1 || s.from > s.to {
		r.bad = true
		return 0, span{}
	}
	return lane, s
}

func (r *reader) uint8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}
