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

// wordKey is a word as two numbers: of up to sixteen bytes, the word itself; of
// more (isLong), a hash. Short words hold no zero byte, so two of them never
// share a key.
type wordKey struct{ a, b uint64 }

// isLong reports whether a key says less than the word.
func isLong(n uint32) bool { return n > 16 }

// hash spreads keys over slots.
func (k wordKey) hash() uint64 { return mix(k.a, k.b^forWords) }

// keyIn reads the word at from:to of buf, which has eight bytes to spare.
func keyIn(buf []byte, from, to uint32) wordKey {
	switch n := to - from; {
	case n <= 8:
		return wordKey{binary.LittleEndian.Uint64(buf[from:]) & (^uint64(0) >> (64 - 8*n)), 0}
	case n <= 16:
		return wordKey{binary.LittleEndian.Uint64(buf[from:]), binary.LittleEndian.Uint64(buf[from+8:]) & (^uint64(0) >> (128 - 8*n))}
	}
	return longKey(buf, from, to)
}

func longKey(buf []byte, from, to uint32) wordKey {
	h, n := uint64(prime1), to-from
	for ; n > 8; n -= 8 {
		h = mix(h^binary.LittleEndian.Uint64(buf[from:]), forLetters)
		from += 8
	}
	return wordKey{mix(h^binary.LittleEndian.Uint64(buf[from:])&(^uint64(0)>>(64-8*n)), forLetters), uint64(n)}
}

func keyOf(word string) wordKey {
	buf := make([]byte, len(word)+8)
	copy(buf, word)
	return keyIn(buf, 0, uint32(len(word)))
}
