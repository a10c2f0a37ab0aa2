package e2etest

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy is a bad network: what passes between agent and collector is delayed,
// stalled, cut off in mid-frame with a reset, or swallowed by a connection that
// only looks open. Heal ends all that.
type proxy struct {
	to       string
	listener net.Listener
	healed   atomic.Bool

	mu    sync.Mutex // guards everything below
	rand  *rand.Rand
	open  map[net.Conn]bool
	count map[string]int

	all sync.WaitGroup
}

func startProxy(t *testing.T, to string, seed uint64) *proxy {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	p := &proxy{to: to, listener: l, rand: rand.New(rand.NewPCG(seed, 7)), open: map[net.Conn]bool{}, count: map[string]int{}}
	p.all.Go(p.serve)
	t.Cleanup(func() { _ = l.Close(); p.closeAll(); p.all.Wait() })
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// heal makes the network a good one and ends the connections of the bad one.
func (p *proxy) heal() { p.healed.Store(true); p.closeAll() }

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

// chance draws whether something happens once in n times, and counts it.
func (p *proxy) chance(what string, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.healed.Load() || p.rand.IntN(n) != 0 {
		return false
	}
	p.count[what]++
	return true
}

func (p *proxy) serve() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.chance("refused", 8) {
			_ = near.Close()
			continue
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil { // the collector is dead just now
			_ = near.Close()
			continue
		}
		p.mu.Lock()
		p.open[near], p.open[far] = true, true
		p.mu.Unlock()
		p.all.Go(func() { p.pipe(near, far) })
		p.all.Go(func() { p.pipe(far, near) })
	}
}

func (p *proxy) forget(cs ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range cs {
		_ = c.Close()
		delete(p.open, c)
	}
}

func (p *proxy) pipe(from, to net.Conn) {
	defer p.forget(from, to)
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		switch {
		case p.chance("reset", 150):
			_, _ = to.Write(buf[:n/2]) // half a frame, and then nothing
			for _, c := range []net.Conn{from, to} {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			return
		case p.chance("half-open", 600):
			<-time.After(3 * time.Second) // read by nobody, and not closed
			return
		case p.chance("stall", 200):
			<-time.After(700 * time.Millisecond)
		case p.chance("delay", 10):
			<-time.After(20 * time.Millisecond)
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
