package lists

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A chunk is some two thousand keys in order, each written as how many bytes it
// shares with the one before, how many follow, and those (all uvarints and
// bytes), the whole packed (RFC 1951). Whole lists come to about six bytes a
// name.
const (
	chunkNames = 2048
	// maxChunk is the most a chunk unpacks to: nothing larger is ever written.
	maxChunk = chunkNames * (253 + 2*binary.MaxVarintLen16)
)

// errChunk says that a chunk is none. Only a damaged store has such.
var errChunk = errors.New("a part of the list is damaged: run `lists refresh`, or restore a backup")

// packer makes chunks of keys that come in order, each once.
type packer struct {
	raw, last []byte
	first     []byte
	n         int
	flate     *flate.Writer
	emit      func(first, data []byte) error
}

func newPacker(emit func(first, data []byte) error) *packer { return &packer{emit: emit} }

func (p *packer) add(key []byte) error {
	if p.n == 0 {
		p.first, p.last = bytes.Clone(key), p.last[:0]
	}
	shared := 0
	for shared < len(key) && shared < len(p.last) && key[shared] == p.last[shared] {
		shared++
	}
	p.raw = binary.AppendUvarint(p.raw, uint64(shared))
	p.raw = binary.AppendUvarint(p.raw, uint64(len(key)-shared))
	p.raw = append(p.raw, key[shared:]...)
	p.last = append(p.last[:0], key...)
	if p.n++; p.n == chunkNames {
		return p.flush()
	}
	return nil
}

// flush hands over what is not handed over yet.
func (p *packer) flush() error {
	if p.n == 0 {
		return nil
	}
	var out bytes.Buffer
	if p.flate == nil {
		w, err := flate.NewWriter(&out, flate.DefaultCompression)
		if err != nil {
			return err
		}
		p.flate = w
	} else {
		p.flate.Reset(&out)
	}
	if _, err := p.flate.Write(p.raw); err != nil {
		return err
	}
	if err := p.flate.Close(); err != nil {
		return err
	}
	p.n, p.raw = 0, p.raw[:0]
	return p.emit(p.first, out.Bytes())
}

// unpackers are kept: each has a window of 32 KB.
var unpackers = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// eachKey calls visit with every key of a chunk in order until it returns false.
// A key is valid until visit returns.
func eachKey(data []byte, visit func(key []byte) bool) error {
	z := unpackers.Get().(io.ReadCloser)
	defer unpackers.Put(z)
	if err := z.(flate.Resetter).Reset(bytes.NewReader(data), nil); err != nil {
		return fmt.Errorf("%w (%w)", errChunk, err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxChunk+1))
	if err != nil {
		return fmt.Errorf("%w (%w)", errChunk, err)
	}
	if len(raw) > maxChunk {
		return errChunk
	}
	var key []byte
	for len(raw) > 0 {
		shared, rest, ok := uvarint(raw)
		if !ok || shared > uint64(len(key)) {
			return errChunk
		}
		n, rest, ok := uvarint(rest)
		if !ok || n > uint64(len(rest)) {
			return errChunk
		}
		key, raw = append(key[:shared], rest[:n]...), rest[n:]
		if !visit(key) {
			return nil
		}
	}
	return nil
}

// find says which of some keys a chunk holds: the first of them.
func find(data []byte, wanted [][]byte) (found []byte, err error) {
	best := len(wanted)
	err = eachKey(data, func(key []byte) bool {
		for i := range best {
			if bytes.Equal(key, wanted[i]) {
				best = i
			}
		}
		return best > 0
	})
	if best == len(wanted) || err != nil {
		return nil, err
	}
	return wanted[best], nil
}
