package names

import (
	"fmt"
	"iter"
	"testing"
)

var testKey = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// madeUp are n names that differ, from the from-th on; the set is from's rest by
// sets.
func madeUp(from, n, sets int) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := from; i < from+n; i++ {
			if !yield(Entry{madeUpName(i), uint32(i % sets)}) {
				return
			}
		}
	}
}

func madeUpName(i int) string {
	return fmt.Sprintf("%x.%s-%x.%s", i%17, [...]string{"shop", "casino", "chess", "old-mill"}[i%4], i, [...]string{"example", "co.example", "test"}[i%3])
}

func listed(es ...Entry) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, e := range es {
			if !yield(e) {
				return
			}
		}
	}
}

func built(t testing.TB, entries iter.Seq[Entry], n int) *Table {
	t.Helper()
	b, err := Build(entries, n, testKey)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// found is what Each gives for a host: each name found with its set.
func found(t *Table, host string) (all []Entry) {
	t.Each(host, func(start int, set uint32) bool {
		all = append(all, Entry{host[start:], set})
		return true
	})
	return all
}
