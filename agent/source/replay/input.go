package replay

import (
	"bufio"
	"errors"
	"io"
)

// maxFrame is the longest packet that a capture may hold: the longest that any
// link carries is a jumbogram cut to 256 KiB, as capturing tools write it.
const maxFrame = 256<<10 + 1<<10

// input reads a capture. What it returns is good until the next read.
type input struct {
	r   *bufio.Reader
	buf []byte
}

func newInput(r io.Reader) *input { return &input{r: bufio.NewReaderSize(r, 1<<16)} }

func (in *input) peek(n int) ([]byte, error) { return in.r.Peek(n) }

// next returns the next n bytes: io.EOF when there are none at all, errCut when
// there are fewer.
func (in *input) next(n int) ([]byte, error) {
	if cap(in.buf) < n {
		in.buf = make([]byte, n)
	}
	b := in.buf[:n]
	_, err := io.ReadFull(in.r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errCut
	}
	return b, err
}

// body is next for what must follow: an end is a cut.
func (in *input) body(n int) ([]byte, error) {
	b, err := in.next(n)
	if errors.Is(err, io.EOF) {
		return nil, errCut
	}
	return b, err
}
