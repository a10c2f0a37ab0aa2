package weblog

import (
	"errors"
	"io"
	"os"
)

const chunk = 64 << 10

// tail is one open file and how far it has been read.
type tail struct {
	file       *os.File
	dev, inode uint64
	lines      lines
	head       heads
}

// openTail opens path at its beginning.
func openTail(path string) (*tail, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t := &tail{file: f, head: newHeads()}
	if t.dev, t.inode, err = identityOf(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

func (t *tail) close() error { return t.file.Close() }

// holds says whether the file has p's offset behind p's beginning.
func (t *tail) holds(p place) bool {
	info, err := t.file.Stat()
	if err != nil || info.Size() < p.offset {
		return false
	}
	head, err := t.beginning(int(p.headLen))
	return err == nil && hashHead(head) == p.head
}

func (t *tail) beginning(n int) ([]byte, error) {
	head := make([]byte, n)
	if _, err := t.file.ReadAt(head, 0); err != nil {
		return nil, err
	}
	return head, nil
}

// seek goes to p, which the file holds.
func (t *tail) seek(p place) error {
	head, err := t.beginning(int(min(p.offset, headLength)))
	if err != nil {
		return err
	}
	t.head = newHeads()
	t.head.add(head)
	t.lines = lines{offset: p.offset, tooLong: t.lines.tooLong}
	return nil
}

// place is the position after the last line given out.
func (t *tail) place(after int64) place {
	n := int(min(after, int64(t.head.length())))
	return place{dev: t.dev, inode: t.inode, offset: after, headLen: uint16(n), head: t.head.sum(n)}
}

// position is how far the file has been read.
func (t *tail) position() int64 { return t.lines.offset + int64(len(t.lines.buf)) }

// shrunk says whether the file holds something else than what was read of it:
// it was truncated, and perhaps written again.
func (t *tail) shrunk() (bool, error) {
	info, err := t.file.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() < t.position() {
		return true, nil
	}
	n := t.head.length()
	if info.Size() == t.position() || n == 0 {
		return false, nil
	}
	head, err := t.beginning(n)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return err == nil && hashHead(head) != t.head.sum(n), err
}

// read reads to the file's present end and says whether there was anything.
// buf is room for a chunk.
func (t *tail) read(buf []byte, each func(line []byte, after int64) error) (bool, error) {
	grew := false
	for {
		n, err := t.file.ReadAt(buf, t.position())
		if n > 0 {
			grew = true
			if t.position() == int64(t.head.length()) {
				t.head.add(buf[:n])
			}
			err := t.lines.feed(buf[:n], each)
			clear(buf[:n]) // paths and queries are kept no longer than they are read (G11)
			if err != nil {
				return grew, err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return grew, nil
		case err != nil:
			return grew, err
		}
	}
}
