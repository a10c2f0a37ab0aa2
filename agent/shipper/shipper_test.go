package shipper

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"safelight/agent/spool"
	pb "safelight/proto/safelight/v1"
)

func TestHighestLaneGoesFirstAndAcksEmptyTheSpool(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 2)
	add(t, sp, 4, 1)
	add(t, sp, 3, 1)
	batches := make(chan *pb.EventBatch, 10)
	s := run(t, sp, client(t, storing(batches, nil)))
	b := next(t, batches)
	want(t, "places", places(b), "[4:1 3:1 1:1 1:2]")
	want(t, "hello", b.GetHello().GetVersion(), "1.2.3")
	want(t, "protocol", b.GetHello().GetProtocol(), Protocol)
	epoch := sp.Epoch()
	want(t, "epoch", b.GetSpoolEpoch(), epoch[:])
	if b.GetSent().GetWall() == nil || b.GetSent().GetBootId() == "" {
		t.Errorf("batch carries no clocks: %v", b.GetSent())
	}
	until(t, "all is acked", func() bool { return depth(sp) == 0 })
	until(t, "status says so", func() bool {
		st := s.Status()
		return st.State == Connected && st.Acked == 4 && st.Sent == 4 && !st.LastAck.IsZero()
	})

	add(t, sp, 2, 1)
	b = next(t, batches)
	want(t, "second batch", places(b), "[2:1]")
	if b.GetHello() != nil {
		t.Error("a second message carries a Hello")
	}
}

func TestBatchesAreBounded(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 300)
	for range 10 {
		if err := sp.Append([]spool.Record{{Lane: 2, Data: make([]byte, spool.MaxRecordBytes)}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	batches := make(chan *pb.EventBatch, 10)
	run(t, sp, client(t, storing(batches, nil)))
	records := 0
	for records < 310 {
		b := next(t, batches)
		size := 0
		for _, it := range b.GetItems() {
			size += len(it.GetRecord())
		}
		records += len(b.GetItems())
		if len(b.GetItems()) > maxBatchRecords || size > maxBatchBytes {
			t.Errorf("batch of %d records, %d bytes", len(b.GetItems()), size)
		}
	}
	until(t, "all is acked", func() bool { return depth(sp) == 0 })
}

func TestRetryIsSentAgainAndBlocksNobody(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 3)
	batches := make(chan *pb.EventBatch, 10)
	var refused atomic.Bool
	run(t, sp, client(t, storing(batches, func(a *pb.BatchAck) {
		for _, it := range a.GetItems() {
			if it.GetSeq() == 2 && refused.CompareAndSwap(false, true) {
				it.Status, it.RetryAfter = pb.AckStatus_ACK_STATUS_RETRY, durationpb.New(150*time.Millisecond)
			}
		}
	})))
	want(t, "first", places(next(t, batches)), "[1:1 1:2 1:3]")
	first := time.Now()
	until(t, "the others are acked", func() bool { return depth(sp) == 1 })
	want(t, "again", places(next(t, batches)), "[1:2]")
	if waited := time.Since(first); waited < 140*time.Millisecond {
		t.Errorf("sent again after %v, asked for 150ms", waited)
	}
	until(t, "all is acked", func() bool { return depth(sp) == 0 })
}

// TestLowRecordsDoNotOvertakeAnUrgentOneThatWasPutOff: what kept the collector
// from storing it, a full disk say, is over when the lower ones come.
func TestLowRecordsDoNotOvertakeAnUrgentOneThatWasPutOff(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 4, maxEarly+10)
	batches := make(chan *pb.EventBatch, 10)
	full := true // the collector's goroutine alone uses it
	s := run(t, sp, client(t, storing(batches, func(a *pb.BatchAck) {
		for _, it := range a.GetItems() {
			if full {
				it.Status, it.RetryAfter = pb.AckStatus_ACK_STATUS_RETRY, durationpb.New(time.Hour)
			}
		}
		full = full && len(a.GetItems()) == 0
	})))
	if n := len(next(t, batches).GetItems()); n != maxEarly+10 {
		t.Fatalf("first batch of %d", n)
	}
	until(t, "the answer is taken in", func() bool { return !s.Status().LastAck.IsZero() })
	add(t, sp, 1, 300)
	var lanes []pb.Severity
	for _, it := range next(t, batches).GetItems() {
		lanes = append(lanes, it.GetLane())
	}
	if len(lanes) != maxBatchRecords || lanes[0] != 4 || lanes[maxEarly-1] != 4 || lanes[maxEarly] != 1 {
		t.Errorf("lanes = %v, want %d urgent ones and the rest low", lanes, maxEarly)
	}
	until(t, "all is acked, the urgent ones long before an hour is over", func() bool { return depth(sp) == 0 })
}

