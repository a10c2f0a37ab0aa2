package phrases

import (
	"encoding/binary"
	"math/bits"
)

// Hashes spread keys over slots; they never decide that two words are the same.
const (
	prime1 = 0x9e3779b97f4a7c15
	prime2 = 0xd6e8feb86659fd93

	// What a hash is for: the second number given to mix.
	forWords, forEdges, forLetters = 1, 2, 3
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^prime1, b^prime2)
	return hi ^ lo
}

// slot places a hash among n slots.
func slot(h uint64, n uint32) uint32 {
	hi, _ := bits.Mul64(h, uint64(n))
	return uint32(hi)
}

// wordKey reads a word that lies in buf at from:to as one number: of up to
// eight bytes, the word itself; of more, a hash. buf has eight bytes to spare.
// Words hold no zero byte, so two short words never share a number.
func wordKey(buf []byte, from, to uint32) (key uint64, long bool) {
	n := to - from
	if n <= 8 {
		return binary.LittleEndian.Uint64(buf[from:]) & (^uint64(0) >> (64 - 8*n)), false
	}
	h := uint64(n)
	for ; n > 8; n -= 8 {
		h = mix(h^binary.LittleEndian.Uint64(buf[from:]), forLetters)
		from += 8
	}
	return mix(h^binary.LittleEndian.Uint64(buf[from:])&(^uint64(0)>>(64-8*n)), forLetters), true
}

func keyOf(word string) (key uint64, long bool) {
	buf := make([]byte, len(word)+8)
	copy(buf, word)
	return wordKey(buf, 0, uint32(len(word)))
}
