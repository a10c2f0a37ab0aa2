package phrases

import (
	"slices"
	"testing"
)

func tableOf(t testing.TB, list ...Phrase) *Table {
	t.Helper()
	return speltTable(t, list)
}

// speltTable makes a table with other spellings.
func speltTable(t testing.TB, list []Phrase, spellings ...Spelling) *Table {
	t.Helper()
	b, err := Build(list, spellings...)
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

// apart makes elements of one text each.
func apart(texts ...string) (all [][]string) {
	for _, text := range texts {
		all = append(all, []string{text})
	}
	return all
}
