package ingest

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	safelightv1 "safelight/proto/safelight/v1"
)

// FuzzShip sends whatever bytes parse as a batch through a real stream into a
// real store: it is answered record by record or refused, and the next device's
// batch is stored all the same.
func FuzzShip(f *testing.F) {
	h := openHouse(f, nil)
	whole := batchOf(eventItem(f, 1), itemOf(f, 2, &safelightv1.Record{Kind: &safelightv1.Record_Health{Health: &safelightv1.Health{Id: make([]byte, 16), Observed: seenAt(0), Topic: "t"}}}))
	whole.Tombstones = []*safelightv1.Tombstone{{Lane: 1, FromSeq: 1, ToSeq: 2, Reason: "full"}}
	seed, err := proto.Marshal(whole)
	must(f, err)
	f.Add(seed)
	f.Add([]byte{})
	next := 10
	f.Fuzz(func(t *testing.T, data []byte) {
		h.t = t
		var b safelightv1.EventBatch
		if proto.Unmarshal(data, &b) != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		stream := h.shipAs(ctx, "hostile")
		must(t, stream.Send(&b))
		if ack, err := stream.Recv(); err == nil && len(ack.GetItems()) != len(b.GetItems()) {
			t.Errorf("%d records answered of %d", len(ack.GetItems()), len(b.GetItems()))
		} else if ctx.Err() != nil {
			t.Fatal("no answer")
		}
		next++
		honest := h.shipAs(ctx, "honest")
		ack := h.deliver(honest, batchOf(eventItem(t, next)))
		if s := ack.GetItems()[0].GetStatus(); s != safelightv1.AckStatus_ACK_STATUS_STORED {
			t.Fatalf("an honest device is answered %v", s)
		}
	})
}
