package names

import (
	"fmt"
	"iter"
	"sort"
)

// maxMentions bounds how often names may be named in all: each costs 24 bytes
// until the table is laid out.
const maxMentions = 2 * MaxNames

// BuildMerged makes a table as Build does, of entries whose number nobody knows
// and of which several may be about one name: join gives the set that stands for
// two, and must not mind their order. entries is walked once, and nothing of a
// name is kept but its hash.
//
// Two names with one hash are one to every table under this key, so that each is
// in the other's sets: once in a million tables of five million names.
//
// It holds 24 bytes an entry while it reads, then as much as Build.
func BuildMerged(entries iter.Seq[Entry], join func(a, b uint32) uint32, key [16]byte, options ...Option) ([]byte, error) {
	b := &builder{sip: newSip(key), progress: func(int) {}}
	for _, o := range options {
		o(b)
	}
	out, err := b.buildMerged(entries, join, key)
	if err != nil {
		return nil, fmt.Errorf("building table of names: %w", err)
	}
	return out, nil
}

func (b *builder) buildMerged(entries iter.Seq[Entry], join func(a, b uint32) uint32, key [16]byte) ([]byte, error) {
	if err := b.gather(entries); err != nil {
		return nil, err
	}
	sort.Sort(byHash{b})
	b.merge(join)
	n := len(b.hashes)
	if n > MaxNames {
		return nil, fmt.Errorf("%d names: a table has 0 to %d", n, MaxNames)
	}
	out, err := b.assemble(&Table{key: key, names: n})
	if err == nil {
		b.progress(n)
	}
	return out, err
}

// gatherBlock is how many entries are read into one piece of memory: pieces are
// never copied to grow.
const gatherBlock = 1 << 16

type gathered struct {
	hashes []uint64
	sets   []uint32
}

// gather hashes every name, and then puts the hashes into one piece.
func (b *builder) gather(entries iter.Seq[Entry]) (bad error) {
	var blocks []gathered
	count := 0
	for e := range entries {
		if count == maxMentions {
			return fmt.Errorf("names are named over %d times: take a list out", maxMentions)
		}
		if err := Check(e.Name); err != nil {
			return fmt.Errorf("name %d, %q, %w", count+1, clip(e.Name), err)
		}
		if count%gatherBlock == 0 {
			blocks = append(blocks, gathered{make([]uint64, 0, gatherBlock), make([]uint32, 0, gatherBlock)})
			b.progress(count)
		}
		last := &blocks[len(blocks)-1]
		last.hashes, last.sets = append(last.hashes, b.sip.hash(e.Name)), append(last.sets, e.Set)
		count++
	}
	b.hashes, b.sets = make([]uint64, 0, count), make([]uint32, 0, count)
	for i, block := range blocks {
		b.hashes, b.sets = append(b.hashes, block.hashes...), append(b.sets, block.sets...)
		blocks[i] = gathered{}
	}
	return nil
}

// merge makes one entry of those with one hash, which stand side by side.
func (b *builder) merge(join func(x, y uint32) uint32) {
	kept := 0
	for i, h := range b.hashes {
		if kept > 0 && b.hashes[kept-1] == h {
			if b.sets[kept-1] != b.sets[i] {
				b.sets[kept-1] = join(b.sets[kept-1], b.sets[i])
			}
			continue
		}
		b.hashes[kept], b.sets[kept] = h, b.sets[i]
		kept++
	}
	b.hashes, b.sets = b.hashes[:kept], b.sets[:kept]
}
