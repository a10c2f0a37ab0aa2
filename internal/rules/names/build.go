package names

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
)

// Option changes how a table is built.
type Option func(*builder)

// WithProgress has f called with how many names were read, every 65,536 names,
// and once more when the table is done.
func WithProgress(f func(names int)) Option { return func(b *builder) { b.progress = f } }

// Build makes a table of n entries, in any order; n must be their number, so
// that a list that broke off is not taken for a short one. A name may come once:
// the caller merges what several lists say into one set. entries is walked once,
// and a second time only to say which name came twice.
//
// key is 16 random bytes, drawn for each table. The bytes depend on key, names
// and sets alone, not on order or machine. Set numbers may be any; of more than
// 255 different ones, the rarer cost 4.5 bytes more a name.
//
// Build holds about 35 bytes a name at its peak, the result among them and the
// entries not: a process that builds a table of 5 million names has 190 MB.
func Build(entries iter.Seq[Entry], n int, key [16]byte, options ...Option) ([]byte, error) {
	b := &builder{sip: newSip(key), progress: func(int) {}}
	for _, o := range options {
		o(b)
	}
	out, err := b.build(entries, n, key)
	if err != nil {
		return nil, fmt.Errorf("building table of names: %w", err)
	}
	return out, nil
}

type builder struct {
	sip      sip
	progress func(int)

	hashes []uint64
	sets   []uint32 // of each hash; once coded, a code
}

func (b *builder) build(entries iter.Seq[Entry], n int, key [16]byte) ([]byte, error) {
	if n < 0 || n > MaxNames {
		return nil, fmt.Errorf("%d names: a table has 0 to %d", n, MaxNames)
	}
	if err := b.read(entries, n); err != nil {
		return nil, err
	}
	sort.Sort(byHash{b})
	for i := 1; i < n; i++ {
		if b.hashes[i] == b.hashes[i-1] {
			return nil, b.twice(entries, b.hashes[i])
		}
	}
	t := &Table{key: key, names: n}
	out, err := b.assemble(t)
	if err != nil {
		return nil, err
	}
	b.progress(n)
	return out, nil
}

// read hashes every name.
func (b *builder) read(entries iter.Seq[Entry], n int) error {
	b.hashes, b.sets = make([]uint64, 0, n), make([]uint32, 0, n)
	var bad error
	count := 0
	for e := range entries {
		if count++; count > n {
			return fmt.Errorf("there are more than the %d names that were announced: give their number", n)
		}
		if err := Check(e.Name); err != nil {
			bad = fmt.Errorf("name %d, %q, %w", count, clip(e.Name), err)
			break
		}
		b.hashes, b.sets = append(b.hashes, b.sip.hash(e.Name)), append(b.sets, e.Set)
		if count%(1<<16) == 0 {
			b.progress(count)
		}
	}
	if bad == nil && count != n {
		bad = fmt.Errorf("%d names came of the %d that were announced: the list broke off, or its number is wrong", count, n)
	}
	return bad
}

// twice says which names have the same hash.
func (b *builder) twice(entries iter.Seq[Entry], hash uint64) error {
	var one string
	for e := range entries {
		if len(e.Name) > maxName || b.sip.hash(e.Name) != hash {
			continue
		}
		switch one {
		case "":
			one = e.Name
		case e.Name:
			return fmt.Errorf("name %q came twice: merge what is said of it into one set", clip(one))
		default:
			return errors.New("two names have the same hash under this key: build with another key")
		}
	}
	return errors.New("a name came twice: merge what is said of it into one set")
}

// assemble lays the parts out and fills them.
func (b *builder) assemble(t *Table) ([]byte, error) {
	rare := b.code(t)
	t.all, t.few = plan(len(b.hashes)), plan(len(rare.hashes))
	l := lay(t.names, len(t.sets)/4, t.all.slots(), t.few.slots())
	out := make([]byte, l.end)
	copy(out[l.sets:], t.sets)
	t.front, t.slots, t.rare = out[l.front:l.front+frontSize(t.names)], out[l.slots:], out[l.rare:]
	for _, h := range b.hashes {
		t.front.add(h)
	}

	p, start := &peeler{}, binary.LittleEndian.Uint64(t.key[:8])
	if err := p.peel(&t.all, b.hashes, start); err != nil {
		return nil, err
	}
	p.fill(&t.all, b.hashes, func(key, own, x, y uint32) {
		t.slots.set(own, slot(b.hashes[key], b.sets[key])^t.slots.at(x)^t.slots.at(y))
	})
	if err := p.peel(&t.few, rare.hashes, start); err != nil {
		return nil, err
	}
	p.fill(&t.few, rare.hashes, func(key, own, x, y uint32) {
		t.rare.set(own, rare.sets[key]^t.rare.at(x)^t.rare.at(y))
	})
	t.writeHeader(out)
	sum := sha256.Sum256(out)
	copy(out[32:48], sum[:])
	return out, nil
}

// rareNames are the names whose set has no code of its own.
type rareNames struct {
	hashes []uint64
	sets   []uint32
}

// code replaces the set of each name by its code, the commonest sets first, and
// gives the names whose set is rare, in order of their hash.
func (b *builder) code(t *Table) (rare rareNames) {
	counts := map[uint32]int{}
	for _, s := range b.sets {
		counts[s]++
		t.largest = max(t.largest, s)
	}
	order := make([]uint32, 0, len(counts))
	for s := range counts {
		order = append(order, s)
	}
	slices.SortFunc(order, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
	codes := make(map[uint32]uint32, rareCode)
	for i, s := range order[:min(len(order), rareCode)] {
		codes[s] = uint32(i)
		t.sets = binary.LittleEndian.AppendUint32(t.sets, s)
	}
	for i, s := range b.sets {
		code, ok := codes[s]
		if !ok {
			code = rareCode
			rare.hashes, rare.sets = append(rare.hashes, b.hashes[i]), append(rare.sets, s)
		}
		b.sets[i] = code
	}
	return rare
}

// byHash sorts hashes with their sets, and those of one hash by these.
type byHash struct{ *builder }

func (s byHash) Len() int { return len(s.hashes) }
func (s byHash) Less(i, j int) bool {
	return s.hashes[i] < s.hashes[j] || s.hashes[i] == s.hashes[j] && s.sets[i] < s.sets[j]
}

func (s byHash) Swap(i, j int) {
	s.hashes[i], s.hashes[j] = s.hashes[j], s.hashes[i]
	s.sets[i], s.sets[j] = s.sets[j], s.sets[i]
}

// clip keeps an error short whatever a list holds.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
