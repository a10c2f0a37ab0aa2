package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"safelight/internal/event"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

// ship sends for a while on every connection and returns acknowledged events a
// second.
func ship(ctx context.Context, conns []*grpc.ClientConn) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, long+time.Minute)
	defer cancel()
	var stored atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, len(conns))
	ready := make(chan struct{})
	var open sync.WaitGroup
	open.Add(len(conns))
	var end time.Time
	for i, c := range conns {
		wg.Go(func() {
			d, err := openDevice(ctx, c, i)
			open.Done()
			<-ready
			for err == nil && time.Now().Before(end) {
				if err = d.one(); err == nil {
					stored.Add(1)
				}
			}
			if err != nil {
				failed <- err
			}
		})
	}
	open.Wait()
	began := time.Now()
	end = began.Add(long)
	close(ready)
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(stored.Load()) / time.Since(began).Seconds(), nil
	}
}

// device is one stream's sender.
type device struct {
	stream safelightv1.AgentService_ShipClient
	index  int
	seq    uint64
	epoch  []byte
}

func openDevice(ctx context.Context, c *grpc.ClientConn, i int) (*device, error) {
	stream, err := safelightv1.NewAgentServiceClient(c).Ship(ctx)
	if err != nil {
		return nil, err
	}
	id, err := wire.NewID()
	if err != nil {
		return nil, err
	}
	d := &device{stream: stream, index: i, epoch: id[:]}
	return d, d.one() // the first carries the hello and the handshake
}

// one sends an event and waits until it is stored.
func (d *device) one() error {
	now := time.Now()
	b := &safelightv1.EventBatch{
		Number: d.seq + 1, SpoolEpoch: d.epoch, Sent: wire.Clock(now, "bench", time.Duration(now.UnixNano())),
		Items: []*safelightv1.Item{{Lane: safelightv1.Severity_SEVERITY_HIGH, Seq: d.seq, Record: record(event.High, d.index)}},
	}
	if d.seq == 0 {
		b.Hello = &safelightv1.Hello{Version: "bench", Protocol: 1}
	}
	d.seq++
	if err := d.stream.Send(b); err != nil {
		return err
	}
	for {
		ack, err := d.stream.Recv()
		if err != nil {
			return err
		}
		if len(ack.GetItems()) == 0 {
			continue // the hello
		}
		if st := ack.GetItems()[0]; st.GetStatus() != safelightv1.AckStatus_ACK_STATUS_STORED {
			return fmt.Errorf("an event was answered %s: %s %s", st.GetStatus(), st.GetReason(), st.GetField())
		}
		return nil
	}
}
