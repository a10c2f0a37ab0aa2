package lists

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// runBytes is how many bytes of keys are sorted at once; a list with more is
// sorted in runs, which are laid down in a file and merged.
const runBytes = 12 << 20

// sorter sorts keys of which there may be more than memory holds.
//
//	add, add ... -> [arena] --full: sorted--> run 0 | run 1 | run 2   (one file)
//	                                            \       |      /
//	                                  merge -> each key once, in order
type sorter struct {
	dir   string // where the file is made
	arena []byte
	keys  []span
	limit int // of the arena
	file  *os.File
	runs  []run
	size  int64 // of the file
}

// span is a key in the arena. A name has 253 bytes at most.
type span struct {
	at uint32
	n  uint8
}

// run is a sorted part of the file.
type run struct{ from, to int64 }

func newSorter(dir string) *sorter { return &sorter{dir: dir, limit: runBytes} }

func (s *sorter) of(k span) []byte { return s.arena[k.at : k.at+uint32(k.n)] }

// add takes a key of at most 253 bytes.
func (s *sorter) add(key []byte) error {
	if len(s.arena)+len(key) > s.limit {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.arena == nil {
		s.arena = make([]byte, 0, min(s.limit, 1<<20))
	}
	s.keys = append(s.keys, span{uint32(len(s.arena)), uint8(len(key))})
	s.arena = append(s.arena, key...)
	return nil
}

func (s *sorter) sort() {
	slices.SortFunc(s.keys, func(a, b span) int { return bytes.Compare(s.of(a), s.of(b)) })
}

// spill lays a run down. Keys that are twice in it stay so, to be counted.
func (s *sorter) spill() error {
	if s.file == nil {
		file, err := temporary(s.dir)
		if err != nil {
			return err
		}
		s.file = file
	}
	s.sort()
	out := bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.size), 256<<10)
	r := run{from: s.size}
	for _, k := range s.keys {
		s.size += 1 + int64(k.n)
		_ = out.WriteByte(k.n) // Flush says what went wrong
		_, _ = out.Write(s.of(k))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("sorting in %s: %w; is the disk full?", s.file.Name(), err)
	}
	r.to = s.size
	s.runs, s.arena, s.keys = append(s.runs, r), s.arena[:0], s.keys[:0]
	return nil
}

// merge calls each with every key in order, as often as it was added, until that
// fails.
func (s *sorter) merge(each func(key []byte) error) error {
	s.sort()
	if len(s.runs) == 0 {
		for _, k := range s.keys {
			if err := each(s.of(k)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	s.arena, s.keys = nil, nil
	var heads []*head
	for _, r := range s.runs {
		h := &head{in: bufio.NewReaderSize(io.NewSectionReader(s.file, r.from, r.to-r.from), 64<<10)}
		if err := h.next(); err != nil {
			return err
		}
		if h.key != nil {
			heads = append(heads, h)
		}
	}
	return mergeHeads(heads, each)
}

// mergeHeads takes the least key of a few runs, again and again: with some ten
// runs looking at all is as quick as a heap.
func mergeHeads(heads []*head, each func(key []byte) error) error {
	for len(heads) > 0 {
		least := 0
		for i := 1; i < len(heads); i++ {
			if bytes.Compare(heads[i].key, heads[least].key) < 0 {
				least = i
			}
		}
		if err := each(heads[least].key); err != nil {
			return err
		}
		if err := heads[least].next(); err != nil {
			return err
		}
		if heads[least].key == nil {
			heads = slices.Delete(heads, least, least+1)
		}
	}
	return nil
}

// head is where the reading of a run has come to.
type head struct {
	in  *bufio.Reader
	key []byte // nil at the end
	buf [256]byte
}

func (h *head) next() error {
	n, err := h.in.ReadByte()
	if errors.Is(err, io.EOF) {
		h.key = nil
		return nil
	}
	if err == nil {
		h.key = h.buf[:n]
		_, err = io.ReadFull(h.in, h.key)
	}
	if err != nil {
		return fmt.Errorf("reading what was sorted: %w", err)
	}
	return nil
}

// close removes the file.
func (s *sorter) close() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// tempPattern names the files that lists work in, so that what a power cut left
// is known and removed. A backup leaves out what begins with a dot.
const tempPattern = ".lists-*.tmp"

func temporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, tempPattern) // the owner's alone
	if err != nil {
		return nil, fmt.Errorf("making a file to work in: %w", err)
	}
	return f, nil
}

// uvarint is binary.Uvarint that says where it went wrong.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}
