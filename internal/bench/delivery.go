package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"safelight/agent/enrol"
	"safelight/internal/event"
	"safelight/internal/trialschool"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	streams = 200
	long    = 10 * time.Second
)

// delivery loads a real collector with 200 devices, each sending the next event
// when the last one has been acknowledged, and compares with the same rows
// written straight to SQLite and with a NATS JetStream server that syncs each
// message.
func delivery(ctx context.Context, bin string) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	n, err := preloaded()
	if err != nil {
		return nil, err
	}
	ours, err := loadCollector(ctx, filepath.Join(dir, "a"), bin, 0)
	if err != nil {
		return nil, err
	}
	full, err := loadCollector(ctx, filepath.Join(dir, "b"), bin, n)
	if err != nil {
		return nil, err
	}
	raw, err := rawSQLite(ctx, filepath.Join(dir, "raw.db"))
	if err != nil {
		return nil, err
	}
	size := len(record(event.High, 0))
	nats, err := jetStream(ctx, size)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			"durable events a second, 200 streams, one event a message", fmt.Sprintf("%.0f", ours.rate), "25,000",
			fmt.Sprintf("straight to SQLite %.0f (ratio %.2f); NATS JetStream, sync always %.0f (ratio %.1f)", raw, ours.rate/raw, nats, ours.rate/nats),
		},
		{
			fmt.Sprintf("the same with %d events in the store", n), fmt.Sprintf("%.0f", full.rate), "within 20 %",
			fmt.Sprintf("empty %.0f (ratio %.2f)", ours.rate, full.rate/ours.rate),
		},
		{
			fmt.Sprintf("p99 of an acknowledgement at %d events a second", pace), ours.p99.Round(100 * time.Microsecond).String(), "under 25 ms",
			fmt.Sprintf("median %s; with %d events in the store p99 %s", ours.median.Round(100*time.Microsecond), n, full.p99.Round(100*time.Microsecond)),
		},
	}, nil
}

// load is what one collector did.
type load struct {
	rate        float64
	median, p99 time.Duration
}

func loadCollector(ctx context.Context, dir, bin string, events int) (l load, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return l, err
	}
	if err := trialschool.Decide(ctx, filepath.Join(dir, "collector")); err != nil {
		return l, err
	}
	if err := preload(ctx, filepath.Join(dir, "collector", "safelight.db"), events); err != nil {
		return l, err
	}
	s, err := trialschool.New(ctx, dir, bin)
	if err != nil {
		return l, err
	}
	collector, err := s.StartCollector(ctx)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, collector.Stop()) }()
	clients, err := enrolMany(ctx, s, streams)
	if err != nil {
		return l, err
	}
	defer func() {
		for _, c := range clients {
			_ = c.Close() // measured; nothing to lose
		}
	}()
	took, err := paced(ctx, clients)
	if err != nil {
		return l, err
	}
	l.median, l.p99 = took[len(took)/2], took[len(took)*99/100]
	l.rate, err = ship(ctx, clients)
	return l, err
}

// enrolMany enrols devices and returns a connection of each.
func enrolMany(ctx context.Context, s *trialschool.School, n int) ([]*grpc.ClientConn, error) {
	var token struct {
		Token string `json:"token"`
	}
	if err := s.Ask(ctx, &token, "token", "create", "--uses", fmt.Sprint(n)); err != nil {
		return nil, err
	}
	conns := make([]*grpc.ClientConn, n)
	for i := range conns {
		dir := filepath.Join(s.Dir, fmt.Sprintf("device-%d", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
		id, err := enrol.Enrol(ctx, enrol.Request{Dir: dir, Token: token.Token, Version: "bench", Now: time.Now})
		if err != nil {
			return nil, err
		}
		conf, err := id.TLS(time.Now)
		if err != nil {
			return nil, err
		}
		conns[i], err = grpc.NewClient("passthrough:///"+s.AgentsAddr, grpc.WithTransportCredentials(credentials.NewTLS(conf)),
			// As the agent's own connection is.
			grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10),
			grpc.WithStaticStreamWindowSize(256<<10), grpc.WithStaticConnWindowSize(256<<10))
		if err != nil {
			return nil, err
		}
	}
	return conns, nil
}

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

// record is a typical event's bytes.
func record(severity event.Severity, i int) []byte {
	id, err := wire.NewID()
	if err != nil {
		return nil
	}
	now := time.Now()
	data, err := wire.Marshal(wire.Event{
		ID: id, BootID: "bench", Mono: time.Duration(now.UnixNano()),
		Observation: event.Observation{
			Time: now, Kind: event.Domain, Name: "n1.flagged.example", Via: event.ViaTLS, PID: 4321, Process: "firefox",
			Exe: "/usr/lib/firefox/firefox", User: pupil(i), Client: "10.0.0.9:40000", Server: "203.0.113.9:443",
		},
		Rule: "numbered/flagged.example", Category: "numbered", Severity: severity, Pack: "numbered 1",
		Match: "flagged.example", Why: "a site on the numbered sites list was asked for", NotSeen: []string{"the page: only the site's name was seen"},
		Role: "pupil", PolicyEpoch: 1, PolicySerial: 1,
	})
	if err != nil {
		return nil
	}
	return data
}

func jetStream(ctx context.Context, size int) (float64, error) {
	cmd := exec.CommandContext(ctx, "go", "run", ".", fmt.Sprint(streams), fmt.Sprint(int(long.Seconds())), fmt.Sprint(size))
	cmd.Dir = filepath.Join("internal", "bench", "peers")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("measuring NATS JetStream: %w", err)
	}
	var rate float64
	if _, err := fmt.Sscan(strings.TrimSpace(string(out)), &rate); err != nil {
		return 0, fmt.Errorf("measuring NATS JetStream: reading %q: %w", out, err)
	}
	return rate, nil
}
