package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"safelight/agent/enrol"
	"safelight/agent/shipper"
	"safelight/agent/spool"
	"safelight/agent/watch"
	"safelight/internal/logging"
	"safelight/internal/trialschool"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// settle is how long after the last agent came memory is read: garbage of the
	// handshakes is collected, and heartbeats have begun.
	settle = 45 * time.Second
	// startWithin is over how long devices come the first time; what is timed is how
	// they come back, all at once.
	startWithin = 20 * time.Second
	// backWithin is how long agents may take to come back before it has failed.
	backWithin = 5 * time.Minute
	// enrolling is how many devices enrol at a time.
	enrolling = 32
)

// fleet connects many devices to a real collector, each with a certificate, a
// connection, a Ship and a Watch stream of its own, kept by the agent's own
// shipper and watcher; it reads what that costs the collector, kills the
// collector and waits until all are back. The devices are in this process, so
// that none of their memory counts.
func fleet(ctx context.Context, bin string) (rows []row, err error) {
	n, err := fleetSize()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, collector, devices, err := enrolFleet(ctx, dir, bin, n)
	if collector != nil {
		defer func() { err = errors.Join(err, collector.Stop()) }()
	}
	if err != nil {
		return nil, err
	}
	before, err := memoryOf(ctx, s, collector)
	if err != nil {
		return nil, err
	}
	stop := runFleet(ctx, devices)
	defer stop()
	if _, err := untilBack(ctx, devices, time.Time{}); err != nil {
		return nil, err
	}
	if err := at(ctx, time.Now().Add(settle)); err != nil {
		return nil, err
	}
	after, err := memoryOf(ctx, s, collector)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{
		fmt.Sprintf("resident memory of the collector for each of %d connected agents", n),
		fmt.Sprintf("%.1f kB", (after["rss"]-before["rss"])/1000/float64(n)), "80 kB", after.over(before, n),
	})
	killed := time.Now()
	collector.Kill()
	if collector, err = s.StartCollector(ctx); err != nil {
		return rows, err
	}
	ready := time.Since(killed)
	back, err := untilBack(ctx, devices, killed)
	if err != nil {
		return rows, err
	}
	return append(rows, row{
		fmt.Sprintf("all %d agents back, both streams, after the collector was killed", n),
		fmt.Sprintf("%.1f s", back[n-1].Seconds()), "90 s",
		fmt.Sprintf("the collector was there after %.1f s, half of the agents after %.1f s, 99 of 100 after %.1f s; %d refused on the way", ready.Seconds(), back[n/2].Seconds(), back[n*99/100].Seconds(), refused(devices)),
	}), nil
}

// fleetSize is how many devices there are; BENCH_AGENTS sets another number.
func fleetSize() (int, error) {
	text := os.Getenv("BENCH_AGENTS")
	if text == "" {
		return 5000, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("BENCH_AGENTS %q: want a number of agents", text)
	}
	return n, nil
}

// enrolFleet makes a collector and enrols devices with it; the collector is then
// a fresh process that has only started.
func enrolFleet(ctx context.Context, dir, bin string, n int) (*trialschool.School, *trialschool.Program, []*simulated, error) {
	if err := trialschool.Decide(ctx, filepath.Join(dir, "collector")); err != nil {
		return nil, nil, nil, err
	}
	s, err := trialschool.New(ctx, dir, bin)
	if err != nil {
		return nil, nil, nil, err
	}
	collector, err := s.StartCollector(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	began := time.Now()
	devices, err := enrolAll(ctx, s, n)
	if err != nil {
		return nil, collector, nil, err
	}
	fmt.Fprintf(os.Stderr, "%d devices enrolled in %.1f s\n", n, time.Since(began).Seconds())
	if err := collector.Stop(); err != nil {
		return nil, nil, nil, err
	}
	collector, err = s.StartCollector(ctx)
	return s, collector, devices, err
}

func enrolAll(ctx context.Context, s *trialschool.School, n int) ([]*simulated, error) {
	var token struct {
		Token string `json:"token"`
	}
	if err := s.Ask(ctx, &token, "token", "create", "--uses", fmt.Sprint(n)); err != nil {
		return nil, err
	}
	devices, errs := make([]*simulated, n), make([]error, enrolling)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range enrolling {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				devices[i], errs[w] = newSimulated(ctx, filepath.Join(s.Dir, fmt.Sprintf("device-%d", i)), token.Token, s.AgentsAddr)
			}
		})
	}
	wg.Wait()
	return devices, errors.Join(errs...)
}

// simulated is a device that has nothing to tell: the agent's own connection,
// shipper and watcher.
type simulated struct {
	conn    *grpc.ClientConn
	shipper *shipper.Shipper
	watcher *watch.Watcher
	up      atomic.Int64 // when its Watch stream last began, in nanoseconds
}

