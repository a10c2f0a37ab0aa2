package phrases

import "testing"

const query = "how to revise for gcse maths fast"

func BenchmarkFold(b *testing.B) {
	s := new(Scratch)
	for b.Loop() {
		s.Fold(query)
	}
}

func BenchmarkSearch(b *testing.B) {
	table := texts(b, "revise for it", "how to kill", "gcse maths answers", "self harm")
	s := new(Scratch)
	for b.Loop() {
		table.Search(s, query)
	}
}
