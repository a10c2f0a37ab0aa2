package lists

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Limits bound what one list may cost.
type Limits struct {
	File  int64 // bytes as fetched
	Text  int64 // bytes once unpacked
	Ratio int64 // how many times its size a packed file may unpack to, from freeUnpacked on
	Names int64
}

// DefaultLimits leave room for four times the largest list known, of some five
// million names.
var DefaultLimits = Limits{File: 512 << 20, Text: 1 << 30, Ratio: 100, Names: 20_000_000}

// freeUnpacked is up to how many bytes a packed file may unpack to whatever it
// was packed to: small files of little but zeros are nobody's attack.
const freeUnpacked = 4 << 20

// ErrBomb says that a packed file unpacks to more than any list would.
var ErrBomb = errors.New("it unpacks to far more than a list would: it is not taken")

// unpack reads a file, unpacked where it begins as gzip does (RFC 1952), and
// refuses one that unpacks beyond the limits.
func unpack(r io.Reader, l Limits) (io.Reader, error) {
	packed := &counting{in: r}
	in := bufio.NewReaderSize(packed, 64<<10)
	if head, err := in.Peek(2); err != nil || head[0] != 0x1f || head[1] != 0x8b {
		return &bounded{in: in, packed: nil, limits: l}, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return &bounded{in: z, packed: packed, limits: l}, nil
}

// counting counts what was read.
type counting struct {
	in io.Reader
	n  int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends with an error where a text goes beyond its limits.
type bounded struct {
	in     io.Reader
	packed *counting // nil: it was not packed
	limits Limits
	n      int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.n += int64(n)
	switch {
	case b.n > b.limits.Text:
		return 0, fmt.Errorf("%w (over %d MB)", ErrBomb, b.limits.Text>>20)
	case b.packed != nil && b.n > freeUnpacked && b.n > b.limits.Ratio*b.packed.n:
		return 0, fmt.Errorf("%w (over %d times its size)", ErrBomb, b.limits.Ratio)
	}
	return n, err
}
