package phrases

import "encoding/binary"

// A table is a header and sections of little-endian numbers, read where they
// lie. Numbers of words and nodes begin at 1; 0 is none.
//
//	"self harm", "self harm now", all [self, pity]
//
//	words   self 1, harm 2, now 3, pity 4   (hash slots; long words compared in letters)
//	edges   (root) -1-> b -2-> a -3-> c      (hash slots by node and word, a bitset before them)
//	        (root) -4-> d
//	ends    a: ref; c: ref; b, d: element of a group
//	groups  ref, within, nodes b and d; for one of several words, the node of their set
//	meant   what a spelling says: words, the last one marked ("wanna": want, to)
//	spelt   "selfharm": refs, words 1 2     (hash slots)
//	classes words without doubled letters   (hash slots), for stretched spellings
//	parts   an Aho-Corasick automaton over folded bytes
//
// Nodes with ends have the low numbers. A node is written with two bits that
// say whether it is worth looking further. A set of words, of which a group wants
// any one, is a node that no way leads to: each of its words ends in it. Words
// that are other spellings have the lowest numbers.
const (
	magic   = "sl-phras"
	version = 2

	hasKids = 1 << 31
	hasEnds = 1 << 30
	nodeID  = hasEnds - 1

	longWord = 1 << 31         // in a word slot: the key is a hash, compare letters
	lastOne  = 1 << 31         // in a list: nothing follows
	isList   = 1 << 31         // in secEndsAt: several ends
	isGroup  = 1 << 31         // among ends: 3 bits of element, then the place of a group
	isSet    = isGroup | 1<<30 // among ends: the node of a set
	isKept   = isSet           // ... of none: where it stood is remembered
	groupAt  = 1<<27 - 1
	headOnly = 1 << 8 // in a group's second number, above the count of elements
	ordered  = 1 << 9
)

// section numbers.
const (
	secWords    = iota // {key u64, u64, id u32, node u32}; see wordKey
	secSpelling        // u32: where a word's letters begin in secLetters, by id; one more at the end
	secLetters
	secFilter   // bits, a power of two of them
	secEdges    // {node u32, word u32, child u32}
	secEndsAt   // u32, by node: a ref, or isList and a place in secEnds
	secEnds     // u32...: n, n of: a ref, isGroup, isSet or isKept
	secGroups   // u32...: ref, within<<16 | ordered | headOnly | n, n nodes
	secSpelt    // {tag u32, 1 + place in secSpelled u32}
	secSpelled  // u32...: n, n refs, words up to lastOne
	secClasses  // {tag u32, 1 + place in secMembers u32}
	secMembers  // {id u32 up to lastOne, node u32}
	secPartEdge // {state<<8 | byte u32, state u32}
	secPartNode // {fail u32, shorter u32, 1 + place in secPartEnds u32, depth u32}
	secPartEnds // u32 refs up to lastOne
	secMeantAt  // u32: place in secMeant, by id of a spelling
	secMeant    // {id u32 up to lastOne, node u32}
	sections
)

const (
	headerSize = 16 + 8*sections // magic, version, probes, then {offset, length} of each section

	wordSize, edgeSize, pairSize, stateSize = 24, 12, 8, 16

	// maxProbes bounds a look into any of the hash tables.
	maxProbes = 1024
)

// array is a section of u32.
type array []byte

// at gives number i, and 0 outside: a damaged table finds nothing.
func (a array) at(i uint32) uint32 {
	if uint64(i)*4+4 > uint64(len(a)) {
		return 0
	}
	return binary.LittleEndian.Uint32(a[uint64(i)*4:])
}

func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
