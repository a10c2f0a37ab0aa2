// Package spool keeps opaque records on disk until somebody far away has them.
// It has four lanes, numbered 1 to 4; the caller names the lane and the spool
// does not know why, only that a higher one matters more. Its one write,
// Append, makes records and the positions of the sources they came from durable
// together, so that after any crash a source goes on exactly where the records
// end. It never grows beyond its limit: when it is full the least important and
// oldest records go, and a tombstone says which.
//
// The agent's pipeline appends and its shipper reads and acknowledges. The
// package imports nothing of ours and starts no goroutine.
package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Lanes is how many lanes there are; they are numbered from 1.
const Lanes = 4

// Limits on what Append takes.
const (
	MaxRecordBytes     = 64 << 10
	MaxBatchBytes      = 4 << 20
	MaxSourceBytes     = 255
	MaxCheckpointBytes = 4 << 10
	MaxSources         = 64
)

// Record is what the caller wants kept.
type Record struct {
	Lane uint8
	Data []byte
}

// Entry is a record in its place. Data belongs to the caller.
type Entry struct {
	Lane uint8
	Seq  uint64
	Data []byte
}

// Options say how large the spool may grow. Zero values mean the defaults.
type Options struct {
	// MaxBytes bounds the segments of all lanes together; default 64 MiB. The
	// last segment's worth below it is kept for lane 1, the one below that for
	// lane 2 and so on, so that a flood in a high lane never shuts out a low one.
	MaxBytes int64
	// SegmentBytes is an ordinary segment's size; default 1 MiB. A batch that
	// is larger gets a segment of its own size.
	SegmentBytes int64
	// Keep is how long a segment stays after all in it is acked, so that Rewind
	// finds it; room for new records goes before it. Zero: not at all.
	Keep time.Duration
	// Place says where the spool lies and whose it is: what a copy of its folder
	// on another disk, machine or device would have otherwise. Opened in another
	// place than the last time, the spool begins a new epoch. Empty: it is not
	// looked at.
	Place []byte
	// Now is the wall clock that Keep goes by; default time.Now.
	Now func() time.Time
	// QuarantineRecords bounds what Reject keeps; default 256, and 1 MiB.
	QuarantineRecords int

	disk disk // tests stand a failing one in here
}

// Spool is four durable lanes of records.
//
//	dir/
//	  lock             held while the spool is open
//	  state            epoch, acked positions, tombstones: two slots, written in turn
//	  lane-1/ … lane-4/
//	    0000000000000007.seg      oldest; deleted some time after all its records are acked
//	    0000000000000008.seg      newest; the only one written to
//	  place            where it lay when it was last opened; see settle
//	  quarantine/      records that the collector will never take, a file each
//
// A segment is preallocated, zeros where nothing is written yet:
//
//	+--------------------+---------+---------+---------+--------------------+
//	| header             | frame   | frame   | frame   | 0 0 0 0 0 0 0 0 0  |
//	+--------------------+---------+---------+---------+--------------------+
//	| epoch, lane, number, next seq of every lane, highest commit,          |
//	| every checkpoint: deleting older segments loses nothing but records   |
//
// and a frame is what one batch put into one lane:
//
//	0       4        8        12      16       24          32       36       40
//	+-------+--------+--------+-------+--------+-----------+--------+--------+
//	| magic | crc32c | length | flags | commit | first seq | number | number | …
//	+-------+--------+--------+-------+--------+-----------+--------+--------+
//	                                                        of records and of
//	                                                        checkpoints
//	… {length, record} {length, record} {source, commit, checkpoint} | zeros to 8
//
// A batch has a commit number, one more than the last. In one lane it is one
// frame with the flag `commit`, and one sync. Over several lanes each lane but
// the last gets a frame flagged `prepared`; they are synced; then the last gets
// the `commit` frame with the checkpoints, and is synced:
//
//	lane 1   … [commit 41][prepared 42]                 1. written and synced
//	lane 4   …      [commit 40]        [commit 42 + checkpoints]    2. synced
//
// Opening finds the highest commit, H: any frame's number if it is a commit
// frame, or one less if it is prepared (it was written after its predecessor
// was whole). Frames above H are cut off and zeroed before anything is written.
//
// The checksum starts from the spool's epoch and the lane, so that bytes from
// another spool, or bytes inside a record, never pass for a frame.
type Spool struct {
	dir  string
	opts Options
	disk disk
	lock *lockFile

	queueMu sync.Mutex // guards queue
	queue   []*request

	// writeMu is held by whoever commits; it guards what is marked "writer".
	// Taken before mu.
	writeMu sync.Mutex
	dirty   []extent // writer: parts of failed writes, to be zeroed first

	// mu guards everything below, and the lanes.
	mu          sync.Mutex
	closed      bool
	lanes       [Lanes + 1]*lane // 1 to 4
	commit      uint64           // highest
	checkpoints map[string]checkpoint
	state       *stateFile
	unsaved     int // acks since the state was last written
	tombstones  []Tombstone
	quarantine  *quarantine
	notify      chan struct{}
}

