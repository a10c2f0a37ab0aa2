package lists

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestMoreNamesThanMemoryHoldsAreSortedAndTheirFilesRemoved(t *testing.T) {
	for _, n := range []int{0, 1, 5, 5000} {
		dir := t.TempDir()
		s := newSorter(dir)
		s.limit = 1000
		var want []string
		r := rand.New(rand.NewPCG(1, uint64(n)))
		for range n {
			key := strings.Repeat("x", r.IntN(40)) + fmt.Sprint(r.IntN(n)) // some twice
			want = append(want, key)
			must(t, s.add([]byte(key)))
		}
		slices.Sort(want)
		var got []string
		must(t, s.merge(func(key []byte) error { got = append(got, string(key)); return nil }))
		if !slices.Equal(got, want) {
			t.Errorf("%d keys: came back otherwise", n)
		}
		must(t, s.close())
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestChunksGiveBackWhatWasPacked(t *testing.T) {
	var keys []string
	for i := range 3*chunkNames + 7 {
		keys = append(keys, fmt.Sprintf("example.site%06d", i))
	}
	var firsts []string
	var chunks [][]byte
	p := newPacker(func(first, data []byte) error {
		firsts, chunks = append(firsts, string(first)), append(chunks, bytes.Clone(data))
		return nil
	})
	for _, k := range keys {
		must(t, p.add([]byte(k)))
	}
	must(t, p.flush())
	if len(chunks) != 4 || firsts[1] != keys[chunkNames] {
		t.Fatalf("%d chunks, the second from %q on", len(chunks), firsts[1])
	}
	var got []string
	for _, c := range chunks {
		must(t, eachKey(c, func(key []byte) bool { got = append(got, string(key)); return true }))
	}
	if !slices.Equal(got, keys) {
		t.Error("keys came back otherwise")
	}
	found, err := find(chunks[0], [][]byte{[]byte(keys[5] + ".www"), []byte(keys[5]), []byte("example")})
	if err != nil || string(found) != keys[5] {
		t.Errorf("found %q, %v", found, err)
	}
	if err := eachKey(chunks[0][:len(chunks[0])/2], func([]byte) bool { return true }); err == nil {
		t.Error("half a chunk was read without complaint")
	}
}

func TestAKeyTurnedRoundIsItsName(t *testing.T) {
	for name, key := range map[string]string{"www.example.org": "org.example.www", "example.org": "org.example", "a": "a", "": "", ".": ".", "a..b": "b..a"} {
		if got := string(keyOf(name)); got != key || nameOf(keyOf(name)) != name {
			t.Errorf("%q: key %q, and back %q", name, got, nameOf(keyOf(name)))
		}
	}
}
