package ingest

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/types/known/durationpb"

	safelightv1 "safelight/proto/safelight/v1"
)

// Limits are what one device may have of the collector. An honest device that
// comes back after a holiday stays below them or is told to wait a little; what
// it holds back it sends later.
type Limits struct {
	Records     float64 // a second, on average
	RecordBurst float64
	Bytes       float64 // a second, on average
	ByteBurst   float64
	// Waiting is how many of its records may wait for the store at a time: what
	// another device's record may have to wait for.
	Waiting int
}

// DefaultLimits are many times what a busy device needs: a full spool of 64 MiB
// is through in minutes.
var DefaultLimits = Limits{Records: 2000, RecordBurst: 20_000, Bytes: 2 << 20, ByteBurst: 32 << 20, Waiting: heldRecords / 10}

// maxRest is how long a device over its limits is not even read.
const maxRest = time.Second

// allowances holds what each device has left.
type allowances struct {
	limits Limits
	mu     sync.Mutex // guards the map, and users of what is in it
	all    map[string]*allowance
}

// allowance is one device's, shared by its streams.
type allowance struct {
	waiting *semaphore.Weighted
	users   int // streams; guarded by allowances.mu

	mu      sync.Mutex // guards everything below
	limits  Limits
	records float64
	bytes   float64
	at      time.Time // by the monotonic clock: a wall clock that jumps changes nothing
}

// maxIdle is how many devices without a stream are remembered before those with
// nothing used up are forgotten.
const maxIdle = 1024

func (a *allowances) enter(device string) *allowance {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.all[device]
	if d == nil {
		if len(a.all) >= maxIdle {
			a.forget()
		}
		d = &allowance{
			limits: a.limits, records: a.limits.RecordBurst, bytes: a.limits.ByteBurst, at: time.Now(),
			waiting: semaphore.NewWeighted(int64(max(a.limits.Waiting, batchItems))),
		}
		a.all[device] = d
	}
	d.users++
	return d
}

func (a *allowances) leave(d *allowance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d.users--
}

// forget drops devices that are away and have nothing used up. It needs mu.
func (a *allowances) forget() {
	for device, d := range a.all {
		if d.users == 0 && d.whole() {
			delete(a.all, device)
		}
	}
}

func (d *allowance) whole() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refill()
	return d.records >= d.limits.RecordBurst && d.bytes >= d.limits.ByteBurst
}

func (d *allowance) refill() {
	now := time.Now()
	passed := now.Sub(d.at).Seconds()
	d.at = now
	d.records = min(d.limits.RecordBurst, d.records+passed*d.limits.Records)
	d.bytes = min(d.limits.ByteBurst, d.bytes+passed*d.limits.Bytes)
}

// take charges a batch, or says how long to wait before it is sent again. A
// batch goes through while one record's worth is left, so none is too large for
// ever.
func (d *allowance) take(records, bytes int) (wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refill()
	if d.records >= 1 && d.bytes >= 1 {
		d.records -= float64(records)
		d.bytes -= float64(bytes)
		return 0
	}
	seconds := max((1-d.records)/d.limits.Records, (1-d.bytes)/d.limits.Bytes)
	return time.Duration(seconds * float64(time.Second))
}

// postpone is the answer to a batch over its device's limits: RETRY for each
// record, and none looked at.
func postpone(b *safelightv1.EventBatch, wait time.Duration) *checked {
	c := &checked{number: b.GetNumber(), epoch: b.GetSpoolEpoch(), later: wait}
	for _, in := range b.GetItems() {
		c.items = append(c.items, item{lane: in.GetLane(), seq: in.GetSeq()})
	}
	for _, in := range b.GetTombstones() {
		c.tombstones = append(c.tombstones, tombstone{lane: in.GetLane(), from: in.GetFromSeq(), to: in.GetToSeq()})
	}
	return c
}

func (c *checked) ackLater(now time.Time) *safelightv1.BatchAck {
	ack := &safelightv1.BatchAck{Number: c.number, ServerTime: stamp(now)}
	for _, it := range c.items {
		ack.Items = append(ack.Items, &safelightv1.ItemAck{
			Lane: it.lane, Seq: it.seq, Status: safelightv1.AckStatus_ACK_STATUS_RETRY,
			Reason: "this device sends too much at a time", RetryAfter: durationpb.New(c.later),
		})
	}
	for _, t := range c.tombstones {
		ack.Tombstones = append(ack.Tombstones, &safelightv1.TombstoneAck{Lane: t.lane, FromSeq: t.from, Status: safelightv1.AckStatus_ACK_STATUS_RETRY})
	}
	return ack
}

// rest reads nothing for a while.
func rest(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(min(wait, maxRest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