func TestRejectedGoesToQuarantineAndBlocksNobody(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 3)
	batches := make(chan *pb.EventBatch, 10)
	s := run(t, sp, client(t, storing(batches, func(a *pb.BatchAck) {
		for _, it := range a.GetItems() {
			if it.GetSeq() == 1 {
				it.Status, it.Reason, it.Field = pb.AckStatus_ACK_STATUS_REJECTED, "too long", "name"
			}
		}
	})))
	next(t, batches)
	until(t, "the spool is empty", func() bool { return depth(sp) == 0 })
	until(t, "it is counted", func() bool { return s.Status().Rejected == 1 && s.Status().Acked == 2 })
	want(t, "quarantined", sp.Stats().Quarantined, 1)
}

func TestRecordsLeftOutOfAnAnswerAreNotTakenForStored(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 2)
	add(t, sp, 2, 1)
	batches := make(chan *pb.EventBatch, 10)
	s := run(t, sp, client(t, storing(batches, func(a *pb.BatchAck) {
		if len(a.GetItems()) == 3 {
			a.Items = a.Items[:1] // lane 2
			// and one that was never sent
			a.Items = append(a.Items, &pb.ItemAck{Lane: 1, Seq: 7, Status: pb.AckStatus_ACK_STATUS_STORED})
		}
	})))
	next(t, batches)
	until(t, "the one answered for is acked", func() bool { return s.Status().Acked == 1 })
	want(t, "depth", depth(sp), 2)
}

func TestTombstonesAreShippedAndAcked(t *testing.T) {
	sp := newSpool(t, spool.Options{SegmentBytes: 4 << 10, MaxBytes: 16 << 10})
	for i := range 400 {
		if err := sp.Append([]spool.Record{{Lane: 1, Data: fmt.Appendf(nil, "%0100d", i)}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	lost := sp.Tombstones()
	if len(lost) != 1 {
		t.Fatalf("tombstones: %v, want one", lost)
	}
	batches := make(chan *pb.EventBatch, 10)
	run(t, sp, client(t, storing(batches, nil)))
	b := next(t, batches)
	want(t, "tombstones", len(b.GetTombstones()), 1)
	got := b.GetTombstones()[0]
	want(t, "tombstone", fmt.Sprint(got.GetLane(), got.GetFromSeq(), got.GetToSeq(), got.GetReason()),
		fmt.Sprint(pb.Severity_SEVERITY_LOW, 1, lost[0].To, "full"))
	want(t, "first record behind it", b.GetItems()[0].GetSeq(), lost[0].To+1)
	until(t, "it is acked", func() bool { return len(sp.Tombstones()) == 0 && depth(sp) == 0 })
}

func TestBrokenStreamSendsWhatWasNotAnswered(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 3)
	batches := make(chan *pb.EventBatch, 10)
	var streams atomic.Int32
	store := storing(batches, nil)
	run(t, sp, client(t, func(stream shipServer) error {
		if streams.Add(1) > 2 {
			return store(stream)
		}
		if _, err := stream.Recv(); err != nil {
			return err
		}
		return status.Error(codes.Unavailable, "restarting")
	}))
	b := next(t, batches)
	want(t, "places", places(b), "[1:1 1:2 1:3]")
	if b.GetHello() == nil || b.GetNumber() != 1 {
		t.Error("a new stream begins without a Hello")
	}
	until(t, "all is acked", func() bool { return depth(sp) == 0 })
}

func TestUrgentRecordOvertakesLowOnesThatWait(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, maxBatchRecords*10)
	batches := make(chan *pb.EventBatch)
	answers := make(chan struct{})
	run(t, sp, client(t, func(stream shipServer) error {
		for {
			b, err := stream.Recv()
			if err != nil {
				return err
			}
			select {
			case batches <- b:
			case <-stream.Context().Done():
				return nil
			}
			select {
			case <-answers:
			case <-stream.Context().Done():
				return nil
			}
			if err := stream.Send(answer(b, pb.AckStatus_ACK_STATUS_STORED)); err != nil {
				return err
			}
		}
	}))
	want(t, "first lane", next(t, batches).GetItems()[0].GetLane(), pb.Severity_SEVERITY_LOW)
	add(t, sp, 4, 1) // at most maxInFlight low batches are ahead of it
	for i := 1; ; i++ {
		answers <- struct{}{}
		if next(t, batches).GetItems()[0].GetLane() == pb.Severity_SEVERITY_URGENT {
			break
		}
		if i > maxInFlight {
			t.Fatalf("%d low batches went before the urgent record", i)
		}
	}
}

func TestRefusedDeviceSaysSoAndDoesNotHammer(t *testing.T) {
	for _, code := range []codes.Code{codes.PermissionDenied, codes.Unauthenticated} {
		t.Run(code.String(), func(t *testing.T) {
			sp := newSpool(t, spool.Options{})
			var streams atomic.Int32
			var mended atomic.Bool
			store := storing(make(chan *pb.EventBatch, 10), nil)
			s := run(t, sp, client(t, func(stream shipServer) error {
				streams.Add(1)
				if mended.Load() {
					return store(stream)
				}
				return status.Error(code, "revoked")
			}))
			until(t, "it is refused", func() bool { return s.Status().State == Refused })
			want(t, "streams", streams.Load(), 1)
			mended.Store(true)
			s.Retry()
			until(t, "it is connected", func() bool { return s.Status().State == Connected })
			want(t, "streams", streams.Load(), 2)
		})
	}
}

func TestSilentStreamIsGivenUp(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 1)
	batches := make(chan *pb.EventBatch, 10)
	var streams atomic.Int32
	store := storing(batches, nil)
	run(t, sp, client(t, func(stream shipServer) error {
		if streams.Add(1) > 1 {
			return store(stream)
		}
		<-stream.Context().Done() // reads nothing, says nothing
		return nil
	}), func(c *Config) { c.AckTimeout = 50 * time.Millisecond })
	want(t, "places", places(next(t, batches)), "[1:1]")
}

