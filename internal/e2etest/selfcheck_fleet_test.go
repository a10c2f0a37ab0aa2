package e2etest

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"safelight/agent/enrol"
	"safelight/agent/selfcheck"
	"safelight/agent/shipper"
	"safelight/agent/source"
	"safelight/agent/spool"
	agentwatch "safelight/agent/watch"
	"safelight/internal/event"
	"safelight/internal/logging"
	"safelight/internal/trialschool"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

// checkSpread, where set, is over how long the devices are spread ("90s");
// otherwise it is as the collector chooses for their number.
const checkSpread = "SAFELIGHT_CHECK_SPREAD"

// TestAThousandDevicesCheckThemselvesInTenMinutes asks a simulated fleet to check
// itself and waits until the ledger holds each. A device is the agent's own
// keeper, checker, watcher and shipper over a connection and a certificate of its
// own; only what it tries is told at once instead of being looked at on a wire.
func TestAThousandDevicesCheckThemselvesInTenMinutes(t *testing.T) {
	if os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
		t.Skip("SKIPPED: a part of make acceptance (SAFELIGHT_ACCEPTANCE=1)")
	}
	const devices, blindEach = 1000, 100            // one in a hundred sees nothing
	dir := must[string](t)(os.MkdirTemp("", "sl-")) //nolint:usetesting // t.TempDir's paths are too long for sockets
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, trialschool.Decide(t.Context(), filepath.Join(dir, "collector")))
	s := must[*trialschool.School](t)(trialschool.New(t.Context(), dir, bin))
	collector := must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	defer func() { _ = collector.Stop() }()
	fleet := enrolChecked(t, s, devices)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i, d := range fleet {
		d.blind = i%blindEach == 0
		d.run(ctx, &running)
	}
	check(t, trialschool.Until(t.Context(), "every device to be connected", func() (bool, string) {
		n := 0
		for _, d := range fleet {
			if d.watcher.Connected() && d.shipper.Announced("checks") {
				n++
			}
		}
		return n == devices, fmt.Sprint(n)
	}))
	verb := []string{"check", "request"}
	if spread := os.Getenv(checkSpread); spread != "" {
		verb = append(verb, "--within", spread)
	}
	asked := time.Now()
	must[[]byte](t)(s.Verb(t.Context(), verb...))
	var week checkedFleet
	for answered := 0; answered < devices; {
		if time.Since(asked) > 10*time.Minute {
			t.Fatalf("%d of %d devices answered in ten minutes", answered, devices)
		}
		<-time.After(time.Second)
		week = checkedFleet{}
		check(t, s.Ask(t.Context(), &week, "check", "list"))
		answered = week.Request.Answered
	}
	took := time.Since(asked)
	states := map[string]int{}
	for _, d := range week.Devices {
		states[d.State]++
	}
	if len(week.Devices) != devices || states["failed"] != devices/blindEach || states["passed"] != devices-devices/blindEach {
		t.Errorf("of %d devices %v, want %d failed and the others passed", len(week.Devices), states, devices/blindEach)
	}
	busiest, slowest := crowd(fleet, asked, 10*time.Second)
	t.Logf("%d devices in the ledger %.0f s after they were asked, spread over %d s; at most %d began within ten seconds; the slowest report took %s from its spool to the ledger",
		devices, took.Seconds(), week.Request.WithinSeconds, busiest, slowest.Round(time.Millisecond))
}

// checkedFleet is what of `check list --json` is looked at.
type checkedFleet struct {
	Devices []struct{ State string }
	Request struct {
		Answered      int
		WithinSeconds int `json:"within_seconds"`
	}
}

// crowd is how many devices began within so long of each other at most, and how
// long the slowest report took to be stored.
func crowd(fleet []*checkedDevice, from time.Time, within time.Duration) (most int, slowest time.Duration) {
	slots := map[time.Duration]int{}
	for _, d := range fleet {
		slot := time.Unix(0, d.began.Load()).Sub(from) / within
		slots[slot]++
		most, slowest = max(most, slots[slot]), max(slowest, time.Duration(d.stored.Load()))
	}
	return most, slowest
}

