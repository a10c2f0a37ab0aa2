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
	first uint64 // without its low byte
	gone  bool
	set   uint32
	order int // of several for one name the greatest counts
}

// BuildOverlay makes the overlay that turns the names of base into those with
// adds (or, for names that base has, with another set) and without removes. It
// is 8 bytes a name, with 4 for each different set. What overlays base has is no
// matter: give all that has changed since base was built, or merge with
// MergeOverlays. A name may come once.
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
		first, _ := base.sip.hash(name)
		all = append(all, change{first: first &^ 0xff, gone: gone, set: set})
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
	slices.SortFunc(all, func(x, y change) int { return cmp.Compare(x.first, y.first) })
	for i := 1; i < len(all); i++ {
		if all[i].first == all[i-1].first {
			return nil, errors.New("two names have the same hash under this table's key: build the table anew")
		}
	}
	return encode(base.id, all)
}

// MergeOverlays makes one overlay of several for the same table, the oldest
// first; of several that change a name the last counts.
func MergeOverlays(overlays ...*Overlay) ([]byte, error) {
	if len(overlays) == 0 {
		return nil, errors.New("merging overlays of names: there are none")
	}
	var all []change
	for i, o := range overlays {
		if o.base != overlays[0].base {
			return nil, fmt.Errorf("merging overlays of names: they are for tables %x and %x", overlays[0].base, o.base)
		}
		for j := range o.Len() {
			c := change{first: o.change(j) &^ 0xff, gone: o.change(j)&0xff == 0, order: i}
			if !c.gone {
				c.set = o.set(j)
			}
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(x, y change) int {
		return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(y.order, x.order))
	})
	all = slices.CompactFunc(all, func(x, y change) bool { return x.first == y.first })
	b, err := encode(overlays[0].base, all)
	if err != nil {
		return nil, fmt.Errorf("merging overlays of names: %w", err)
	}
	return b, nil
}

// encode writes changes, which are sorted and distinct.
func encode(base [16]byte, all []change) ([]byte, error) {
	if len(all) > MaxChanges {
		return nil, fmt.Errorf("%d names: an overlay has at most %d; build the table anew", len(all), MaxChanges)
	}
	var sets []uint32
	for _, c := range all {
		if !c.gone {
			sets = append(sets, c.set)
		}
	}
	slices.Sort(sets)
	sets = slices.Compact(sets)
	each := uint32(0)
	if len(sets) > 255 {
		each, sets = 1, make([]uint32, 0, len(all))
	}
	b := make([]byte, 0, overlayHeader+8*len(all)+4*len(sets))
	b = append(b, overlayMagic...)
	b = binary.LittleEndian.AppendUint32(b, format)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(all)))
	b = append(b, base[:]...)
	count := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(sets)))
	b = binary.LittleEndian.AppendUint32(b, each)
	for _, c := range all {
		code := uint64(0)
		if each == 1 {
			sets = append(sets, c.set)
		}
		if !c.gone {
			code = 1
			if each == 0 {
				at, _ := slices.BinarySearch(sets, c.set)
				code += uint64(at)
			}
		}
		b = binary.LittleEndian.AppendUint64(b, c.first|code)
	}
	binary.LittleEndian.PutUint32(b[count:], uint32(len(sets)))
	for _, s := range sets {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return b, nil
}