type checkpoint struct {
	commit uint64
	value  []byte
}

// Open opens the spool in dir, or makes one. What a crash left half written is
// cut off; what has gone bad on the disk is skipped and gets a tombstone.
func Open(dir string, opts Options) (*Spool, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("opening spool %s: %w", dir, err)
	}
	if err := makeDirs(dir); err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	s, err := openAll(dir, opts, lock)
	if err != nil {
		_ = lock.release() // the first error says more
		return nil, fmt.Errorf("opening spool %s: %w", dir, err)
	}
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 1 << 20
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.QuarantineRecords == 0 {
		o.QuarantineRecords = 256
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.disk == nil {
		o.disk = osDisk{}
	}
	if o.SegmentBytes < 1<<10 || o.SegmentBytes > 1<<30 {
		return o, fmt.Errorf("SegmentBytes %d: want 1 KiB to 1 GiB", o.SegmentBytes)
	}
	if o.MaxBytes < Lanes*o.SegmentBytes {
		return o, fmt.Errorf("MaxBytes %d: want at least %d segments of %d", o.MaxBytes, Lanes, o.SegmentBytes)
	}
	if o.Keep < 0 {
		return o, fmt.Errorf("option Keep is %s: want none or some", o.Keep)
	}
	if len(o.Place) > MaxPlaceBytes {
		return o, fmt.Errorf("option Place has %d bytes: want at most %d", len(o.Place), MaxPlaceBytes)
	}
	if o.QuarantineRecords < 1 {
		return o, fmt.Errorf("QuarantineRecords %d: want at least 1", o.QuarantineRecords)
	}
	return o, nil
}

func makeDirs(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making its folder: %w", err)
	}
	names := []string{"", "quarantine"}
	for l := uint8(1); l <= Lanes; l++ {
		names = append(names, laneDir(l))
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
			return fmt.Errorf("making its folder: %w", err)
		}
		if err := os.Chmod(path, 0o700); err != nil {
			return fmt.Errorf("closing its folder to others: %w", err)
		}
	}
	return nil
}

// Epoch is a random id made with the spool: a wiped or copied spool has another.
func (s *Spool) Epoch() [16]byte { return s.state.epoch }

// Checkpoint returns the source's last durable position, nil where there is none.
func (s *Spool) Checkpoint(source string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.checkpoints[source]
	if !ok {
		return nil
	}
	return append([]byte{}, c.value...)
}

// Wait returns a channel that is closed when something is next appended or
// lost. Take it before looking at Pending, so that nothing slips between.
func (s *Spool) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notify
}

// wake needs mu.
func (s *Spool) wake() {
	close(s.notify)
	s.notify = make(chan struct{})
}

// Close saves the acked positions and lets the folder go.
func (s *Spool) Close() error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.saveState()
	s.wake()
	s.closeFiles()
	if unlock := s.lock.release(); err == nil && unlock != nil {
		err = fmt.Errorf("closing spool: %w", unlock)
	}
	return err
}

func (s *Spool) closeFiles() {
	for _, l := range s.lanes {
		if l != nil {
			l.closeFiles()
		}
	}
	if s.state != nil {
		s.state.close()
	}
}
