package flat

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

var magic = [8]byte{'f', 'l', 'a', 't', 't', 'e', 's', 't'}

func indexOf(t testing.TB, texts []string) (Index, Texts, []byte) {
	t.Helper()
	var w Writer
	var keys []Key
	for i, s := range texts {
		at, err := w.Put(s)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, Key{at, uint32(i)})
	}
	raw := MakeIndex(w.Texts(), keys)
	x, err := OpenIndex(raw, w.Texts(), len(texts))
	if err != nil {
		t.Fatal(err)
	}
	return x, w.Texts(), raw
}

func find(x Index, text string) (found []uint32) {
	Each(x, text, func(v uint32) bool { found = append(found, v); return true })
	return found
}

func TestEveryTextIsFoundAndNoOther(t *testing.T) {
	var texts []string
	for i := range 5000 {
		texts = append(texts, fmt.Sprintf("name-%d.example", i))
	}
	x, _, _ := indexOf(t, texts)
	for i, s := range texts {
		if got := find(x, s); !slices.Equal(got, []uint32{uint32(i)}) {
			t.Fatalf("%s stands for %v, want %d", s, got, i)
		}
		if got := find(x, "no"+s); got != nil {
			t.Fatalf("no%s stands for %v", s, got)
		}
	}
}

func TestATextThatStandsForSeveralGivesThemInOrder(t *testing.T) {
	x, _, _ := indexOf(t, []string{"a", "b", "a", "", "a"})
	if got := find(x, "a"); !slices.Equal(got, []uint32{0, 2, 4}) {
		t.Errorf("a stands for %v", got)
	}
	if got := find(x, ""); !slices.Equal(got, []uint32{3}) {
		t.Errorf("the empty text stands for %v", got)
	}
	if empty, _, _ := indexOf(t, nil); find(empty, "a") != nil || find(Index{}, "a") != nil {
		t.Error("an empty index finds something")
	}
}

func TestTextsThatAreEqualAreKeptOnce(t *testing.T) {
	_, texts, _ := indexOf(t, []string{"same", "same", "other"})
	if len(texts) != len("sameother") {
		t.Errorf("texts are %q", texts)
	}
}

func TestSectionsComeBackAsTheyWere(t *testing.T) {
	raw, err := Join(magic, []byte("one"), nil, []byte("three"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Split(magic, raw, 3)
	if err != nil || string(got[0]) != "one" || len(got[1]) != 0 || string(got[2]) != "three" {
		t.Errorf("%q, %v", got, err)
	}
	for name, bad := range map[string][]byte{
		"cut short":      raw[:len(raw)-1],
		"longer":         append(slices.Clone(raw), 0),
		"another magic":  append([]byte("x"), raw[1:]...),
		"no head":        raw[:5],
		"more sections":  binary.LittleEndian.AppendUint32(slices.Clone(raw[:8]), 4),
		"no section end": raw[:head+4],
	} {
		if _, err := Split(magic, bad, 3); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnIndexWithoutAnEmptySlotIsRefused(t *testing.T) {
	_, texts, raw := indexOf(t, []string{"a", "b", "c"})
	bad := slices.Clone(raw)
	for at := 8 + 3*entry; at < len(bad); at += 4 {
		binary.LittleEndian.PutUint32(bad[at:], 1) // a search would never end
	}
	if _, err := OpenIndex(bad, texts, 3); err == nil {
		t.Error("no error")
	}
	if _, err := OpenIndex(raw, texts, 2); err == nil {
		t.Error("a value of 2 below 2: no error")
	}
	if _, err := OpenIndex(raw, texts[:2], 3); err == nil {
		t.Error("a text outside: no error")
	}
}

func FuzzOpenIndex(f *testing.F) {
	_, texts, raw := indexOf(f, []string{"a", "bc", "def", "a"})
	f.Add([]byte(texts), raw, "a")
	f.Add([]byte(nil), []byte{0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "")
	f.Fuzz(func(t *testing.T, texts, raw []byte, text string) {
		x, err := OpenIndex(raw, texts, 4)
		if err != nil {
			return
		}
		Each(x, text, func(v uint32) bool {
			if v >= 4 {
				t.Errorf("value %d", v)
			}
			return true
		})
		x.All(func(k Key) bool {
			if !x.texts.Has(k.Text) {
				t.Errorf("%v of %d bytes", k, len(texts))
			}
			return true
		})
	})
}

func FuzzSplit(f *testing.F) {
	raw, err := Join(magic, []byte("one"), []byte("two"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		parts, err := Split(magic, raw, 2)
		if err != nil {
			return
		}
		again, err := Join(magic, parts...)
		if err != nil || !slices.Equal(again, raw) {
			t.Errorf("%x is joined as %x, %v", raw, again, err)
		}
	})
}
