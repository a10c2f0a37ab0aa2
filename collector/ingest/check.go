package ingest

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"safelight/collector/model"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// batchItems is how many records and tombstones a batch may carry.
	batchItems = 1000
	// recordBytes is how large a record may be: many times the largest honest
	// one.
	recordBytes = 64 << 10
	// epochBytes is how long a spool's epoch may be.
	epochBytes = 64
	// retryAfter is when a device should try again what could not be stored.
	retryAfter = 2 * time.Second
)

// refusal says why a record will never be stored, and which field is at fault.
type refusal struct {
	reason, field string
}

func refuse(field, format string, args ...any) *refusal {
	return &refusal{reason: fmt.Sprintf(format, args...), field: field}
}

// checked is a batch as it will be stored, and what to answer for each record.
type checked struct {
	number     uint64
	epoch      []byte
	later      time.Duration // over its device's limits: to be sent again then
	items      []item
	tombstones []tombstone
	batch      model.Batch
}

// item is a record's place in the batch to store: its number among the events,
// health events or checks, or why it is in none.
type item struct {
	lane    safelightv1.Severity
	seq     uint64
	refused *refusal
	health  bool
	check   bool
	index   int
}

type tombstone struct {
	lane    safelightv1.Severity
	from    uint64
	to      uint64
	refused bool
	index   int
}

// check looks at a batch as a whole, and then at each record for itself.
func (s *Server) check(who caller, b *safelightv1.EventBatch) (*checked, error) {
	if err := s.checkFrame(b); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "batch %d: %v", b.GetNumber(), err)
	}
	if who.share != nil {
		if wait := who.share.take(len(b.GetItems())+len(b.GetTombstones()), proto.Size(b)); wait > 0 {
			return postpone(b, wait), nil
		}
	}
	r := reader{server: s, who: who, epoch: b.GetSpoolEpoch(), sent: b.GetSent(), received: s.now(), items: len(b.GetItems())}
	c := &checked{number: b.GetNumber(), epoch: b.GetSpoolEpoch(), items: make([]item, 0, len(b.GetItems()))}
	for _, in := range b.GetItems() {
		it := item{lane: in.GetLane(), seq: in.GetSeq()}
		it.refused = r.read(in, &it, &c.batch)
		c.items = append(c.items, it)
	}
	s.ready(who.school, c.batch.Events)
	for _, in := range b.GetTombstones() {
		t := tombstone{lane: in.GetLane(), from: in.GetFromSeq(), to: in.GetToSeq()}
		t.refused = !r.readTombstone(in, &t, &c.batch)
		c.tombstones = append(c.tombstones, t)
	}
	return c, nil
}

// checkFrame finds what breaks the protocol, so that no record can be answered
// for itself.
func (s *Server) checkFrame(b *safelightv1.EventBatch) error {
	n := len(b.GetItems()) + len(b.GetTombstones())
	switch {
	case n == 0:
		return nil
	case n > batchItems:
		return fmt.Errorf("%d records and tombstones: want at most %d in a batch", n, batchItems)
	case len(b.GetSpoolEpoch()) == 0 || len(b.GetSpoolEpoch()) > epochBytes:
		return fmt.Errorf("spool_epoch has %d bytes: want 1 to %d", len(b.GetSpoolEpoch()), epochBytes)
	case b.GetSent() == nil:
		return fmt.Errorf("sent is missing: want the device's clocks at the moment of sending")
	}
	if !fineClock(b.GetSent()) {
		if err := s.validator.Validate(b.GetSent()); err != nil {
			return fmt.Errorf("sent: %w", err)
		}
	}
	if err := b.GetSent().GetWall().CheckValid(); err != nil {
		return fmt.Errorf("sent.wall: %w", err)
	}
	return nil
}

// reader turns one batch's records into what is stored.
type reader struct {
	server   *Server
	who      caller
	epoch    []byte
	sent     *safelightv1.Clock
	received time.Time
	items    int // of the batch
	quick    quick
}

func (r *reader) read(in *safelightv1.Item, it *item, to *model.Batch) *refusal {
	lane, ok := severities[in.GetLane()]
	switch {
	case !ok:
		return refuse("lane", "want a lane from 1 to 4")
	case in.GetSeq() > math.MaxInt64:
		return refuse("seq", "want at most %d", uint64(math.MaxInt64))
	case len(in.GetRecord()) > recordBytes:
		return refuse("record", "%d bytes: want at most %d", len(in.GetRecord()), recordBytes)
	}
	place := model.Place{SpoolEpoch: r.epoch, Lane: lane, Seq: in.GetSeq()}
	if e, ok := r.quick.event(in.GetRecord()); ok {
		return r.readEvent(e, in.GetRecord(), place, it, to)
	}
	var record safelightv1.Record
	if err := proto.Unmarshal(in.GetRecord(), &record); err != nil {
		return refuse("record", "malformed: these bytes are not a record")
	}
	switch kind := record.GetKind().(type) {
	case *safelightv1.Record_Event:
		return r.readEvent(kind.Event, in.GetRecord(), place, it, to)
	case *safelightv1.Record_Health:
		h, refused := r.health(kind.Health, place)
		if refused != nil {
			return refused
		}
		digest := sha256.Sum256(in.GetRecord())
		h.Digest = digest[:]
		it.health, it.index = true, len(to.Health)
		to.Health = append(to.Health, h)
	case *safelightv1.Record_Check:
		return r.readCheck(kind.Check, in.GetRecord(), place, it, to)
	default:
		return refuse("kind", "unsupported")
	}
	return nil
}

