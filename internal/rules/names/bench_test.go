package names

import "testing"

func BenchmarkEach(b *testing.B) {
	const n = 1_000_000
	table := built(b, madeUp(0, n, 60), n)
	b.Run("hit", func(b *testing.B) { benchEach(b, table, 0) })
	b.Run("miss", func(b *testing.B) { benchEach(b, table, n) })
}

func benchEach(b *testing.B, table *Table, from int) {
	hosts := make([]string, 100_000)
	for i := range hosts {
		hosts[i] = "www." + madeUpName(from+i*7919%1_000_000)
	}
	b.ReportAllocs()
	found := 0
	for i := 0; b.Loop(); i++ {
		table.Each(hosts[i%len(hosts)], func(int, uint32) bool { found++; return true })
	}
	b.ReportMetric(float64(found)/float64(b.N), "found/op")
}