func newSimulated(ctx context.Context, dir, token, addr string) (*simulated, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	id, err := enrol.Enrol(ctx, enrol.Request{Dir: dir, Token: token, AsNew: true, Version: "bench", Now: time.Now})
	if err != nil {
		return nil, err
	}
	conf, err := id.TLS(time.Now)
	if err != nil {
		return nil, err
	}
	d := &simulated{}
	// As agent/daemon's own.
	d.conn, err = grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(credentials.NewTLS(conf)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 10 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 90 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithIdleTimeout(0), grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10),
		grpc.WithStaticStreamWindowSize(256<<10), grpc.WithStaticConnWindowSize(256<<10))
	if err != nil {
		return nil, err
	}
	epoch, instance := [16]byte{}, make([]byte, 16)
	_, _ = rand.Read(epoch[:]) // never fails
	_, _ = rand.Read(instance) // never fails
	client := safelightv1.NewAgentServiceClient(d.conn)
	d.shipper = shipper.New(shipper.Config{Spool: empty{epoch: epoch}, Client: client, Version: "bench", Capabilities: []string{"events", "health", "tombstones"}, Log: logging.Discard()})
	d.watcher = watch.New(watch.Parts{
		Client: client, Log: logging.Discard(), Pause: d.shipper.BackOff,
		Status: func() *safelightv1.AgentStatus { return heartbeat(epoch[:], instance) },
		Policy: func(context.Context, *safelightv1.SignedManifest, watch.Fetch) error {
			return nil // as one that has it already
		},
		Trust:      func(*safelightv1.TrustBundle) error { return nil },
		Checkpoint: func(*safelightv1.Checkpoint) error { return nil },
		Up:         func() { d.up.Store(time.Now().UnixNano()); d.shipper.Retry() },
	})
	return d, nil
}

// heartbeat is a typical device's.
func heartbeat(epoch, instance []byte) *safelightv1.AgentStatus {
	now := time.Now()
	st := &safelightv1.AgentStatus{
		At: wire.Clock(now, "bench", time.Duration(now.UnixNano())), SpoolEpoch: epoch, Instance: instance,
		Hostname: "bench-laptop-0001", Os: "linux", PolicyEpoch: 1, PolicySerial: 1,
	}
	for _, name := range []string{"network", "process", "weblog"} {
		st.Sources = append(st.Sources, &safelightv1.SourceStatus{Name: name, State: "running", Seen: 12345})
	}
	for lane := safelightv1.Severity_SEVERITY_LOW; lane <= safelightv1.Severity_SEVERITY_URGENT; lane++ {
		st.Lanes = append(st.Lanes, &safelightv1.LaneStatus{Lane: lane, NextSeq: 1})
	}
	return st
}

// empty is a spool with nothing in it; what is never asked of one panics.
type empty struct {
	shipper.Spool
	epoch [16]byte
}

func (e empty) Epoch() [16]byte { return e.epoch }

func (empty) Pending(uint8, uint64, int, int) ([]spool.Entry, error) { return nil, nil }

func (empty) Tombstones() []spool.Tombstone { return nil }

func (empty) Wait() <-chan struct{} { return nil }

// runFleet starts every device.
func runFleet(ctx context.Context, devices []*simulated) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	began := time.Now()
	for i, d := range devices {
		start := began.Add(startWithin * time.Duration(i) / time.Duration(len(devices)))
		wg.Go(func() {
			if at(ctx, start) == nil {
				_ = d.shipper.Run(ctx) // nil once ctx ends
			}
		})
		wg.Go(func() {
			if at(ctx, start) == nil {
				_ = d.watcher.Run(ctx)
			}
		})
		wg.Go(func() { // as agent/daemon's untilReady
			_ = watch.Ready(ctx, d.conn, func() {
				d.watcher.Retry()
				d.shipper.Retry()
			})
		})
	}
	return func() {
		cancel()
		wg.Wait()
		for _, d := range devices {
			_ = d.conn.Close() // measured; nothing to lose
		}
	}
}

// back is when both of a device's streams were there, if they came after a time.
func (d *simulated) back(after time.Time) (time.Time, bool) {
	up, st := time.Unix(0, d.up.Load()), d.shipper.Status()
	there := d.watcher.Connected() && up.After(after) && st.State == shipper.Connected && st.Since.After(after)
	if st.Since.After(up) {
		up = st.Since
	}
	return up, there
}

// untilBack waits for every device and returns how long each took, sorted.
func untilBack(ctx context.Context, devices []*simulated, after time.Time) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, backWithin)
	defer cancel()
	for {
		var took []time.Duration
		for _, d := range devices {
			if at, ok := d.back(after); ok {
				took = append(took, at.Sub(after))
			}
		}
		if len(took) == len(devices) {
			slices.Sort(took)
			return took, nil
		}
		if err := at(ctx, time.Now().Add(100*time.Millisecond)); err != nil {
			return nil, fmt.Errorf("%d of %d agents are connected: %w", len(took), len(devices), err)
		}
	}
}

// refused counts devices that think themselves shut out.
func refused(devices []*simulated) (n int) {
	for _, d := range devices {
		if d.shipper.Status().State == shipper.Refused {
			n++
		}
	}
	return n
}

// memory is a process's, in bytes, by what holds it.
type memory map[string]float64

// memoryOf reads what the system counts as resident, and how the collector says
// that its own splits.
func memoryOf(ctx context.Context, s *trialschool.School, collector *trialschool.Program) (memory, error) {
	m := memory{}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", collector.Pid()))
	if err != nil {
		return nil, fmt.Errorf("reading the collector's memory: %w; this needs Linux", err)
	}
	_, rss, _ := strings.Cut(string(text), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rss, &kib); err != nil {
		return nil, fmt.Errorf("reading the collector's memory: %w", err)
	}
	m["rss"] = kib * 1024
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.MetricsURL+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var class string
		var bytes float64
		if n, _ := fmt.Sscanf(lines.Text(), "safelight_memory_bytes{class=%q} %g", &class, &bytes); n == 2 {
			m[class] = bytes
		}
	}
	return m, nil
}

// over says how what was added splits, for each of n.
func (m memory) over(before memory, n int) string {
	var parts []string
	for _, class := range []string{"objects", "garbage", "stacks", "kept", "other"} {
		parts = append(parts, fmt.Sprintf("%s %.1f", class, (m[class]-before[class])/1000/float64(n)))
	}
	return "kB by the runtime's count: " + strings.Join(parts, ", ")
}
