package wire

import (
	"math"
	"strings"
)

// The limits that the .proto files state, in characters. A test holds them
// against the files' own annotations.
const (
	maxBootID   = 64
	maxName     = 1024
	maxShort    = 255
	maxExe      = 4096
	maxRule     = 128
	maxCategory = 64
	maxPack     = 128
	maxRole     = 32
	maxNotSeen  = 8
	maxAlso     = 16
	maxHow      = 8
	maxStep     = 64
	maxEvidence = 8
	maxProof    = 128
	maxList     = 128
	maxCount    = math.MaxUint32
	maxPID      = math.MaxUint32
)

// maxRecord is what fits the spool. Names that fill every limit with the longest
// characters are beyond it, and such an event keeps what was seen and loses what
// explains it further.
const maxRecord = 62 << 10

// cut makes s valid UTF-8 of at most limit characters.
func cut(s string, limit int) string {
	if len(s) > limit*4 {
		s = s[:limit*4] // more than limit characters whatever they are; ToValidUTF8 mends the edge
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	count := 0
	for i := range s {
		if count == limit {
			return s[:i]
		}
		count++
	}
	return s
}

// Cut makes s valid UTF-8 of at most limit characters.
func Cut(s string, limit int) string { return cut(s, limit) }

func cutAll(list []string, items, limit int) []string {
	var out []string
	for _, s := range list[:min(len(list), items)] {
		out = append(out, cut(s, limit))
	}
	return out
}
