package names

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// A fuse says where a key's value is, in the manner of a 3-wise binary fuse
// (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters",
// 2022): every key has three slots, one in each of three neighbouring segments,
// and its value is the three slots XORed together. A key that was not put in
// gets noise.
//
//	segment     0      1      2      3      4   ...  segments+1
//	         |------|------|------|------|------|   |------|
//	key            p0     p1     p2
type fuse struct {
	seed     uint64 // odd; the one with which the keys could be put in
	bits     uint32 // a segment has 1<<bits slots
	segments uint32 // where p0 may lie; two more follow. 0: no keys
}

// maxBits bounds a segment, so that a key's slots stay near each other.
const maxBits = 18

// segmentBits has, at place b, from how many keys on a segment has 1<<b slots:
// 3.33 to the power of b less 2.25, as in the paper, in whole numbers so that
// all systems agree.
var segmentBits = [maxBits + 1]int{0, 0, 1, 3, 9, 28, 92, 304, 1010, 3362, 11193, 37273, 124118, 413310, 1376322, 4583150, 15261887, 50822082, 169237530}

// plan gives a fuse for n keys: the paper's overhead of an eighth for a million
// keys and more, and up to half as much again for few.
func plan(n int) fuse {
	if n == 0 {
		return fuse{}
	}
	b := uint32(2)
	for b < maxBits && n >= segmentBits[b+1] {
		b++
	}
	slots := n + n/8
	if n < 1_000_000 {
		slots += n * (20 - bits.Len(uint(n))) / 57
	}
	segments := (slots + 1<<b - 1) >> b
	return fuse{bits: b, segments: uint32(max(segments-2, 1))}
}

// slots is how many there are.
func (f *fuse) slots() int {
	if f.segments == 0 {
		return 0
	}
	return int(f.segments+2) << f.bits
}

// places gives the three slots of a key. Its top bits alone choose the first, so
// keys in order have their first slots in order; the others are as Dietzfelbinger's
// multiply-shift hashing scatters it. No slot can lie outside.
func (f *fuse) places(h uint64) (p0, p1, p2 uint32) {
	top, _ := bits.Mul64(h, uint64(f.segments)<<f.bits)
	size, x := uint32(1)<<f.bits, h*f.seed
	p0 = uint32(top)
	p1 = (p0 + size) ^ uint32(x>>46)&(size-1)
	p2 = (p0 + 2*size) ^ uint32(x>>28)&(size-1)
	return p0, p1, p2
}

// mix spreads every bit of h over all (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// words are slots of 32 bits, little-endian.
type words []byte

func (w words) at(p uint32) uint32 { return binary.LittleEndian.Uint32(w[4*int(p):]) }

func (w words) set(p, v uint32) { binary.LittleEndian.PutUint32(w[4*int(p):], v) }

// errPeel says that no seed of many would do. It takes keys made for it, or the
// luck of one in 2^100.
var errPeel = errors.New("putting names in their slots: none of 100 seeds will do; build with another key")
