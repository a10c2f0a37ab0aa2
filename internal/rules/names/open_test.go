package names

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

func tableBytes(t testing.TB, n, sets int) []byte {
	t.Helper()
	b, err := Build(madeUp(0, n, sets), n, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenRefusesWhatIsCutShortOrLonger(t *testing.T) {
	b := tableBytes(t, 1000, 300)
	for n := range b {
		if _, err := Open(b[:n]); err == nil {
			t.Fatalf("opened %d of %d bytes", n, len(b))
		}
	}
	if _, err := Open(append(slices.Clone(b), 0)); err == nil {
		t.Error("opened with a byte more")
	}
}

func TestOpenRefusesAHeaderThatLies(t *testing.T) {
	good := tableBytes(t, 1000, 300)
	for what, one := range map[string]struct {
		change func(b []byte)
		want   string
	}{
		"another file":     {func(b []byte) { b[0] = 'X' }, "no table of names"},
		"a later format":   {func(b []byte) { b[8] = 2 }, "its format is 2 and this program reads 1"},
		"no names":         {func(b []byte) { clear(b[48:56]) }, "contradicts itself"},
		"too many names":   {func(b []byte) { b[54] = 1 }, "contradicts itself"},
		"many names":       {func(b []byte) { b[50] = 1 }, "contradicts itself"},
		"many sets":        {func(b []byte) { b[15] = 1 }, "contradicts itself"},
		"fewer sets":       {func(b []byte) { b[12] = 1 }, "contradicts itself"},
		"a huge segment":   {func(b []byte) { b[80] = 40 }, "contradicts itself"},
		"a segment more":   {func(b []byte) { b[84]++ }, "contradicts itself"},
		"all the segments": {func(b []byte) { binary.LittleEndian.PutUint32(b[84:], 1<<32-1) }, "contradicts itself"},
		"rare segments":    {func(b []byte) { b[100]++ }, "contradicts itself"},
	} {
		b := slices.Clone(good)
		one.change(b)
		if _, err := Open(b); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestBytesMayLieAnywhere: a table within a larger file, at an odd address.
func TestBytesMayLieAnywhere(t *testing.T) {
	b := tableBytes(t, 1000, 300)
	table, err := Open(append([]byte{0}, b...)[1:])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if got := found(table, madeUpName(i)); len(got) != 1 || got[0].Set != uint32(i%300) {
			t.Fatalf("name %d gives %v", i, got)
		}
	}
}

// FuzzOpen: whatever the bytes, Open refuses them or Each stays within them. The
// slice has no room behind its end, so that a read beyond it panics.
func FuzzOpen(f *testing.F) {
	for _, n := range []int{0, 1, 2, 50} {
		f.Add(tableBytes(f, n, 300), "www.example.com")
	}
	f.Add(tableBytes(f, 280, 280), madeUpName(7))
	f.Fuzz(func(t *testing.T, b []byte, host string) {
		table, err := Open(slices.Clip(b))
		if err != nil {
			return
		}
		last := len(host)
		table.Each(host, func(start int, _ uint32) bool {
			if start < 0 || start >= last && start > 0 || !strings.Contains(host[start:], ".") && host != "" {
				t.Fatalf("%q: a name at %d", host, start)
			}
			return true
		})
		for i := range 50 {
			found(table, madeUpName(i))
		}
	})
}

// FuzzOpenOverlay: whatever the bytes, OpenOverlay refuses them, or they can be
// laid over their table and merged.
func FuzzOpenOverlay(f *testing.F) {
	base := built(f, madeUp(0, 50, 9), 50)
	for _, sets := range []int{3, 260} {
		b, err := BuildOverlay(base, slices.Collect(madeUp(50, sets, sets)), []string{madeUpName(3)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := OpenOverlay(slices.Clip(b))
		if err != nil {
			return
		}
		if _, err := MergeOverlays(o, o); err != nil {
			t.Fatal(err)
		}
		if o.Base() != base.ID() {
			return
		}
		table, err := base.With(o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			found(table, madeUpName(i))
		}
	})
}
