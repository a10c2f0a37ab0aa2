package weighed

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"safelight/internal/rules/flat"
)

// Term is a word, or two that stand side by side, and the points that they add to
// a sum; points below nought speak against it.
type Term struct {
	Sum    int // its number, below the number of sums
	Words  []string
	Points int
}

const (
	// Enough is what a sum has to reach to be found.
	Enough = 100
	// MaxPoints bounds a term's points, so that it takes two of them at least.
	MaxPoints = 90
	// Window is within how many words they have to stand.
	Window = 16
	// MaxSums bounds the sums of a table; it is what a word may cost.
	MaxSums = 512
)

var magic = [8]byte{'s', 'a', 'f', 'e', 'w', 'e', 'i', '1'}

// The sections of a table.
const (
	textSection = iota
	wordSection // index of words, by which they have their numbers
	aloneSection
	pairSection
	pointSection
	sections
)

// Sizes of what has one: where the points of a word are, a pair, points.
const (
	placeSize = 8
	pairSize  = 16
	pointSize = 4
)

// Build lays terms out for so many sums. The same terms give the same bytes in
// whatever order they come. The error names a term that is none, or stands twice.
func Build(sums int, terms []Term) ([]byte, error) {
	if sums < 0 || sums > MaxSums {
		return nil, fmt.Errorf("weighing words: %d sums, want at most %d", sums, MaxSums)
	}
	terms = slices.Clone(terms)
	slices.SortFunc(terms, func(a, b Term) int { return cmp.Or(slices.Compare(a.Words, b.Words), cmp.Compare(a.Sum, b.Sum)) })
	b := &builder{numbers: map[string]uint32{}}
	for i, t := range terms {
		switch {
		case t.Sum < 0 || t.Sum >= sums:
			return nil, fmt.Errorf("weighing words: %q adds to sum %d of %d", t.Words, t.Sum, sums)
		case len(t.Words) < 1 || len(t.Words) > 2 || slices.Contains(t.Words, ""):
			return nil, fmt.Errorf("weighing words: %q: want one word or two", t.Words)
		case t.Points == 0 || t.Points > MaxPoints || t.Points < -MaxPoints:
			return nil, fmt.Errorf("weighing words: %q has %d points, want 1 to %d or below nought as many", t.Words, t.Points, MaxPoints)
		case i > 0 && terms[i-1].Sum == t.Sum && slices.Equal(terms[i-1].Words, t.Words):
			return nil, fmt.Errorf("weighing words: %q stands twice", t.Words)
		}
		for _, w := range t.Words {
			if err := b.number(w); err != nil {
				return nil, err
			}
		}
	}
	return b.lay(sums, terms)
}

type builder struct {
	texts   flat.Writer
	keys    []flat.Key
	numbers map[string]uint32
	points  []byte
}

func (b *builder) number(word string) error {
	if _, has := b.numbers[word]; has {
		return nil
	}
	at, err := b.texts.Put(word)
	if err != nil {
		return err
	}
	n := uint32(len(b.numbers))
	b.numbers[word] = n
	b.keys = append(b.keys, flat.Key{Text: at, Value: n})
	return nil
}

// lay writes the sections; terms of the same words are neighbours.
func (b *builder) lay(sums int, terms []Term) ([]byte, error) {
	alone := make([]byte, placeSize*len(b.numbers))
	var pairs [][4]uint32
	for i := 0; i < len(terms); {
		end := i + 1
		for end < len(terms) && slices.Equal(terms[end].Words, terms[i].Words) {
			end++
		}
		at := uint32(len(b.points) / pointSize)
		for _, t := range terms[i:end] {
			b.points = binary.LittleEndian.AppendUint16(b.points, uint16(t.Sum))
			b.points = binary.LittleEndian.AppendUint16(b.points, uint16(int16(t.Points)))
		}
		first := b.numbers[terms[i].Words[0]]
		if len(terms[i].Words) == 1 {
			binary.LittleEndian.PutUint32(alone[placeSize*int(first):], at)
			binary.LittleEndian.PutUint32(alone[placeSize*int(first)+4:], uint32(end-i))
		} else {
			pairs = append(pairs, [4]uint32{first, b.numbers[terms[i].Words[1]], at, uint32(end - i)})
		}
		i = end
	}
	texts := b.texts.Texts()
	out := make([][]byte, sections)
	out[textSection], out[wordSection], out[aloneSection] = texts, flat.MakeIndex(texts, b.keys), alone
	out[pairSection], out[pointSection] = layPairs(pairs), append(binary.LittleEndian.AppendUint32(nil, uint32(sums)), b.points...)
	return flat.Join(magic, out...)
}

// layPairs makes a table of slots of which at least half are free, so that a search
// that begins at a pair's own slot soon ends.
func layPairs(pairs [][4]uint32) []byte {
	slots := uint32(2) << bits.Len(uint(len(pairs)))
	out := make([]byte, pairSize*int(slots))
	for _, p := range pairs {
		at := pairHash(p[0], p[1]) & (slots - 1)
		for binary.LittleEndian.Uint32(out[pairSize*int(at)+12:]) != 0 {
			at = (at + 1) & (slots - 1)
		}
		for k, v := range p {
			binary.LittleEndian.PutUint32(out[pairSize*int(at)+4*k:], v)
		}
	}
	return out
}

// pairHash spreads pairs over slots; numbers are compared besides.
func pairHash(a, b uint32) uint32 {
	hi, lo := bits.Mul64(uint64(a)<<32|uint64(b)^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return uint32(hi ^ lo)
}