// enrolChecked enrols so many simulated devices.
func enrolChecked(t *testing.T, s *trialschool.School, n int) []*checkedDevice {
	t.Helper()
	var token struct{ Token string }
	check(t, s.Ask(t.Context(), &token, "token", "create", "--uses", fmt.Sprint(n)))
	fleet, errs := make([]*checkedDevice, n), make([]error, n)
	var at atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := int(at.Add(1)) - 1; i < n; i = int(at.Add(1)) - 1 {
				fleet[i], errs[i] = newChecked(t.Context(), filepath.Join(s.Dir, fmt.Sprintf("device-%d", i)), token.Token, s.AgentsAddr)
			}
		})
	}
	all.Wait()
	for i, err := range errs {
		check(t, err)
		t.Cleanup(func() { _ = fleet[i].conn.Close() })
	}
	return fleet
}

// checkedDevice is one simulated device.
type checkedDevice struct {
	conn    *grpc.ClientConn
	shipper *shipper.Shipper
	watcher *agentwatch.Watcher
	keeper  *selfcheck.Keeper
	checker *selfcheck.Checker
	marks   *selfcheck.Marks
	spool   *memorySpool
	blind   bool

	began, stored atomic.Int64 // when its check began, and how long its report was on its way, in nanoseconds
}

func newChecked(ctx context.Context, dir, token, addr string) (*checkedDevice, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	id, err := enrol.Enrol(ctx, enrol.Request{Dir: dir, Token: token, AsNew: true, Version: "test", Now: time.Now})
	if err != nil {
		return nil, err
	}
	conf, err := id.TLS(time.Now)
	if err != nil {
		return nil, err
	}
	d := &checkedDevice{marks: selfcheck.NewMarks(time.Now), spool: newMemorySpool()}
	if d.conn, err = grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(credentials.NewTLS(conf)), grpc.WithIdleTimeout(0)); err != nil {
		return nil, err
	}
	client := safelightv1.NewAgentServiceClient(d.conn)
	d.shipper = shipper.New(shipper.Config{Spool: d.spool, Client: client, Version: "test", Log: logging.Discard()})
	clock := func() (time.Time, string, time.Duration) {
		now := time.Now()
		return now, "boot", time.Duration(now.UnixNano())
	}
	d.checker = selfcheck.New(selfcheck.Around{
		Sources: func() []source.Status {
			return []source.Status{{Name: "network", State: source.Running, Way: "bpf"}, {Name: "process", State: source.Running, Way: "bpf"}}
		},
		Judging: func() bool { return true }, Policy: func() (uint64, uint64) { return 1, 1 }, Hidden: func() map[string]uint64 { return nil },
		Addresses: func() []string { return []string{addr} }, Clock: clock, Version: "test",
	}, d.marks, d.tries(), logging.Discard())
	d.keeper = selfcheck.NewKeeper(selfcheck.KeeperParts{
		File: filepath.Join(dir, "selfcheck.json"), Do: d.checkNow, Now: time.Now, Rand: mathrand.Float64, Failed: func(context.Context, error) {},
		Ready: func() bool { return d.watcher.Connected() && d.shipper.Announced("checks") },
	})
	d.watcher = agentwatch.New(agentwatch.Parts{
		Client: client, Log: logging.Discard(), Pause: d.shipper.BackOff, Able: []string{"selfcheck"}, Up: d.shipper.Retry,
		Status: func() *safelightv1.AgentStatus {
			wall, boot, mono := clock()
			return &safelightv1.AgentStatus{At: wire.Clock(wall, boot, mono), Hostname: filepath.Base(dir), Os: "linux"}
		},
		Policy:     func(context.Context, *safelightv1.SignedManifest, agentwatch.Fetch) error { return nil },
		Trust:      func(*safelightv1.TrustBundle) error { return nil },
		Checkpoint: func(*safelightv1.Checkpoint) error { return nil },
		Command: func(_ context.Context, c *safelightv1.Command) (bool, error) {
			within, err := time.ParseDuration(c.GetArgs()["within_seconds"] + "s")
			if c.GetName() != "selfcheck" || err != nil {
				return false, err
			}
			return true, d.keeper.Ask(c.GetArgs()["id"], within)
		},
	})
	return d, nil
}