func (r *reader) readEvent(in *safelightv1.Event, record []byte, place model.Place, it *item, to *model.Batch) *refusal {
	if to.Events == nil {
		to.Events = make([]model.Event, 0, r.items)
	}
	it.index = len(to.Events)
	to.Events = append(to.Events, model.Event{})
	e := &to.Events[it.index]
	if refused := r.event(in, place, e); refused != nil {
		to.Events = to.Events[:it.index]
		return refused
	}
	digest := sha256.Sum256(record)
	e.Digest = digest[:]
	return nil
}

func (r *reader) readTombstone(in *safelightv1.Tombstone, t *tombstone, to *model.Batch) bool {
	if r.server.validator.Validate(in) != nil || in.GetFromSeq() > in.GetToSeq() || in.GetToSeq() > math.MaxInt64 || hasNUL(in.GetReason()) {
		return false
	}
	t.index = len(to.Gaps)
	to.Gaps = append(to.Gaps, model.Gap{
		School: r.who.school, Device: r.who.device, To: in.GetToSeq(), Reason: in.GetReason(), Received: r.received,
		Place: model.Place{SpoolEpoch: r.epoch, Lane: severities[in.GetLane()], Seq: in.GetFromSeq()},
	})
	return true
}

// severities are also the lanes.
var severities = map[safelightv1.Severity]event.Severity{
	safelightv1.Severity_SEVERITY_LOW:    event.Low,
	safelightv1.Severity_SEVERITY_MEDIUM: event.Medium,
	safelightv1.Severity_SEVERITY_HIGH:   event.High,
	safelightv1.Severity_SEVERITY_URGENT: event.Urgent,
}

// ack says what became of each record of a batch.
func (c *checked) ack(o outcome, now time.Time) *safelightv1.BatchAck {
	if c.later > 0 {
		return c.ackLater(now)
	}
	ack := &safelightv1.BatchAck{Number: c.number, ServerTime: stamp(now)}
	answers := make([]safelightv1.ItemAck, len(c.items)) // all at once: there are as many as records
	ack.Items = make([]*safelightv1.ItemAck, len(c.items))
	for i, it := range c.items {
		it.ack(o, &answers[i])
		ack.Items[i] = &answers[i]
	}
	for _, t := range c.tombstones {
		answer := &safelightv1.TombstoneAck{Lane: t.lane, FromSeq: t.from, Status: safelightv1.AckStatus_ACK_STATUS_REJECTED}
		switch {
		case t.refused:
		case o.err != nil:
			answer.Status = safelightv1.AckStatus_ACK_STATUS_RETRY
		default:
			answer.Status = statuses[o.appended.Gaps[t.index]]
		}
		ack.Tombstones = append(ack.Tombstones, answer)
	}
	return ack
}

var statuses = map[model.Stored]safelightv1.AckStatus{
	model.StoredNew:       safelightv1.AckStatus_ACK_STATUS_STORED,
	model.StoredDuplicate: safelightv1.AckStatus_ACK_STATUS_DUPLICATE,
	model.StoredConflict:  safelightv1.AckStatus_ACK_STATUS_REJECTED,
}

func (it item) ack(o outcome, answer *safelightv1.ItemAck) {
	answer.Lane, answer.Seq = it.lane, it.seq
	switch {
	case it.refused != nil:
		answer.Status = safelightv1.AckStatus_ACK_STATUS_REJECTED
		answer.Reason, answer.Field = it.refused.reason, it.refused.field
		return
	case o.err != nil:
		answer.Status = safelightv1.AckStatus_ACK_STATUS_RETRY
		answer.Reason, answer.RetryAfter = "not stored now", durationpb.New(retryAfter)
		return
	}
	stored := o.appended.Events
	switch {
	case it.health:
		stored = o.appended.Health
	case it.check:
		stored = o.appended.Checks
	}
	answer.Status = statuses[stored[it.index]]
	if stored[it.index] == model.StoredConflict {
		answer.Reason, answer.Field = "another record with this id is stored", "id"
	}
}
