package phrases

import (
	"slices"
	"testing"
)

func tableOf(t testing.TB, list ...Phrase) *Table {
	t.Helper()
	b, err := Build(list)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// texts numbers plain phrases from 0.
func texts(t testing.TB, list ...string) *Table {
	t.Helper()
	var ps []Phrase
	for i, text := range list {
		ps = append(ps, Phrase{Ref: uint32(i), Text: text})
	}
	return tableOf(t, ps...)
}

// refs gives what Search finds, in order and once each.
func refs(table *Table, text string) []uint32 {
	var out []uint32
	for _, h := range table.Search(new(Scratch), text) {
		out = append(out, h.Ref)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
