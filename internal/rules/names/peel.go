package names

// peeler finds the order in which keys can be given their values: a key that is
// alone in a slot may be taken out, for that slot can later be set to whatever
// the key needs; taking it out leaves others alone. It is scratch for several
// fuses, one after another: 5 bytes a slot and 5 a key.
type peeler struct {
	sum   []uint32 // of each slot, the keys in it XORed together
	count []uint8  // of each slot, how many keys are in it
	order []uint32 // keys as they were taken out
	which []uint8  // of order, in which of its three places the key was alone
	alone []uint32 // slots to look at
}

// seeds is how many a fuse tries. The first does for nearly every table.
const seeds = 100

// peel sets f.seed and leaves the order for keys, which are distinct and should
// be sorted: neighbours then have their slots near each other.
func (p *peeler) peel(f *fuse, keys []uint64, start uint64) error {
	for i := range uint64(seeds) {
		f.seed = mix(start+i) | 1
		if p.try(f, keys) {
			return nil
		}
	}
	return errPeel
}

func (p *peeler) try(f *fuse, keys []uint64) bool {
	p.sum, p.count = cleared(p.sum, f.slots()), cleared(p.count, f.slots())
	p.order, p.which = cleared(p.order, len(keys))[:0], cleared(p.which, len(keys))[:0]
	for i, h := range keys {
		p0, p1, p2 := f.places(h)
		for _, s := range [3]uint32{p0, p1, p2} {
			if p.count[s]++; p.count[s] == 0 {
				return false // 256 keys in a slot: its count is lost
			}
			p.sum[s] ^= uint32(i)
		}
	}
	for s := range p.count {
		if p.count[s] == 1 {
			p.follow(f, keys, uint32(s))
		}
	}
	return len(p.order) == len(keys)
}

// follow takes out the key that is alone in slot s, and whatever is alone then.
func (p *peeler) follow(f *fuse, keys []uint64, s uint32) {
	for p.alone = append(p.alone[:0], s); len(p.alone) > 0; {
		s = p.alone[len(p.alone)-1]
		p.alone = p.alone[:len(p.alone)-1]
		if p.count[s] != 1 {
			continue
		}
		key := p.sum[s]
		p0, p1, p2 := f.places(keys[key])
		for i, other := range [3]uint32{p0, p1, p2} {
			p.count[other]--
			p.sum[other] ^= key
			if other == s {
				p.order, p.which = append(p.order, key), append(p.which, uint8(i))
			} else if p.count[other] == 1 {
				p.alone = append(p.alone, other)
			}
		}
	}
}

// fill calls put for every key, the last taken out first, with its own slot and
// the two others: put sets the former so that the three make the key's value.
func (p *peeler) fill(f *fuse, keys []uint64, put func(key, own, x, y uint32)) {
	for i := len(p.order) - 1; i >= 0; i-- {
		p0, p1, p2 := f.places(keys[p.order[i]])
		switch p.which[i] {
		case 0:
			put(p.order[i], p0, p1, p2)
		case 1:
			put(p.order[i], p1, p0, p2)
		default:
			put(p.order[i], p2, p0, p1)
		}
	}
}

// cleared is s with n zero elements, in the same memory where that suffices.
func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
