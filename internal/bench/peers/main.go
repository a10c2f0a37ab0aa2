// Command peers measures what `make bench` compares the collector with: a NATS
// JetStream server that syncs every message to disk, loaded as the collector
// is. It is a module of its own so that none of this reaches the product's.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: peers STREAMS SECONDS BYTES INFLIGHT")
		os.Exit(2)
	}
	var n [4]int
	for i, arg := range os.Args[1:] {
		v, err := strconv.Atoi(arg)
		if err != nil || v < 1 {
			fmt.Fprintf(os.Stderr, "peers: %q: want a number above nought\n", arg)
			os.Exit(2)
		}
		n[i] = v
	}
	rate, err := measure(n[0], time.Duration(n[1])*time.Second, n[2], n[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
	fmt.Printf("%.0f\n", rate)
}

// measure returns acknowledged messages a second: streams connections, each with
// so many messages on their way that are not on disk yet.
func measure(streams int, long time.Duration, size, inFlight int) (float64, error) {
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, SyncAlways: true, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return 0, err
	}
	srv.Start()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(10 * time.Second) {
		return 0, fmt.Errorf("the NATS server is not ready")
	}
	conns := make([]jetstream.JetStream, streams)
	for i := range conns {
		c, err := nats.Connect(srv.ClientURL())
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if conns[i], err = jetstream.New(c, jetstream.WithPublishAsyncMaxPending(inFlight)); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), long+30*time.Second)
	defer cancel()
	_, err = conns[0].CreateStream(ctx, jetstream.StreamConfig{Name: "events", Subjects: []string{"events"}, Storage: jetstream.FileStorage})
	if err != nil {
		return 0, err
	}
	if inFlight > 1 {
		return publishAsync(ctx, conns, long, make([]byte, size))
	}
	return publish(ctx, conns, long, make([]byte, size))
}

func publish(ctx context.Context, conns []jetstream.JetStream, long time.Duration, body []byte) (float64, error) {
	var stored atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, len(conns))
	began := time.Now()
	for _, js := range conns {
		wg.Go(func() {
			for time.Since(began) < long {
				if _, err := js.Publish(ctx, "events", body); err != nil {
					failed <- err
					return
				}
				stored.Add(1)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(stored.Load()) / time.Since(began).Seconds(), nil
	}
}

// publishAsync keeps as many messages on their way as the connection allows, and
// counts until all are acknowledged: the server answers in batches.
func publishAsync(ctx context.Context, conns []jetstream.JetStream, long time.Duration, body []byte) (float64, error) {
	var stored atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, len(conns)*8192)
	began := time.Now()
	for _, js := range conns {
		acks := make(chan jetstream.PubAckFuture, 4096)
		wg.Go(func() {
			defer close(acks)
			for time.Since(began) < long {
				// It waits while too much is on its way.
				ack, err := js.PublishAsync("events", body, jetstream.WithStallWait(10*long))
				if err != nil {
					failed <- err
					return
				}
				acks <- ack
			}
		})
		wg.Go(func() {
			for ack := range acks {
				select {
				case <-ack.Ok():
					stored.Add(1)
				case err := <-ack.Err():
					failed <- err
				case <-ctx.Done():
					failed <- ctx.Err()
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(stored.Load()) / time.Since(began).Seconds(), nil
	}
}
