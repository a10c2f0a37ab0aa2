package network

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"safelight/agent/source"
	"safelight/internal/event"
)

// gather keeps all that it is offered.
type gather struct {
	sink

	mu    sync.Mutex // guards what follows
	got   []event.Observation
	names map[string]bool // of TLS
	want  int             // how many names there are to come; 0 is any number
	came  chan struct{}   // closed once they did
}

func (g *gather) Offer(o source.Observed) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, o.Observation)
	if g.want > 0 && o.Via == event.ViaTLS && !g.names[o.Name] {
		g.names[o.Name] = true
		if len(g.names) == g.want {
			close(g.came)
		}
	}
	return true
}

// expecting is a gather that waits for so many names in TLS.
func expecting(names int) *gather {
	return &gather{names: make(map[string]bool), want: names, came: make(chan struct{})}
}

// whole returns what came, once all names did, or as much as ever will.
func (g *gather) whole() []event.Observation {
	select {
	case <-g.came:
	case <-time.After(time.Minute): // some were lost; the test says how many may be
	}
	return g.all()
}

func (g *gather) all() []event.Observation {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.got)
}

// few is the size of a test that `make test` runs in small; `make acceptance`
// runs it whole.
func few(small, whole int) int {
	if os.Getenv("SAFELIGHT_ACCEPTANCE") != "" {
		return whole
	}
	return small
}

// setPorts leaves so few ports that each is used again and again.
func setPorts(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40499"), 0); err != nil {
		t.Fatal(err)
	}
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// Short connections on few ports: each name must be seen, and on the BPF path
// with the process and the account that asked for it.
func TestShortConnectionsOnPortsUsedAgain(t *testing.T) {
	if !namespace(t) {
		return
	}
	makeWorld(t)
	setPorts(t)
	uids := []int{61301, 61302, 61303, 61304}
	each := few(250, 2500)
	out := expecting(each * len(uids))
	src := watchingInto(t, Config{}, out)
	before := cpu(t)
	pids := clients(t, uids, each, farAddr4+":443", "["+farAddr6+"]:443")
	seen := make(map[string]event.Observation)
	for _, o := range out.whole() {
		if o.Via == event.ViaTLS {
			seen[o.Name] = o
		}
	}
	spent := cpu(t) - before
	named, owned := 0, 0
	for _, uid := range uids {
		for i := range each {
			o, ok := seen[shortName(uid, i)]
			if !ok {
				continue
			}
			named++
			if o.Attempt {
				t.Fatalf("%s is said to be an attempt", o.Name)
			}
			if o.PID == pids[uid] && o.UID != nil && int(*o.UID) == uid && o.Exe == os.Args[0] {
				owned++
			}
		}
	}
	st, all := src.Status(), each*len(uids)
	t.Logf("way %s: %d of %d names, %d with the right pid, uid and exe; lost %d, dropped %d; %v of CPU, %v a hello",
		st.Way, named, all, owned, st.Lost, st.Dropped, spent, spent/time.Duration(all))
	want := 995
	if st.Way == string(BPF) {
		want = 999
		if 1000*owned < want*all {
			t.Errorf("%d of %d names have the right owner; want %d in 1,000", owned, all, want)
		}
	}
	if 1000*named < want*all {
		t.Errorf("saw %d of %d names; want %d in 1,000; %s", named, all, want, fmt.Sprintf("%+v", st))
	}
}

// An upload must not push other names out of the ring, and is not looked at.
func TestNoNameIsLostBesideAnUpload(t *testing.T) {
	if !namespace(t) {
		return
	}
	makeWorld(t)
	const others = 20
	out := expecting(others + 1)
	src := watchingInto(t, Config{}, out)
	bytes := few(40<<20, 400<<20)
	sent := make(chan error, 1)
	go func() { sent <- uploadFar(farAddr4+":444", bytes) }()
	for i := range others {
		if err := hello(farAddr4+":443", shortName(0, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, o := range out.whole() {
		seen[o.Name] = true
	}
	if len(seen) != others+1 || !seen["upload.example.org"] {
		t.Errorf("saw %d names of %d", len(seen), others+1)
	}
	if st := src.Status(); st.Lost != 0 || st.Dropped != 0 {
		t.Errorf("status %+v", st)
	}
}
