package names

import (
	"encoding/binary"
	"math/bits"
)

// A name is hashed by SipHash-2-4 with 128 bits of output (Aumasson and
// Bernstein, https://www.aumasson.jp/siphash/), its words taken from the right
// end of the name instead of the left, so that one pass gives the hash of a host
// and of each of its parents:
//
//	w w w . e x a m p l e . c o m
//	      |  tail |   word 0      |   example.com
//	| word 1      |   word 0      |   www.example.com, with its tail
//
// The output is two words that say nothing of each other: the front filter and
// the overlays use the first, the table the second. The key is drawn for each
// table, so that nobody can publish a name today that will be taken for a listed
// one tomorrow.

// maxName is the longest host name there is (RFC 1035, without the final dot).
const maxName = 253

// sip is the state after some whole words.
type sip struct{ v0, v1, v2, v3 uint64 }

// newSip begins a hash under a key.
func newSip(key [16]byte) sip {
	k0, k1 := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	return sip{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
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
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3^m
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return sip{v0 ^ m, v1, v2, v3}
}

// four is the rounds before each word of output.
func (s sip) four() sip {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return sip{v0, v1, v2, v3}
}

// first finishes the hash with the last, partial word and gives the first word
// of output and the state from which second makes the other.
func (s sip) first(last uint64) (uint64, sip) {
	s = s.take(last)
	s.v2 ^= 0xee
	s = s.four()
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3, s
}

func (s sip) second() uint64 {
	s.v1 ^= 0xdd
	s = s.four()
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

// load reads eight bytes of s from i, which must be there. The compiler makes it
// one load.
func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// tail reads the up to seven bytes of host from start to end, with the length of
// the whole suffix in the top byte.
func tail(host string, start, end int) uint64 {
	n := uint64(len(host)-start) << 56
	if start+8 <= len(host) {
		return load(host, start)&(1<<(8*uint(end-start))-1) | n
	}
	for i := start; i < end; i++ {
		n |= uint64(host[i]) << (8 * uint(i-start))
	}
	return n
}

// hash gives both words of one name of at most maxName bytes.
func (s sip) hash(name string) (first, second uint64) {
	end := len(name)
	for ; end >= 8; end -= 8 {
		s = s.take(load(name, end-8))
	}
	first, s = s.first(tail(name, 0, end))
	return first, s.second()
}

// suffix is a host or one of its parents: where it starts, and its first word.
type suffix struct {
	first uint64
	start int
}

// suffixes fills out with host and its parents of at least two labels, the
// shortest first, and says how many they are; out has room for one each dot.
func (s sip) suffixes(host string, out []suffix) int {
	n, labels, end := 0, 0, len(host)
	for i := len(host) - 1; i >= -1; i-- {
		if i >= 0 && host[i] != '.' {
			continue
		}
		if labels++; labels == 1 {
			continue
		}
		start := i + 1
		for ; end-start >= 8; end -= 8 {
			s = s.take(load(host, end-8))
		}
		first, _ := s.first(tail(host, start, end))
		out[n] = suffix{first, start}
		n++
	}
	return n
}
