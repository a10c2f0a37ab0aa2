package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/collector/store"
	safelightv1 "safelight/proto/safelight/v1"
)

// BenchmarkAppendRecords has 200 devices, each delivering one event at a time
// and waiting until it is on disk, through the group committer.
func BenchmarkAppendRecords(b *testing.B) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "safelight.db"))
	must(b, err)
	defer db.Close()
	must(b, db.EnsureSchool(b.Context(), model.School{ID: school, Created: noon}))
	server, err := New(Options{Store: db, DeviceFrom: deviceFrom, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { server.Run(ctx) })
	defer running.Wait()
	defer cancel()
	var next atomic.Int64
	var devices sync.WaitGroup
	b.ResetTimer()
	for d := range 200 {
		devices.Go(func() {
			who := caller{device: fmt.Sprintf("device-%03d", d), school: school}
			inbox := make(chan *submission, 1)
			for {
				n := int(next.Add(1))
				if n > b.N {
					return
				}
				e := eventOf(n)
				e.Owner.Account = who.device
				c, err := server.check(who, batchOf(itemOf(b, uint64(n), &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: e}})))
				if err != nil {
					b.Error(err)
					return
				}
				server.submit(ctx, &submission{school: school, checked: c, done: inbox})
				o := (<-inbox).outcome
				if o.err != nil || o.appended.Events[0] != model.StoredNew {
					b.Errorf("outcome = %+v", o)
					return
				}
			}
		})
	}
	devices.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkCheckEvent(b *testing.B) {
	server, err := New(Options{Now: time.Now})
	must(b, err)
	batch := batchOf(eventItem(b, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.check(caller{device: "dev-1", school: school}, batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalRecord(b *testing.B) {
	item := eventItem(b, 1)
	for b.Loop() {
		var record safelightv1.Record
		if err := proto.Unmarshal(item.Record, &record); err != nil {
			b.Fatal(err)
		}
	}
}
