package server

import (
	"fmt"
	"io"
	"runtime/metrics"
)

// memoryClasses are what the process's memory holds, for whoever sizes a server:
// what is in use, what is garbage until the next collection, stacks of
// goroutines, what the runtime keeps for later, and its own. Each is the sum of
// runtime/metrics' figures, the last ones subtracted.
var memoryClasses = []struct {
	class     string
	plus, not []string
}{
	{"objects", []string{"/gc/heap/live:bytes"}, nil},
	{"garbage", []string{"/memory/classes/heap/objects:bytes"}, []string{"/gc/heap/live:bytes"}},
	{"stacks", []string{"/memory/classes/heap/stacks:bytes", "/memory/classes/os-stacks:bytes"}, nil},
	{"kept", []string{"/memory/classes/heap/free:bytes", "/memory/classes/heap/unused:bytes"}, nil},
	{"other", []string{
		"/memory/classes/metadata/mcache/free:bytes", "/memory/classes/metadata/mcache/inuse:bytes", "/memory/classes/metadata/mspan/free:bytes",
		"/memory/classes/metadata/mspan/inuse:bytes", "/memory/classes/metadata/other:bytes", "/memory/classes/profiling/buckets:bytes", "/memory/classes/other:bytes",
	}, nil},
}

// writeMemory writes the process's memory by class, and how many goroutines it has.
func writeMemory(w io.Writer) {
	const name = "safelight_memory_bytes"
	fmt.Fprintf(w, "# HELP %s Memory of the process, by what holds it.\n# TYPE %s gauge\n", name, name)
	for _, c := range memoryClasses {
		fmt.Fprintf(w, "%s{class=%q} %d\n", name, c.class, max(0, sumOf(c.plus)-sumOf(c.not)))
	}
	fmt.Fprintf(w, "# HELP safelight_goroutines Goroutines of the process.\n# TYPE safelight_goroutines gauge\nsafelight_goroutines %d\n", sumOf([]string{"/sched/goroutines:goroutines"}))
}

func sumOf(names []string) (sum int64) {
	samples := make([]metrics.Sample, len(names))
	for i, n := range names {
		samples[i].Name = n
	}
	if len(samples) > 0 { // none would panic
		metrics.Read(samples)
	}
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += int64(s.Value.Uint64())
		}
	}
	return sum
}
