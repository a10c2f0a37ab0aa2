package backup

import (
	"hash"
	"io"
)

// counted reads, counts and digests, and remembers the error it met, so that a
// damaged backup and a full disk are told apart.
type counted struct {
	r      io.Reader
	n      int64
	digest hash.Hash
	err    error
	each   func(n int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	_, _ = c.digest.Write(b[:n]) // a hash takes everything
	if err != nil && err != io.EOF {
		c.err = err
	}
	if c.each != nil {
		c.each(c.n)
	}
	return n, err
}
