package names

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// change is one name of an overlay to be.
type change struct {
	hash  uint64 // what is known of it: of a merged one without its lowest bits
	gone  bool
	set   uint32
	order int // of several for one name the last counts
}

// BuildOverlay makes the overlay that turns the names of base into those with
// adds (or, for names that base has, with another set) and without removes. It
// is 8 bytes a name, with 4 for each different set. What overlays base has is no
// matter: give all that has changed since base was built, or use MergeOverlays.
// A name may come once.
func BuildOverlay(base *Table, adds []Entry, removes []string) ([]byte, error) {
	b, err := buildOverlay(base, adds, removes)
	if err != nil {
		return nil, fmt.Errorf("building overlay of names: %w", err)
	}
	return b, nil
}

func buildOverlay(base *Table, adds []Entry, removes []string) ([]byte, error) {
	all := make([]change, 0, len(adds)+len(removes))
	names := make(map[string]struct{}, len(adds)+len(removes))
	note := func(name string, set uint32, gone bool) error {
		if err := Check(name); err != nil {
			return fmt.Errorf("name %q %w", clip(name), err)
		}
		if _, twice := names[name]; twice {
			return fmt.Errorf("name %q came twice: say once what becomes of it", clip(name))
		}
		names[name] = struct{}{}
		all = append(all, change{hash: base.sip.hash(name), gone: gone, set: set})
		return nil
	}
	for _, e := range adds {
		if err := note(e.Name, e.Set, false); err != nil {
			return nil, err
		}
	}
	for _, name := range removes {
		if err := note(name, 0, true); err != nil {
			return nil, err
		}
	}
	return encode(base.id, all, 0)
}

// MergeOverlays makes one overlay of several for the same table, the oldest
// first; of several that change a name the last counts.
func MergeOverlays(overlays ...*Overlay) ([]byte, error) {
	b, err := mergeOverlays(overlays)
	if err != nil {
		return nil, fmt.Errorf("merging overlays of names: %w", err)
	}
	return b, nil
}

func mergeOverlays(overlays []*Overlay) ([]byte, error) {
	if len(overlays) == 0 {
		return nil, errors.New("there are none")
	}
	known := uint(0) // the lowest bits that one of them does not know
	for _, o := range overlays {
		if o.base != overlays[0].base {
			return nil, fmt.Errorf("they are for tables %x and %x", overlays[0].base, o.base)
		}
		known = max(known, o.bits)
	}
	var all []change
	for i, o := range overlays {
		for j := range o.Len() {
			c := o.change(j)
			set, gone := o.decode(c)
			all = append(all, change{hash: c >> known << known, gone: gone, set: set, order: i})
		}
	}
	slices.SortFunc(all, func(x, y change) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(y.order, x.order))
	})
	all = slices.CompactFunc(all, func(x, y change) bool { return x.hash == y.hash && x.order != y.order })
	return encode(overlays[0].base, all, known)
}

// encode writes changes, of whose hashes all but so many bits are known.
func encode(base [16]byte, all []change, unknown uint) ([]byte, error) {
	sets := setsOf(all)
	if len(all) > MaxChanges || len(sets) > maxOverlaySets {
		return nil, fmt.Errorf("%d names in %d sets: an overlay has at most %d and %d; build the table anew", len(all), len(sets), MaxChanges, maxOverlaySets)
	}
	width := max(codeBits(len(sets)), uint32(unknown))
	slices.SortFunc(all, func(x, y change) int { return cmp.Compare(x.hash, y.hash) })
	b := make([]byte, 0, overlayHeader+8*len(all)+4*len(sets))
	b = append(b, overlayMagic...)
	b = binary.LittleEndian.AppendUint32(b, format)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(all)))
	b = append(b, base[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(sets)))
	b = binary.LittleEndian.AppendUint32(b, width)
	for i, c := range all {
		if i > 0 && c.hash>>width == all[i-1].hash>>width {
			return nil, errors.New("two names have the same hash under this table's key: build the table anew")
		}
		code := 0
		if !c.gone {
			code, _ = slices.BinarySearch(sets, c.set)
			code++
		}
		b = binary.LittleEndian.AppendUint64(b, c.hash>>width<<width|uint64(code))
	}
	for _, s := range sets {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return b, nil
}

// setsOf gives the sets of the names that changes add, sorted, each once.
func setsOf(all []change) []uint32 {
	var sets []uint32
	for _, c := range all {
		if !c.gone {
			sets = append(sets, c.set)
		}
	}
	slices.Sort(sets)
	return slices.Compact(sets)
}
