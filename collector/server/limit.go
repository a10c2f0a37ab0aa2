package server

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"slices"
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
	// queue is how many more may wait until they may be strangers, before their
	// handshakes; zero: nobody waits.
	queue int
	// perDevice is how many connections a device may have; one more ends the oldest, or
	// itself where the oldest has just come (enrol.Stay). Zero: any number.
	perDevice int
	// manners is how long a stranger may stay; zero: as long as it likes.
	manners time.Duration
}

// A device that has not finished its handshake is a stranger too. After a restart
// thousands call at once, a school's all from one address: handshakes that all
// went on side by side would take each other's time until none is done within its
// own, and a device that is refused comes back late. So what is over the limit
// waits, which costs a few kilobytes, and what is over the queue is closed.
//
// Only strangers are counted by address: whoever floods one keeps out others there
// who have never connected, and no device that has, nor anybody elsewhere.
var (
	agentLimits   = connLimits{all: 20_000, strangers: 1024, perAddress: 256, queue: 8192, perDevice: 16, manners: time.Minute}
	peopleLimits  = connLimits{all: 2048, strangers: 2048, perAddress: 256}
	publicLimits  = connLimits{all: 1024, strangers: 1024, perAddress: 896} // a school's people come from one address
	metricsLimits = connLimits{all: 64, strangers: 64, perAddress: 64}
)

// kept are the descriptors that stay for people, the store, mail and the rest.
const kept = 2048 + 1024 + 512

// fewEnough lowers the agents' limits to what the process may open, so that a flood
// of connections never takes the store its files.
func fewEnough(limits connLimits, descriptors int) connLimits {
	if descriptors > 0 {
		limits.all = min(limits.all, max(descriptors-kept, descriptors/2))
		limits.strangers = min(limits.strangers, limits.all/2)
		limits.perAddress = min(limits.perAddress, limits.strangers)
		limits.queue = min(limits.queue, limits.all/2)
	}
	return limits
}

// limited is a listener that closes at once what is over its limits, so that
// neither descriptors nor memory run out.
type limited struct {
	net.Listener
	limits connLimits
	now    func() time.Time

	mu        sync.Mutex // guards everything below
	closed    bool
	all       int
	strangers int
	from      map[string]int
	queue     queue
	devices   map[deviceKey][]*guest // the oldest first
	guests    map[*guest]struct{}    // nil where whoever serves ends what is open
}

func limit(l net.Listener, limits connLimits) *limited {
	return &limited{Listener: l, limits: limits, now: time.Now, from: map[string]int{}, devices: map[deviceKey][]*guest{}}
}

// limitAbrupt also ends every connection when the listener closes: gRPC waits for
// handshakes before it stops, and one that goes nowhere takes longer than stopping
// may.
func limitAbrupt(l net.Listener, limits connLimits) *limited {
	a := limit(l, limits)
	a.guests = map[*guest]struct{}{}
	return a
}

func (l *limited) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	open := slices.Collect(maps.Keys(l.guests))
	l.closed = true
	l.mu.Unlock()
	for _, g := range open {
		_ = g.Close() // it may have ended already
	}
	return err
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
	if l.closed || l.all >= l.limits.all {
		return nil
	}
	g := &guest{Conn: c, house: l, address: address}
	switch {
	case l.room(address):
		l.enter(g)
	case l.queue.len < l.limits.queue:
		l.queue.join(g)
	default:
		return nil
	}
	l.all++
	if l.guests != nil {
		l.guests[g] = struct{}{}
	}
	return g
}

// room needs mu.
func (l *limited) room(address string) bool {
	return l.strangers < l.limits.strangers && l.from[address] < l.limits.perAddress
}

// enter counts a stranger. It needs mu.
func (l *limited) enter(g *guest) {
	l.strangers++
	l.from[g.address]++
	g.stranger = true
	if l.limits.manners > 0 {
		g.patience = time.AfterFunc(l.limits.manners, g.tire)
	}
}

