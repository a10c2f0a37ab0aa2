package selfcheck

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/agent/source"
	"safelight/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// device is a made-up one: what is tried on it is told by sources that work, as
// the pipeline would be told.
type device struct {
	t       *testing.T
	marks   *Marks
	sources []source.Status
	checker *Checker

	online, noCollector  bool
	blindFar, blind      bool // the network source sees nothing beyond loopback, nothing at all
	noPrograms, noHTTP   bool
	noQUIC               bool
	foldFor              time.Duration
	rulesArrived         bool
	asked, greeted, here []string
	started, ended       int
}

const childPID, ownExe = 4242, "/opt/safelight/safelight-agent"

func newDevice(t *testing.T, names ...string) *device {
	d := &device{t: t, online: true, rulesArrived: true, marks: NewMarks(time.Now), foldFor: 2 * time.Second}
	for _, n := range names {
		d.sources = append(d.sources, source.Status{Name: n, State: source.Running, Way: map[string]string{"network": "bpf", "process": "polling"}[n]})
	}
	d.checker = New(Around{
		Sources:   func() []source.Status { return d.sources },
		Judging:   func() bool { return d.rulesArrived },
		Policy:    func() (uint64, uint64) { return 1, 7 },
		Hidden:    func() map[string]uint64 { return map[string]uint64{"vpn": 2} },
		Clock:     func() (time.Time, string, time.Duration) { return time.Now(), "boot", time.Hour },
		Version:   "v0.0.1-test",
		Addresses: func() []string { return []string{"192.0.2.1:8443"} },
	}, d.marks, Tries{Ask: d.ask, AskHere: d.askHere, Greet: d.greet, GreetHere: d.greetHere, Request: d.request, RequestHere: d.requestHere, Connect: d.connect, ConnectHere: d.connectHere, Start: d.start}, slog.New(slog.DiscardHandler))
	return d
}

func (d *device) tell(after time.Duration, o event.Observation) {
	go func() {
		time.Sleep(after) // in a bubble of synctest, whose clock this is
		src := "network"
		if o.Kind == event.Process {
			src = "process"
		}
		if !d.marks.Took(src, o) {
			d.t.Errorf("%s %q of a running check was not taken out", o.Kind, o.Name)
		}
	}()
}

func (d *device) ask(_ context.Context, name string) bool {
	d.asked = append(d.asked, name)
	if d.online && !d.blind && !d.blindFar {
		d.tell(d.foldFor, event.Observation{Kind: event.Domain, Name: name, Via: event.ViaDNS, User: "pupil07"})
	}
	return d.online
}

func (d *device) askHere(_ context.Context, name string) error {
	d.here = append(d.here, name)
	if !d.blind {
		d.tell(d.foldFor, event.Observation{Kind: event.Domain, Name: name, Via: event.ViaDNS})
	}
	return nil
}

func (d *device) greet(_ context.Context, _, name string) error {
	d.greeted = append(d.greeted, name)
	if !d.online || d.noCollector {
		return errors.New("no route")
	}
	if !d.blind && !d.blindFar {
		d.tell(150*time.Millisecond, event.Observation{Kind: event.Domain, Name: name, Via: event.ViaTLS})
	}
	return nil
}

func (d *device) greetHere(_ context.Context, name string) error {
	if !d.blind {
		d.tell(150*time.Millisecond, event.Observation{Kind: event.Domain, Name: name, Via: event.ViaTLS})
	}
	return nil
}

func (d *device) request(ctx context.Context, _, name string) error {
	if !d.online || d.noCollector {
		return errors.New("no route")
	}
	if !d.blindFar {
		return d.requestHere(ctx, name)
	}
	return nil
}

func (d *device) requestHere(_ context.Context, name string) error {
	if !d.blind && !d.noHTTP {
		d.tell(100*time.Millisecond, event.Observation{Kind: event.Domain, Name: name, Via: event.ViaHTTP})
	}
	return nil
}

func (d *device) connect(ctx context.Context, _, name string) error {
	if !d.online || d.noCollector {
		return errors.New("no route")
	}
	if !d.blindFar {
		return d.connectHere(ctx, name)
	}
	return nil
}

func (d *device) connectHere(_ context.Context, name string) error {
	if !d.blind && !d.noQUIC {
		d.tell(120*time.Millisecond, event.Observation{Kind: event.Domain, Name: name, Via: event.ViaQUIC})
	}
	return nil
}

func (d *device) start() (int, string, func(), error) {
	d.started++
	if !d.noPrograms {
		d.tell(time.Second, event.Observation{Kind: event.Process, Name: "safelight-agent", Via: event.ViaPoll, PID: childPID, Exe: ownExe, User: "pupil07"})
	}
	return childPID, ownExe, func() { d.ended++ }, nil
}

func (d *device) check() Report {
	d.t.Helper()
	r, err := d.checker.Check(d.t.Context(), Weekly, "")
	must(d.t, err)
	return r
}

func (d *device) result(r Report, what What) Result {
	d.t.Helper()
	i := slices.IndexFunc(r.Results, func(one Result) bool { return one.What == what })
	if i < 0 {
		d.t.Fatalf("the report %+v says nothing of %s", r.Results, what)
	}
	return r.Results[i]
}
