package names

import (
	"encoding/binary"
	"strings"
)

// Entry is a name and the set it is in. Name is as Check wants it.
type Entry struct {
	Name string
	Set  uint32
}

// Table answers for a host and its parents. It is immutable and safe for use by
// several goroutines.
type Table struct {
	sip                 sip
	filter, table, rare fuse
	sets                []byte
	largest             uint32
	overlays            []*Overlay // the newest first

	names   int
	key, id [16]byte
}

// Len is how many names were put into the table; overlays do not count.
func (t *Table) Len() int { return t.names }

// ID names the table: two tables with one ID are the same bytes.
func (t *Table) ID() [16]byte { return t.id }

// Key is the key that the table was built under.
func (t *Table) Key() [16]byte { return t.key }

// usual is how many parents a host may have for its hashes to lie in a small
// array.
const usual = 14

// Each calls visit for host and each of its parents, down to two labels, that is
// in the table: where it starts in host, and its set; the most specific first,
// until visit returns false. An address has no parents. host is as Check wants
// it; anything else is safe and finds nothing, but for the odds below.
//
// A name that is not in the table is found with a probability of at most 2^-32
// for each look-up: 2^-8 for the filter times 2^-24 for the table, which have no
// bit of the hash in common. A host with parents is a look-up each. Each
// allocates nothing.
func (t *Table) Each(host string, visit func(start int, set uint32) bool) {
	switch dots := strings.Count(host, "."); {
	case dots == 0 || len(host) > maxName:
	case dots <= usual && !numbered(host):
		var room [usual]suffix
		t.each(host, room[:t.sip.suffixes(host, room[:])], visit)
	default:
		t.eachSlow(host, visit)
	}
}

// eachSlow is Each for an address and for hosts of many labels.
func (t *Table) eachSlow(host string, visit func(start int, set uint32) bool) {
	var room [maxName]suffix
	n := t.sip.suffixes(host, room[:])
	if numbered(host) {
		room[0], n = room[n-1], 1
	}
	t.each(host, room[:n], visit)
}

func (t *Table) each(host string, suffixes []suffix, visit func(start int, set uint32) bool) {
	for i := len(suffixes) - 1; i >= 0; i-- {
		s := suffixes[i]
		if set, ok := t.find(host[s.start:], s.first); ok && !visit(s.start, set) {
			return
		}
	}
}

// find looks a name up whose hash begins with first.
func (t *Table) find(name string, first uint64) (uint32, bool) {
	for _, o := range t.overlays {
		if set, here, gone := o.find(first); here {
			return set, !gone
		}
	}
	if t.filter.segments == 0 || t.filter.byteAt(first) != byte(first) {
		return 0, false
	}
	_, second := t.sip.hash(name)
	return t.read(second)
}

// read looks the second word of a hash up in the table alone. The 24 bits that
// must agree are as noise if the name was not put in; so is its code then, and
// most codes mean nothing.
func (t *Table) read(second uint64) (uint32, bool) {
	slot := t.table.wordAt(second)
	if slot>>8 != uint32(second)&0xffffff {
		return 0, false
	}
	if code := int(slot & 0xff); 4*code < len(t.sets) {
		return binary.LittleEndian.Uint32(t.sets[4*code:]), true
	} else if code != rareCode || t.rare.segments == 0 {
		return 0, false
	}
	set := t.rare.wordAt(second)
	return set, set <= t.largest
}
