package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// maxNote bounds a checkpoint.
const maxNote = 4096

// Checkpoints keeps the largest checkpoint of the collector's record that this
// device was ever sent, in a file. The device cannot check the record: it only
// remembers, so that a record cut short or put back to an older state meets
// somebody who knows better. It never goes back to a smaller one.
type Checkpoints struct {
	path string

	// mu guards everything declared below.
	mu   sync.Mutex
	note []byte
	size int64
}

// OpenCheckpoints reads what is kept at path. A file that cannot be read as a
// checkpoint counts as none: the next one takes its place.
func OpenCheckpoints(path string) (*Checkpoints, error) {
	c := &Checkpoints{path: path}
	note, err := pki.ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the collector's last checkpoint: %w", err)
	}
	if size, err := sizeOf(note); err == nil {
		c.note, c.size = note, size
	}
	return c, nil
}

// Latest is the checkpoint kept; nil: there is none.
func (c *Checkpoints) Latest() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.note
}

// Keep keeps a checkpoint if it is over more records than the one kept.
func (c *Checkpoints) Keep(sent *safelightv1.Checkpoint) error {
	size, err := sizeOf(sent.GetNote())
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if size <= c.size {
		return nil
	}
	if err := pki.WriteSecret(c.path, sent.GetNote()); err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", err)
	}
	c.note, c.size = sent.GetNote(), size
	return nil
}

// sizeOf reads how many records a checkpoint is over: its second line. The first
// names the record, and what follows is for those who can check it.
func sizeOf(note []byte) (int64, error) {
	if len(note) > maxNote {
		return 0, fmt.Errorf("a checkpoint of %d bytes: want at most %d", len(note), maxNote)
	}
	lines := strings.SplitN(string(note), "\n", 3)
	if len(lines) != 3 {
		return 0, errors.New("a checkpoint without a size")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return 0, errors.New("a checkpoint whose size is no number above nought")
	}
	return size, nil
}
