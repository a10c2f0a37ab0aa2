package names

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestHashIsSipHashFromTheRight holds the hash against the authors' own vectors:
// SipHash-2-4 of the bytes 0, 1, 2, ..., whose words we take from the other end.
func TestHashIsSipHashFromTheRight(t *testing.T) {
	var key [16]byte
	for i := range key {
		key[i] = byte(i)
	}
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		var name []byte
		for i := range n {
			name = append(name, byte(i))
		}
		var turned []byte
		for ; len(name) >= 8; name = name[8:] {
			turned = append(slices.Clone(name[:8]), turned...)
		}
		turned = append(slices.Clone(name), turned...)
		if got := newSip(key).hash(string(turned)); got != want {
			t.Errorf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
}

// TestAParentsHashIsThatOfItsName: what one pass makes of the parents of a host
// is what each would have alone, wherever its words begin.
func TestAParentsHashIsThatOfItsName(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	s := newSip(testKey)
	for range 20_000 {
		host := randomHost(rnd)
		var room [maxName]suffix
		got := room[:s.suffixes(host, room[:])]
		var want []suffix
		for i := len(host); i >= 0; i-- {
			if (i == 0 || host[i-1] == '.') && strings.Contains(host[i:], ".") {
				want = append(want, suffix{s.hash(host[i:]), i})
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", host, got, want)
		}
		if len(want) > 1 {
			if n := s.suffixes(host, make([]suffix, len(want)-1)); n != -1 {
				t.Fatalf("%q: %d suffixes in too small a room", host, n)
			}
		}
	}
}

// randomHost is up to 253 bytes of which many are dots, anywhere.
func randomHost(rnd *rand.Rand) string {
	b := make([]byte, rnd.IntN(maxName+1))
	if rnd.IntN(2) == 0 {
		b = b[:len(b)/8]
	}
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz0123456789-_\x00\xff......."[rnd.IntN(47)]
	}
	return string(b)
}

func TestDotsAreFoundBesideAnyByte(t *testing.T) {
	for b := range 256 {
		m := uint64(b) | '.'<<8 | uint64(b)<<16 | '.'<<56
		want := uint64(0x80<<8 | 0x80<<56)
		if b == '.' {
			want |= 0x80 | 0x80<<16
		}
		if got := dots(m); got != want {
			t.Errorf("byte %#x: %#x, want %#x", b, got, want)
		}
	}
}
