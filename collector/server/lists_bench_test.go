//go:build unix

package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/packdir"
)

// writeNames writes a file of so many names, drawn to look like a real list's.
func writeNames(b *testing.B, path string, n int) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
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
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
}

// cpuTime is what this process has used, in user and system mode.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memoryPeak samples what the process holds until stop is called, which gives the
// most there was, in bytes of the heap's own.
func memoryPeak() (stop func() uint64) {
	var wg sync.WaitGroup
	var peak uint64
	ended := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.Sys-m.HeapReleased)
			}
		}
	})
	return func() uint64 { close(ended); wg.Wait(); return peak }
}

// BenchmarkALargeListBecomesRules imports a list of the size of the largest known
// and makes rules of it, as `serve` does; run it with -benchtime 1x.
func BenchmarkALargeListBecomesRules(b *testing.B) {
	const count = 4_600_000
	path := filepath.Join(b.TempDir(), "names.txt")
	writeNames(b, path, count)
	runtime.GC()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		ctx := context.WithoutCancel(b.Context())
		dir := filepath.Join(b.TempDir(), "school")
		must(Init(ctx, dir))
		conf, err := ReadConfig(dir)
		must(err)
		s, err := openState(ctx, dir, conf, time.Now)
		must(err)
		p, err := build(ctx, conf, s, Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		must(err)
		files, err := packdir.Shipped()
		must(err)
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return strings.HasPrefix(name, "starter/") })
		files["our-school/pack.yaml"] = []byte("pack: our-school\ntitle: Our school\nversion: 1\n")
		files["our-school/shops.yaml"] = fmt.Appendf(nil, shops, "https://lists.example/large")
		_, err = p.policy.Publish(ctx, files, "u1", "a test")
		must(err)
		f, err := os.Open(path)
		must(err)
		info, err := f.Stat()
		must(err)

		stop, began, cpu := memoryPeak(), time.Now(), cpuTime(b)
		r, err := p.lists.Import(ctx, "invented-shops", "names.txt", info.Size(), bufio.NewReader(f), func(model.ListStep) {})
		must(err)
		b.ReportMetric(time.Since(began).Seconds(), "s-import")
		b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s-import")
		began, cpu = time.Now(), cpuTime(b)
		must(p.lists.Publish(ctx))
		b.ReportMetric(time.Since(began).Seconds(), "s-publish")
		b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s-publish")
		b.ReportMetric(float64(stop())/(1<<20), "MB-peak")
		b.ReportMetric(float64(r.Names), "names")
		must(f.Close())
		must(s.close())
	}
}
