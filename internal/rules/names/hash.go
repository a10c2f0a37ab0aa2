package names

import (
	"encoding/binary"
	"math/bits"
)

// A name is hashed by SipHash-2-4 (Aumasson and Bernstein, 2012), its words taken
// from the right end of the name instead of the left, so that one pass gives the
// hash of a host and of each of its parents:
//
//	w w w . e x a m p l e . c o m
//	        |tail|    word 0      |   example.com
//	|    tail    |    word 0      |   www.example.com
//
// The key is drawn for each table, so that nobody can publish a name today that
// will be taken for a listed one tomorrow.

// maxName is the longest host name there is (RFC 1035, without the final dot).
const maxName = 253

// sip is the state after some whole words.
type sip struct{ v0, v1, v2, v3 uint64 }

// newSip begins a hash under a key.
func newSip(key [16]byte) sip {
	k0, k1 := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	return sip{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
}

func round(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32) + v3
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}

// take adds a word.
func (s sip) take(m uint64) sip {
	v0, v1, v2, v3 := round(s.v0, s.v1, s.v2, s.v3^m)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return sip{v0 ^ m, v1, v2, v3}
}

// finish gives the hash of a name of n bytes whose last, partial word is tail.
func (s sip) finish(tail uint64, n int) uint64 {
	m := tail | uint64(n)<<56
	v0, v1, v2, v3 := round(s.v0, s.v1, s.v2, s.v3^m)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0^m, v1, v2^0xff, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// load reads eight bytes of s from i. The compiler makes it one load.
func load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// loadLeft reads the first n bytes of s, fewer than eight, into the top of a
// word, where the same bytes would lie if others stood before them.
func loadLeft(s string, n int) uint64 {
	if len(s) >= 8 {
		return load(s, 0) << (64 - 8*uint(n))
	}
	m := uint64(0)
	for i := n - 1; i >= 0; i-- {
		m = m<<8 | uint64(s[i])
	}
	return m << (64 - 8*uint(n))
}

// dots has the top bit of each byte of m that is a dot.
func dots(m uint64) uint64 {
	const low, dot = 0x7f7f7f7f7f7f7f7f, 0x2e2e2e2e2e2e2e2e
	m ^= dot
	return ^((m&low + low) | m | low)
}

// hash gives the hash of one name of at most maxName bytes.
func (s sip) hash(name string) uint64 {
	end := len(name)
	for ; end >= 8; end -= 8 {
		s = s.take(load(name, end-8))
	}
	return s.finish(loadLeft(name, end)>>(64-8*uint(end)), len(name))
}

// suffix is a host or one of its parents: its hash, and where it starts.
type suffix struct {
	hash  uint64
	start int
}

// suffixes fills out with host and its parents of at least two labels, the
// shortest first, and says how many they are; -1 if out is too small.
func (s sip) suffixes(host string, out []suffix) int {
	n, end := -1, len(host) // n: not yet past the last label
	for {
		var word uint64
		if end >= 8 {
			word = load(host, end-8)
		} else {
			word = loadLeft(host, end)
		}
		for d := dots(word); d != 0; {
			top := uint(bits.LeadingZeros64(d))
			d &^= 1 << (63 - top)
			if n >= len(out)-1 { // and room for host itself
				return -1
			}
			if n >= 0 {
				start := end - int(top)/8
				out[n] = suffix{s.finish(word>>(64-top), len(host)-start), start}
			}
			n++
		}
		if end < 8 {
			if n >= 0 {
				out[n] = suffix{s.finish(word>>(64-8*uint(end)), len(host)), 0}
			}
			return n + 1
		}
		s = s.take(word)
		end -= 8
	}
}
