package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"safelight/agent/pages"
	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/agent/source/fold"
	"safelight/agent/source/hostname"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// counter is a spool that counts and keeps nothing.
type counter struct{ records, bytes atomic.Uint64 }

func (c *counter) Append(records []spool.Record, _ map[string][]byte) error {
	c.records.Add(uint64(len(records)))
	for _, r := range records {
		c.bytes.Add(uint64(len(r.Data)))
	}
	return nil
}

// traffic makes observations as a school's devices do: few names often, many
// names seldom, now and then one that a rule flags.
type traffic struct {
	r     *rand.Rand
	zipf  *rand.Zipf
	names []string
	fresh int
}

func newTraffic() *traffic {
	r := rand.New(rand.NewPCG(4, 13))
	t := &traffic{r: r, zipf: rand.NewZipf(r, 1.1, 20, 199_999)}
	for i := range 200_000 {
		t.names = append(t.names, fmt.Sprintf("www%d.site%d.example", i%7, i))
	}
	return t
}

func (t *traffic) next(at time.Time) event.Observation {
	uid := uint32(1000 + t.r.IntN(30))
	o := event.Observation{
		Time: at, Kind: event.Domain, Via: event.ViaTLS, UID: &uid, Process: "chrome", User: fmt.Sprint("pupil", uid),
		Server: "198.51.100.4:443", Name: t.names[t.zipf.Uint64()],
	}
	switch n := t.r.IntN(1000); {
	case n == 0:
		o.Name = "www.bet365.com"
	case n < 3:
		o.Name = "update.googleapis.com"
	case n < 50: // never seen before, as adverts' names are
		t.fresh++
		o.Name = fmt.Sprintf("n%d.fresh.example", t.fresh)
	case n < 350:
		o.Via = event.ViaDNS
	case n < 400:
		o.Via, o.Client, o.UID, o.Process = event.ViaLog, fmt.Sprintf("192.0.2.%d", t.r.IntN(250)), nil, ""
	case n < 420:
		o.Kind, o.Via, o.Name, o.Exe = event.Process, event.ViaExec, fmt.Sprint("program", n), fmt.Sprint("/usr/bin/program", n)
	}
	return o
}

// Bar 4.13: 10 million observations through fold, the rules that ship and the
// pipeline leave memory as it was. `make test` runs a fiftieth of them.
func TestMemoryStaysFlatOverMillionsOfObservations(t *testing.T) {
	observations := 200_000
	if os.Getenv("SAFELIGHT_ACCEPTANCE") != "" {
		observations = 10_000_000
	}
	files, err := packdir.Shipped()
	must(t, err)
	set, err := rules.Compile(files)
	must(t, err)
	spooled := &counter{}
	mono := atomic.Int64{}
	p := pipeline.New(pipeline.Parts{
		Policy: func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 1, 1) },
		Roles:  roles{}, Spool: spooled, Pages: pages.New(hostname.Site),
		Clock: func() (time.Time, string, time.Duration) { return noon, "boot", time.Duration(mono.Load()) },
		Log:   slog.New(slog.DiscardHandler),
	})
	p.PolicyArrived()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()

	sink, made, folder := p.Sink("network"), newTraffic(), fold.New(fold.Config{})
	emit := func(o event.Observation) { must(t, sink.Put(t.Context(), source.Observed{Observation: o})) }
	var early, late uint64
	now := noon
	for i := range observations {
		now = now.Add(2 * time.Millisecond)
		mono.Store(int64(now.Sub(noon)))
		folder.Add(made.next(now), now, emit)
		if i == observations/5 {
			early = heap()
		}
	}
	late = heap()
	folder.Flush(now, emit)
	cancel()
	must(t, <-done)
	runtime.KeepAlive(made)

	c := p.Counts()
	t.Logf("%d observations, %d judged, %d events of %d bytes; heap %.1f MB after a fifth, %.1f MB at the end",
		observations, c.Judged, spooled.records.Load(), spooled.bytes.Load(), mb(early), mb(late))
	if c.Judged == 0 || c.Flagged == 0 || c.Noise == 0 || spooled.records.Load() != c.Flagged {
		t.Errorf("%+v, %d spooled: the way through is not whole", c, spooled.records.Load())
	}
	if limit := early + early/10 + 2<<20; late > limit {
		t.Errorf("heap grew from %.1f to %.1f MB, want at most %.1f", mb(early), mb(late), mb(limit))
	}
}

// heap is what is reachable.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one's finalizers and pools let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mb(b uint64) float64 { return float64(b) / (1 << 20) }
