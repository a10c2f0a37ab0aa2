package lists

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// writeNames writes a file of so many names, drawn to look like a real list's.
func writeNames(b *testing.B, path string, n int) {
	b.Helper()
	f, err := os.Create(path)
	must(b, err)
	out := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(1, 2))
	ends := []string{"com", "net", "org", "co.uk", "info", "xyz", "de", "fr", "ru", "tv"}
	for i := range n {
		name := strconv.FormatUint(r.Uint64()%1e13, 36) + strconv.Itoa(i%97)
		if i%5 == 0 {
			name = "www." + name
		}
		fmt.Fprintf(out, "%s.%s\n", name, ends[r.IntN(len(ends))])
	}
	must(b, out.Flush())
	must(b, f.Close())
}

// BenchmarkImport imports a list of the size of the largest known; run it with
// -benchtime 1x.
func BenchmarkImport(b *testing.B) {
	const names = 4_600_000
	path := filepath.Join(b.TempDir(), "names.txt")
	writeNames(b, path, names)
	for b.Loop() {
		d := openDesk(b, domainsFrom("large", "https://lists.example/large"))
		f, err := os.Open(path)
		must(b, err)
		info, err := f.Stat()
		must(b, err)
		var peak uint64
		began := time.Now()
		r, err := d.Import(b.Context(), "large", "names.txt", info.Size(), f, func(Step) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapSys-m.HeapReleased)
		})
		must(b, err)
		b.ReportMetric(time.Since(began).Seconds(), "s")
		b.ReportMetric(float64(peak)/(1<<20), "MB-heap")
		b.ReportMetric(float64(r.Names), "names")
		began = time.Now()
		for i := range 1000 {
			_, _, err := d.Contains(b.Context(), "large", r.Version, "a.b.site"+strconv.Itoa(i)+".com")
			must(b, err)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "us/Contains")
		must(b, f.Close())
		size, err := os.Stat(filepath.Join(d.storePath()))
		must(b, err)
		b.ReportMetric(float64(size.Size())/float64(r.Names), "B/name")
	}
}
