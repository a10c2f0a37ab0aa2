package names

import "encoding/binary"

// Entry is a name and the set it is in. Name is as Check wants it.
type Entry struct {
	Name string
	Set  uint32
}

// Table answers for a host and its parents. It is immutable and safe for use by
// several goroutines.
type Table struct {
	sip      sip
	front    front
	all      fuse // of every name
	slots    words
	few      fuse // of the names with a rare set
	rare     words
	sets     []byte     // 4 bytes each
	largest  uint32     // set
	overlays []*Overlay // the newest first

	names   int
	key, id [16]byte
}

// Len is how many names were put into the table; overlays do not count.
func (t *Table) Len() int { return t.names }

// ID names the table: two tables with one ID are the same bytes.
func (t *Table) ID() [16]byte { return t.id }

// Key is the key that the table was built under.
func (t *Table) Key() [16]byte { return t.key }

// usual is how many names, itself and parents, an ordinary host has at most.
const usual = 14

// Each calls visit for host and each of its parents, down to two labels, that is
// in the table: where it starts in host, and its set; the most specific first,
// until visit returns false. An address has no parents. host is as Check wants
// it; anything else is safe and finds nothing, but for the odds below. Whoever
// takes set for an index looks first whether it is one: a table or an overlay of
// another version may hold any number.
//
// A name that is not in the table is found once in 2^30 look-ups: the front lets
// one in 90 through, and of those one in 2^24 has the same 24 bits as a name. A
// host with parents is a look-up each. Each allocates nothing.
func (t *Table) Each(host string, visit func(start int, set uint32) bool) {
	if len(host) > maxName || numbered(host) {
		t.eachRare(host, visit)
		return
	}
	var room [usual]suffix
	n := t.sip.suffixes(host, room[:])
	if n < 0 {
		t.eachRare(host, visit)
		return
	}
	t.each(room[:n], visit)
}

// eachRare is Each for an address, for hosts of many labels and for none.
func (t *Table) eachRare(host string, visit func(start int, set uint32) bool) {
	if len(host) > maxName {
		return
	}
	var room [maxName]suffix
	all := room[:t.sip.suffixes(host, room[:])]
	if len(all) > 0 && numbered(host) {
		all = all[len(all)-1:]
	}
	t.each(all, visit)
}

func (t *Table) each(suffixes []suffix, visit func(start int, set uint32) bool) {
	for i := len(suffixes) - 1; i >= 0; i-- {
		s := suffixes[i]
		if set, ok := t.find(s.hash); ok && !visit(s.start, set) {
			return
		}
	}
}

// find looks a name up by its hash.
func (t *Table) find(h uint64) (uint32, bool) {
	for _, o := range t.overlays {
		if !o.may(h) {
			continue
		}
		if set, here, gone := o.find(h); here {
			return set, !gone
		}
	}
	if t.names == 0 || !t.front.lets(h) {
		return 0, false
	}
	p0, p1, p2 := t.all.places(h)
	v := t.slots.at(p0) ^ t.slots.at(p1) ^ t.slots.at(p2) ^ slot(h, 0)
	if v<<8 != 0 {
		return 0, false
	}
	return t.decode(h, int(v>>24))
}

// slot is what the three slots of a name make together.
func slot(h uint64, code uint32) uint32 { return uint32(h)&0xffffff | code<<24 }

// decode gives the set of a code. That of a name that was never put in is noise
// too, and most codes mean nothing.
func (t *Table) decode(h uint64, code int) (uint32, bool) {
	if 4*code < len(t.sets) {
		return binary.LittleEndian.Uint32(t.sets[4*code:]), true
	}
	if code != rareCode || t.few.segments == 0 {
		return 0, false
	}
	p0, p1, p2 := t.few.places(h)
	set := t.rare.at(p0) ^ t.rare.at(p1) ^ t.rare.at(p2)
	return set, set <= t.largest
}
