package e2etest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"safelight/internal/trialschool"
)

// relay passes TCP on and understands none of it, as a rented machine in front of
// a collector behind NAT does. It remembers what passed.
type relay struct {
	to       string
	listener net.Listener
	all      sync.WaitGroup

	mu     sync.Mutex // guards everything below
	open   map[net.Conn]bool
	muted  map[net.Conn]bool // read, and passed on no more
	passed bytes.Buffer      // both ways
	count  int               // connections
	ended  int               // of them, by the agent, after they were muted
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	r := &relay{to: to, listener: must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0")), open: map[net.Conn]bool{}, muted: map[net.Conn]bool{}}
	r.all.Go(r.serve)
	t.Cleanup(func() {
		_ = r.listener.Close()
		r.mu.Lock()
		for c := range r.open {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.all.Wait()
	})
	return r
}

func (r *relay) serve() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		r.mu.Lock()
		r.open[near], r.open[far] = true, true
		r.count++
		r.mu.Unlock()
		r.all.Go(func() { r.pipe(near, far, true) })
		r.all.Go(func() { r.pipe(far, near, false) })
	}
}

// pipe passes on until from ends. A connection that was muted stays open on both
// sides until its own side ends it: nobody hears of the other's end.
func (r *relay) pipe(from, to net.Conn, byAgent bool) {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		muted := r.muted[from]
		if muted && err != nil && byAgent {
			r.ended++
		}
		if !muted {
			r.passed.Write(buf[:n])
		}
		r.mu.Unlock()
		if !muted && n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			if muted {
				return
			}
			break
		}
	}
	_ = from.Close()
	_ = to.Close()
}

// forget is what a router does that has dropped its entry: the connections that
// there are carry nothing more, and are not ended. New ones pass.
func (r *relay) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		r.muted[c] = true
	}
}

func (r *relay) seen() (count, ended int, passed []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count, r.ended, bytes.Clone(r.passed.Bytes())
}

// A collector behind a router is reached through a relay that need not be trusted:
// TLS goes from device to collector, so that the certificate that the collector
// judges by is the device's, and what passes can be read by nobody.
// And a line that dies in silence, as behind a router that forgets, is found dead
// and made anew without anybody's help.
func TestThroughAPlainRelayEventsArriveAndASilentlyDeadLineIsMadeAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it waits for a line to be found dead")
	}
	s := newSchool(t)
	r := startRelay(t, s.AgentsAddr)
	s.Through = r.listener.Addr().String()
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	ctx := t.Context()
	collector := must[*trialschool.Program](t)(s.StartCollector(ctx))
	must[string](t)(s.AddDSL(ctx))
	check(t, s.ImportPupil(ctx, "demo.pupil"))
	check(t, s.Publish(ctx, writeRules(t, s.Dir, "flagged.example", "high")))
	check(t, s.Enrol(ctx, s.AgentDir(), fmt.Sprintf("keepalive: 10s\nweblog: [{format: squid, path: %q}]\n", log)))
	agent := must[*trialschool.Program](t)(s.StartAgent(ctx, s.AgentDir()))
	check(t, s.UntilReady(ctx, s.AgentDir()))
	appendLine(t, log, "n1.flagged.example", "demo.pupil")
	untilStored(t, s, "n1.flagged.example")

	before, _, passed := r.seen()
	if before == 0 || len(passed) < 3 || passed[0] != 0x16 || passed[1] != 3 {
		t.Fatalf("%d connections passed the relay, and they begin % x, which is no TLS handshake", before, passed[:min(3, len(passed))])
	}
	for _, secret := range []string{"flagged.example", "demo.pupil"} {
		if bytes.Contains(passed, []byte(secret)) {
			t.Errorf("the relay could read %q", secret)
		}
	}
	var device struct{ ID string }
	check(t, s.Ask(ctx, &device, "device", "list"))
	from := func() (all []struct{ Name, Device string }) {
		all, err := trialschool.Lines[struct{ Name, Device string }](must[[]byte](t)(s.Verb(ctx, "events", "--as", trialschool.DSLName, "--json")))
		check(t, err)
		return all
	}
	for _, e := range from() {
		if e.Device != device.ID || device.ID == "" {
			t.Errorf("%s is told as device %q's, and the certificate is %q's", e.Name, e.Device, device.ID)
		}
	}

	r.forget()
	appendLine(t, log, "n2.flagged.example", "demo.pupil")
	untilStored(t, s, "n2.flagged.example")
	after, ended, _ := r.seen()
	if after == before || ended == 0 {
		t.Errorf("%d connections, then %d, and the agent ended %d dead ones: the event came another way", before, after, ended)
	}
	if n := len(from()); n != 2 {
		t.Errorf("%d events, want each of two once", n)
	}
	check(t, agent.Stop())
	check(t, collector.Stop())
}
