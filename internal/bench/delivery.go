package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"safelight/internal/event"
	"safelight/internal/trialschool"
)

const (
	streams = 200
	long    = 10 * time.Second
)

// delivery loads a real collector with 200 devices: at a steady pace, then each
// sending the next event when the last one is acknowledged, then each emptying a
// backlog as an agent does. It compares with the same bytes written straight to
// SQLite and with a NATS JetStream server that syncs every message, grouped or
// in flight in the same way.
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
	if err := os.RemoveAll(filepath.Join(dir, "b")); err != nil { // some gigabytes
		return nil, err
	}
	p, err := peers(ctx, dir)
	if err != nil {
		return nil, err
	}
	return []row{
		{
			"durable events a second, 200 devices emptying a backlog", fmt.Sprintf("%.0f", ours.backlog.rate), "25,000",
			p.beside(ours.backlog.rate, together) + fmt.Sprintf("; CPU an event: collector %s, agents %s", ours.backlog.collector, ours.backlog.agents),
		},
		{
			"the same, one event a message and none on its way beside it", fmt.Sprintf("%.0f", ours.single), "", p.beside(ours.single, alone),
		},
		{
			fmt.Sprintf("backlogs with %d events in the store", n), fmt.Sprintf("%.0f", full.backlog.rate), "within 20 %",
			fmt.Sprintf("empty %.0f (ratio %.2f); one event a message %.0f, empty %.0f (ratio %.2f)",
				ours.backlog.rate, full.backlog.rate/ours.backlog.rate, full.single, ours.single, full.single/ours.single),
		},
		{
			fmt.Sprintf("p99 of an acknowledgement at %d events a second", pace), ours.p99.Round(100 * time.Microsecond).String(), "under 25 ms",
			fmt.Sprintf("median %s; with %d events in the store p99 %s, median %s", ours.median.Round(100*time.Microsecond), n,
				full.p99.Round(100*time.Microsecond), full.median.Round(100*time.Microsecond)),
		},
	}, nil
}

// load is what one collector did.
type load struct {
	single      float64 // events a second, one a message
	backlog     drained
	median, p99 time.Duration
}

func loadCollector(ctx context.Context, dir, bin string, events int) (l load, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return l, err
	}
	if err := trialschool.Decide(ctx, filepath.Join(dir, "collector")); err != nil {
		return l, err
	}
	path := filepath.Join(dir, "collector", "safelight.db")
	if err := preload(ctx, path, events); err != nil {
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
	if err := gathered(ctx, path); err != nil {
		return l, err
	}
	if l.single, err = ship(ctx, clients); err != nil {
		return l, err
	}
	if err := gathered(ctx, path); err != nil {
		return l, err
	}
	l.backlog, err = drain(ctx, clients, collector.Pid())
	return l, err
}

// gathered waits until every event of a store is in its alert, so that one
// measurement does not pay for the one before.
func gathered(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		var waits bool
		if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pending)`).Scan(&waits); err != nil || !waits {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const (
	// together is how many of a device's events may be on their way, as its
	// shipper sends them: batches of 256, four at a time.
	together = 4 * 256
	alone    = 1
	// togetherNATS is the same for the peer, whose server refuses publishers from
	// 10,000 on their way in all.
	togetherNATS = 9000 / streams
)

// beside are the limit and the peer, by how many of a sender's events are on
// their way.
type beside struct {
	raw, nats map[int]float64
}

func peers(ctx context.Context, dir string) (b beside, err error) {
	b = beside{map[int]float64{}, map[int]float64{}}
	size := len(record(event.High, 0))
	// What a transaction takes: of one sender's one event each, or as much as the
	// collector puts into one.
	for inFlight, group := range map[int]int{alone: streams, together: 1000} {
		if b.raw[inFlight], err = rawSQLite(ctx, filepath.Join(dir, fmt.Sprintf("raw-%d.db", group)), group); err != nil {
			return b, err
		}
		if b.nats[inFlight], err = jetStream(ctx, size, min(inFlight, togetherNATS)); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (b beside) beside(rate float64, inFlight int) string {
	raw, nats := b.raw[inFlight], b.nats[inFlight]
	return fmt.Sprintf("straight to SQLite %.0f (ratio %.2f); NATS JetStream, sync always, %d on their way each, %.0f (ratio %.1f)",
		raw, rate/raw, min(inFlight, togetherNATS), nats, rate/nats)
}

func jetStream(ctx context.Context, size, inFlight int) (float64, error) {
	cmd := exec.CommandContext(ctx, "go", "run", ".", fmt.Sprint(streams), fmt.Sprint(int(long.Seconds())), fmt.Sprint(size), fmt.Sprint(inFlight))
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
