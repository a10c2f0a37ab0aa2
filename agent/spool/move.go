package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxPlaceBytes bounds Options.Place.
const MaxPlaceBytes = 64

const (
	placeFile = "place"
	movedDir  = "moved" // the spool of the new epoch, while it is made ready
)

// settle compares where the spool lies with where it was last opened. Elsewhere
// it is a copy, or was put back, and perhaps the first one lives on: were both
// to go on with the same numbers, they would tell two things by one name. So it
// becomes a spool of a new epoch with what waits to be sent, its tombstones and
// its checkpoints; what is only kept stays behind.
//
//	dir/moved/lane-1 … lane-4, state     made ready
//	dir/moved/place                      written last: from now on it counts
//	dir/lane-1 … lane-4, state           are replaced one by one
//	dir/place                            replaced last: done
//
// It says whether it has moved, and then everything must be opened anew. Where
// there is no room for the new one, the old epoch goes on until there is.
func (s *Spool) settle() (moved bool, err error) {
	if len(s.opts.Place) == 0 {
		return false, nil
	}
	was, err := os.ReadFile(filepath.Join(s.dir, placeFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, s.mark(s.dir)
	case err != nil:
		return false, fmt.Errorf("reading where it lay: %w", err)
	case bytes.Equal(was, s.opts.Place):
		return false, nil
	}
	err = s.prepareMove()
	if errors.Is(err, ErrNoSpace) && !errors.Is(err, errHalfMoved) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("beginning a new epoch: %w", err)
	}
	return true, nil
}

func (s *Spool) mark(dir string) error {
	err := writeWhole(s.disk, filepath.Join(dir, placeFile), s.opts.Place, int64(len(s.opts.Place)))
	if err == nil {
		err = s.disk.syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("noting where it lies: %w", err)
	}
	return nil
}

// prepareMove makes the spool of the new epoch ready below the old one. Where it
// cannot, nothing of it stays: the disk that was too small for it has better use
// for the room.
func (s *Spool) prepareMove() (err error) {
	dir := filepath.Join(s.dir, movedDir)
	defer func() {
		if err != nil {
			err = errors.Join(err, discardMove(dir))
		}
	}()
	if err := makeDirs(dir); err != nil {
		return err
	}
	n := &Spool{dir: dir, opts: s.opts, disk: s.disk, checkpoints: map[string]checkpoint{}, notify: make(chan struct{})}
	defer n.closeFiles()
	if err := n.recover(); err != nil {
		return err
	}
	for lane := uint8(1); lane <= Lanes; lane++ {
		for _, t := range s.tombstones {
			if t.Lane == lane {
				n.burySame(t)
			}
		}
		if err := s.copyPending(n, lane); err != nil {
			return err
		}
	}
	places := map[string][]byte{}
	for source, c := range s.checkpoints {
		places[source] = c.value
	}
	if len(places) > 0 {
		if err := n.Append(nil, places); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.saveState(); err != nil {
		return err
	}
	return n.mark(dir)
}

// errHalfMoved says that the old epoch must not go on: what was made ready of the
// new one could not be taken away, and would be taken over at the next start.
var errHalfMoved = errors.New("removing a new epoch that could not be made ready")

// discardMove takes away what was made ready. What says that it counts goes first.
func discardMove(dir string) error {
	err := os.Remove(filepath.Join(dir, placeFile))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errHalfMoved, err)
	}
	return nil
}

// burySame tells a loss of the old epoch as one of as many records in the new.
func (s *Spool) burySame(t Tombstone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[t.Lane]
	lost := span{l.next, l.next + t.To - t.From}
	l.next = lost.to + 1
	s.lose(l, lost, t.Reason)
}

func (s *Spool) copyPending(to *Spool, lane uint8) error {
	for from := uint64(0); ; {
		list, err := s.Pending(lane, from, 512, MaxBatchBytes/4)
		if err != nil || len(list) == 0 {
			return err
		}
		batch := make([]Record, len(list))
		for i, e := range list {
			batch[i] = Record{Lane: lane, Data: e.Data}
		}
		if err := to.Append(batch, nil); err != nil {
			return err
		}
		from = list[len(list)-1].Seq + 1
	}
}

// finishMove takes over a new epoch that was made ready, or finishes doing so
// after a power cut; what was not ready is thrown away.
func finishMove(dir string) error {
	next := filepath.Join(dir, movedDir)
	if _, err := os.Stat(filepath.Join(next, placeFile)); errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(next)
	} else if err != nil {
		return err
	}
	names := []string{"state"}
	for lane := uint8(1); lane <= Lanes; lane++ {
		names = append(names, laneDir(lane))
	}
	for _, name := range append(names, placeFile) {
		if _, err := os.Stat(filepath.Join(next, name)); errors.Is(err, fs.ErrNotExist) {
			continue // taken over before the power went
		}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(next, name), filepath.Join(dir, name)); err != nil {
			return err
		}
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return os.RemoveAll(next)
}

// openAll recovers the spool in dir, and once more after it has moved.
func openAll(dir string, opts Options, lock *lockFile) (*Spool, error) {
	for {
		if err := finishMove(dir); err != nil {
			return nil, fmt.Errorf("finishing a new epoch: %w", err)
		}
		if err := makeDirs(dir); err != nil {
			return nil, err
		}
		s := &Spool{
			dir: dir, opts: opts, disk: opts.disk, lock: lock,
			checkpoints: map[string]checkpoint{}, notify: make(chan struct{}),
		}
		moved := false
		err := s.recover()
		if err == nil {
			moved, err = s.settle()
		}
		if err == nil && !moved {
			return s, nil
		}
		s.closeFiles()
		if err != nil {
			return nil, err
		}
	}
}