// tries are seen at once, or never on a blind device.
func (d *checkedDevice) tries() selfcheck.Tries {
	tell := func(o event.Observation) {
		if !d.blind {
			d.marks.Took("network", o)
		}
	}
	visit := func(name string, via event.Via) { tell(event.Observation{Kind: event.Domain, Name: name, Via: via}) }
	return selfcheck.Tries{
		Ask:         func(_ context.Context, name string) bool { visit(name, event.ViaDNS); return true },
		AskHere:     func(_ context.Context, name string) error { visit(name, event.ViaDNS); return nil },
		Greet:       func(_ context.Context, _, name string) error { visit(name, event.ViaTLS); return nil },
		GreetHere:   func(_ context.Context, name string) error { visit(name, event.ViaTLS); return nil },
		Request:     func(_ context.Context, _, name string) error { visit(name, event.ViaHTTP); return nil },
		RequestHere: func(_ context.Context, name string) error { visit(name, event.ViaHTTP); return nil },
		Connect:     func(_ context.Context, _, name string) error { visit(name, event.ViaQUIC); return nil },
		ConnectHere: func(_ context.Context, name string) error { visit(name, event.ViaQUIC); return nil },
		Start: func() (int, string, func(), error) {
			go tell(event.Observation{Kind: event.Process, PID: 4242, Exe: "/x", Via: event.ViaExec}) // once the number is known
			return 4242, "/x", func() {}, nil
		},
	}
}

func (d *checkedDevice) checkNow(ctx context.Context, cause selfcheck.Cause, request string) error {
	if cause == selfcheck.ByCollector {
		d.began.Store(time.Now().UnixNano())
	}
	r, err := d.checker.Check(ctx, cause, request)
	if err != nil {
		return err
	}
	data, err := r.Record()
	if err != nil {
		return err
	}
	fate, stop := d.shipper.Follow(data)
	defer stop()
	spooled := time.Now()
	d.spool.append(data)
	select {
	case <-fate:
		d.stored.Store(int64(time.Since(spooled)))
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *checkedDevice) run(ctx context.Context, running *sync.WaitGroup) {
	for _, part := range []func(context.Context) error{d.shipper.Run, d.watcher.Run, d.keeper.Run} {
		running.Go(func() { _ = part(ctx) }) // nil once ctx ends
	}
}

// memorySpool is a spool for a test's few records, all in lane low.
type memorySpool struct {
	shipper.Spool // what is never asked of it panics
	epoch         [16]byte

	mu      sync.Mutex // guards everything declared below
	records []spool.Entry
	notify  chan struct{}
}

func newMemorySpool() *memorySpool {
	m := &memorySpool{notify: make(chan struct{})}
	_, _ = rand.Read(m.epoch[:]) // never fails
	return m
}

func (m *memorySpool) append(data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, spool.Entry{Lane: 1, Seq: uint64(len(m.records)), Data: data})
	close(m.notify)
	m.notify = make(chan struct{})
}

func (m *memorySpool) Epoch() [16]byte { return m.epoch }

func (m *memorySpool) Pending(lane uint8, from uint64, most, _ int) ([]spool.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if lane != 1 || from >= uint64(len(m.records)) {
		return nil, nil
	}
	return m.records[from:min(uint64(len(m.records)), from+uint64(most))], nil
}

func (m *memorySpool) Ack(uint8, ...uint64) error { return nil }

func (m *memorySpool) Tombstones() []spool.Tombstone { return nil }

func (m *memorySpool) Wait() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notify
}
