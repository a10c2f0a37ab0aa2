package lists

import (
	"context"

	"safelight/collector/model"
)

// cursorChunks is how many chunks are read at once: some 300 KB.
const cursorChunks = 32

// cursor reads one part of a version, key by key in order.
type cursor struct {
	ctx     context.Context
	store   Store
	school  model.SchoolID
	list    string
	version int64
	part    model.ListPart

	chunks []model.ListChunk
	after  []byte
	arena  []byte // of the present chunk
	keys   []span
	at     int
	ended  bool
}

// next returns the next key, valid until the call after it; nil at the end.
func (c *cursor) next() ([]byte, error) {
	for c.at == len(c.keys) {
		if c.ended {
			return nil, nil
		}
		if err := c.turn(); err != nil {
			return nil, err
		}
	}
	k := c.keys[c.at]
	c.at++
	return c.arena[k.at : k.at+uint32(k.n)], nil
}

// turn unpacks the next chunk.
func (c *cursor) turn() (err error) {
	if len(c.chunks) == 0 {
		c.chunks, err = c.store.ListChunksAfter(c.ctx, c.school, c.list, c.version, c.part, c.after, cursorChunks)
		if err != nil {
			return err
		}
		if len(c.chunks) == 0 {
			c.ended = true
			return nil
		}
		c.after = c.chunks[len(c.chunks)-1].First
	}
	c.arena, c.keys, c.at = c.arena[:0], c.keys[:0], 0
	err = eachKey(c.chunks[0].Data, func(key []byte) bool {
		c.keys = append(c.keys, span{uint32(len(c.arena)), uint8(len(key))})
		c.arena = append(c.arena, key...)
		return true
	})
	c.chunks = c.chunks[1:]
	return err
}

func (l *Lists) cursor(ctx context.Context, list string, version int64, part model.ListPart) *cursor {
	return &cursor{ctx: ctx, store: l.Store, school: l.School, list: list, version: version, part: part}
}