func TestStopTakesLessThanASecondWhenTheCollectorIsSilent(t *testing.T) {
	sp := newSpool(t, spool.Options{MaxBytes: 64 << 20})
	for range 40 { // more than the stream's window
		if err := sp.Append([]spool.Record{{Lane: 1, Data: make([]byte, spool.MaxRecordBytes)}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	reached := make(chan struct{})
	run(t, sp, client(t, func(stream shipServer) error {
		close(reached)
		<-stream.Context().Done()
		return nil
	}))
	<-reached // run's cleanup measures the stop
}

func TestStopTakesInAnswersThatAreOnTheirWay(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	add(t, sp, 1, 1)
	var stop context.CancelFunc
	c := client(t, func(stream shipServer) error {
		b, err := stream.Recv()
		if err != nil {
			return err
		}
		stop()
		_, _ = stream.Recv() // the shipper has closed its side: it knows
		return stream.Send(answer(b, pb.AckStatus_ACK_STATUS_STORED))
	})
	s := New(Config{Spool: sp, Client: c, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	stop = cancel
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	want(t, "depth", depth(sp), 0)
}

func TestBackOffKeepsQuietAsLongAsAsked(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	batches := make(chan *pb.EventBatch, 10)
	s := run(t, sp, client(t, storing(batches, nil)))
	until(t, "it is connected", func() bool { return s.Status().State == Connected })
	s.BackOff(200 * time.Millisecond)
	began := time.Now()
	add(t, sp, 1, 1)
	next(t, batches)
	if waited := time.Since(began); waited < 190*time.Millisecond {
		t.Errorf("sent after %v, asked for 200ms of quiet", waited)
	}
}

func TestAppendWhileConnectedIsSentAtOnce(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	batches := make(chan *pb.EventBatch, 100)
	s := run(t, sp, client(t, storing(batches, nil)))
	until(t, "it is connected", func() bool { return s.Status().State == Connected })
	var wg sync.WaitGroup
	for lane := uint8(1); lane <= spool.Lanes; lane++ {
		wg.Go(func() {
			for range 25 {
				if err := sp.Append([]spool.Record{{Lane: lane, Data: []byte("x")}}, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for len(seen) < 100 {
		for _, p := range places(next(t, batches)) {
			if seen[p] {
				t.Errorf("%s was sent twice", p)
			}
			seen[p] = true
		}
	}
}

func TestG11LogsHoldNoNamesOrHosts(t *testing.T) {
	sp := newSpool(t, spool.Options{})
	if err := sp.Append([]spool.Record{{Lane: 1, Data: []byte("plainly.invented.example")}}, nil); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	var streams atomic.Int32
	run(t, sp, client(t, func(shipServer) error {
		streams.Add(1)
		return status.Error(codes.Unavailable, "dialling collector.invented.example:8443 about plainly.invented.example")
	}), func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	until(t, "it was logged", func() bool { return streams.Load() > 3 && log.String() != "" })
	if strings.Contains(log.String(), "invented") {
		t.Errorf("log names a host: %s", log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRecordsThatTheCollectorLostAreSentAgainOnTheSameStream(t *testing.T) {
	sp := newSpool(t, spool.Options{Keep: time.Hour})
	add(t, sp, 2, 5)
	batches := make(chan *pb.EventBatch, 10)
	s := run(t, sp, client(t, storing(batches, nil)))
	next(t, batches)
	until(t, "all is acked", func() bool { return depth(sp) == 0 })
	if err := s.Rewind(2, 3); err != nil {
		t.Fatal(err)
	}
	want(t, "sent again", places(next(t, batches)), "[2:3 2:4 2:5]")
	until(t, "all is acked again", func() bool { return depth(sp) == 0 })
	if err := s.Rewind(2, 6); err != nil {
		t.Fatal(err)
	}
	add(t, sp, 4, 1)
	want(t, "next batch", places(next(t, batches)), "[4:1]")
}
