package names

import (
	"encoding/binary"
	"math/bits"
)

// front rules out most names that are not in the table with one look at one
// cache line. It is a split block Bloom filter (Putze, Sanders and Singler,
// "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): a key has a block of
// eight 64-bit words, and one bit in each of them.
//
// Ten bits a key let one name in a hundred through that is not in the table.
type front []byte

const (
	frontBits  = 10 // a key
	frontBlock = 64 // bytes
)

// frontSize is how many bytes the front of n names has.
func frontSize(n int) int { return (n*frontBits + 8*frontBlock - 1) / (8 * frontBlock) * frontBlock }

// block gives the block of a key, as the fuse gives its first slot: keys in
// order have theirs in order.
func (f front) block(h uint64) []byte {
	b, _ := bits.Mul64(h, uint64(len(f)/frontBlock))
	return f[frontBlock*b:][:frontBlock]
}

// add puts a key in.
func (f front) add(h uint64) {
	b, x := f.block(h), mix(h)
	for i := 0; i < frontBlock; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:])|1<<(x&63))
		x >>= 6
	}
}

// lets reports whether a key may have been put in; the front is not empty.
func (f front) lets(h uint64) bool {
	b, x := f.block(h), mix(h)
	w := binary.LittleEndian.Uint64
	return w(b)>>(x&63)&(w(b[8:])>>(x>>6&63))&(w(b[16:])>>(x>>12&63))&(w(b[24:])>>(x>>18&63))&
		(w(b[32:])>>(x>>24&63))&(w(b[40:])>>(x>>30&63))&(w(b[48:])>>(x>>36&63))&(w(b[56:])>>(x>>42&63))&1 != 0
}
