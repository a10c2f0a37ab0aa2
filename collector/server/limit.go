package server

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"safelight/collector/enrol"
)

// connLimits are what a listener lets in.
type connLimits struct {
	all        int // connections
	strangers  int // of those, of whoever has not shown a device's certificate
	perAddress int // of those strangers, from one address
	// manners is how long a stranger may stay; zero: as long as it likes.
	manners time.Duration
}

// A device that has not finished its handshake is a stranger too. After a restart
// thousands call at once: what is over the limit is closed before it costs
// anything and tries again, where handshakes that all go on side by side would
// take each other's time until none is done within its own.
//
// A school's devices may all come from one address, so only strangers are
// counted by address: whoever floods that address keeps out others who have
// never connected, and no device that has.
var (
	agentLimits   = connLimits{all: 20_000, strangers: 1024, perAddress: 256, manners: time.Minute}
	peopleLimits  = connLimits{all: 2048, strangers: 2048, perAddress: 256}
	metricsLimits = connLimits{all: 64, strangers: 64, perAddress: 64}
)

// kept are the descriptors that stay for people, the store, mail and the rest.
const kept = 2048 + 512

// fewEnough lowers the agents' limits to what the process may open, so that a flood
// of connections never takes the store its files.
func fewEnough(limits connLimits, descriptors int) connLimits {
	if descriptors > 0 {
		limits.all = min(limits.all, max(descriptors-kept, descriptors/2))
		limits.strangers = min(limits.strangers, limits.all/2)
		limits.perAddress = min(limits.perAddress, limits.strangers)
	}
	return limits
}

// limited is a listener that closes at once what is over its limits, so that
// neither descriptors nor memory run out.
type limited struct {
	net.Listener
	limits connLimits

	mu        sync.Mutex // guards everything below
	all       int
	strangers int
	from      map[string]int
}

func limit(l net.Listener, limits connLimits) *limited {
	return &limited{Listener: l, limits: limits, from: map[string]int{}}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if guest := l.admit(c); guest != nil {
			return guest, nil
		}
		_ = c.Close() // one too many
	}
}

func (l *limited) admit(c net.Conn) *guest {
	address, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.limits.all || l.strangers >= l.limits.strangers || l.from[address] >= l.limits.perAddress {
		return nil
	}
	l.all++
	l.strangers++
	l.from[address]++
	g := &guest{Conn: c, house: l, address: address, stranger: true}
	if l.limits.manners > 0 {
		g.patience = time.AfterFunc(l.limits.manners, g.tire)
	}
	return g
}

// guest is a connection that is counted.
type guest struct {
	net.Conn
	house    *limited
	address  string
	patience *time.Timer

	stranger bool // house.mu guards this and left
	left     bool
}

// tire ends a stranger's visit.
func (g *guest) tire() {
	g.house.mu.Lock()
	stranger := g.stranger
	g.house.mu.Unlock()
	if stranger {
		_ = g.Close()
	}
}

// known takes a connection off the strangers' count.
func (g *guest) known() {
	g.house.mu.Lock()
	defer g.house.mu.Unlock()
	g.unstrange()
}

// unstrange needs house.mu.
func (g *guest) unstrange() {
	if !g.stranger {
		return
	}
	g.stranger = false
	if g.patience != nil {
		g.patience.Stop()
	}
	g.house.strangers--
	if g.house.from[g.address]--; g.house.from[g.address] == 0 {
		delete(g.house.from, g.address)
	}
}

func (g *guest) Close() error {
	g.house.mu.Lock()
	if !g.left {
		g.left = true
		g.house.all--
		g.unstrange()
	}
	g.house.mu.Unlock()
	return g.Conn.Close()
}

// knowing is TLS that tells the listener once a connection has shown a device's
// certificate, which the gate has verified by then.
type knowing struct {
	credentials.TransportCredentials
}

func newKnowing(conf *tls.Config) credentials.TransportCredentials {
	return knowing{enrol.Credentials(conf)}
}

func (k knowing) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := k.TransportCredentials.ServerHandshake(c)
	if line, ok := info.(enrol.Line); ok && err == nil && line.Known() {
		if g, ok := c.(*guest); ok {
			g.known()
		}
	}
	return secure, info, err
}

func (k knowing) Clone() credentials.TransportCredentials {
	return knowing{k.TransportCredentials.Clone()}
}