// next lets those in who wait and for whom there is room. It needs mu.
func (l *limited) next() {
	for g := l.queue.leave(l.room); g != nil; g = l.queue.leave(l.room) {
		l.enter(g)
		close(g.turn)
	}
}

// guest is a connection that is counted.
type guest struct {
	net.Conn
	house    *limited
	address  string
	turn     chan struct{} // closed when its turn has come, or it is over; nil: it need not wait
	patience *time.Timer   // house.mu guards this and those below

	key      deviceKey // once it is known
	since    time.Time // when it became so
	stranger bool
	left     bool
}

// await returns when the guest may begin its handshake.
func (g *guest) await(patience time.Duration) error {
	if g.turn == nil {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-g.turn:
		return nil
	case <-timer.C:
		return errTooMany
	}
}

var errTooMany = errors.New("its turn for a handshake did not come in time")

// tire ends a stranger's visit.
func (g *guest) tire() {
	g.house.mu.Lock()
	stranger := g.stranger
	g.house.mu.Unlock()
	if stranger {
		_ = g.Close()
	}
}

// deviceKey is whose connections are counted together: the SHA-256 of a device's public
// key and of its name in the certificate, which we signed. Laptops whose disk was copied
// after the agent had made its key, and that enrolled each for itself, have one key and
// are devices of their own: counted by the key alone, the seventeenth would end the first.
type deviceKey [sha256.Size]byte

func deviceKeyOf(leaf *x509.Certificate) deviceKey {
	return sha256.Sum256(slices.Concat(leaf.RawSubjectPublicKeyInfo, leaf.RawSubject))
}

// known takes a connection off the strangers' count, and ends one of a device that has
// too many.
func (g *guest) known(key deviceKey) {
	if over := g.house.meet(g, key); over != nil {
		_ = over.Close() // it may have ended already
	}
}

func (l *limited) meet(g *guest, key deviceKey) (over *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.left {
		return nil
	}
	g.unstrange()
	if l.limits.perDevice == 0 {
		return nil
	}
	g.key, g.since = key, l.now()
	l.devices[key] = append(l.devices[key], g)
	open := l.devices[key]
	if len(open) <= l.limits.perDevice {
		return nil
	}
	if age := g.since.Sub(open[0].since); age >= 0 && age < enrol.Stay {
		return g
	}
	return open[0]
}

// forget needs mu.
func (l *limited) forget(g *guest) {
	open, counted := l.devices[g.key]
	if !counted {
		return
	}
	left := slices.DeleteFunc(open, func(o *guest) bool { return o == g })
	if l.devices[g.key] = left; len(left) == 0 {
		delete(l.devices, g.key)
	}
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
	g.house.next()
}

func (g *guest) Close() error {
	g.house.mu.Lock()
	if !g.left {
		g.left = true
		g.house.all--
		delete(g.house.guests, g)
		g.house.forget(g)
		if g.house.queue.drop(g) {
			close(g.turn)
		}
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

// queueTimeout is how long a connection waits for its turn: its caller gives up
// after ten seconds, and a handshake with nobody costs as much as any.
const queueTimeout = 8 * time.Second

func newKnowing(conf *tls.Config) credentials.TransportCredentials {
	return knowing{enrol.Credentials(conf)}
}

func (k knowing) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	g, counted := c.(*guest)
	if counted {
		if err := g.await(queueTimeout); err != nil {
			return nil, nil, err // gRPC closes c
		}
	}
	secure, info, err := k.TransportCredentials.ServerHandshake(c)
	if line, ok := info.(enrol.Line); ok && err == nil && line.Known() && counted {
		g.known(deviceKeyOf(line.State.PeerCertificates[0]))
	}
	return secure, info, err
}

func (k knowing) Clone() credentials.TransportCredentials {
	return knowing{k.TransportCredentials.Clone()}
}
