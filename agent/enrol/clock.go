package enrol

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"safelight/internal/pki"
)

// Clock is what a device takes for the time where certificates are concerned.
// Its wall clock may be years off: an empty battery, a hand that set it. Proof
// of time is what the collector said over a proven connection, and when the
// device's own certificate was made; both only say "not earlier than". See
// docs/adr on clocks that are wrong.
type Clock struct {
	path string
	made time.Time // the device's certificate was made then

	mu    sync.Mutex // guards everything declared below
	wall  func() time.Time
	said  clockFile
	limit time.Time // end of the certificate that the collector last proved
}

// clockFile is what outlives a restart.
type clockFile struct {
	// Server is the latest time that a proven collector said.
	Server time.Time `json:"server"`
	// Skew is what was to be added to the wall clock then.
	Skew time.Duration `json:"skew_ns"`
}

const (
	// A wall clock this far from the latest proof of time is not taken for wrong:
	// a device is off for a summer's weeks, not for a year.
	plausibleAhead  = 45 * 24 * time.Hour
	plausibleBehind = 24 * time.Hour
	// How far the proof may run ahead of the file.
	saveEvery = time.Hour
)

// openClock reads what is known. A file that cannot be read is as none: the
// certificate's own time remains.
func openClock(dir string, made time.Time) *Clock {
	c := &Clock{path: filepath.Join(dir, "clock.json"), made: made, wall: time.Now}
	if data, err := os.ReadFile(c.path); err == nil && json.Unmarshal(data, &c.said) != nil {
		c.said = clockFile{}
	}
	return c
}

func (c *Clock) use(wall func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = wall
}

// Now is the best guess: the wall clock, corrected by how wrong it was when the
// collector was last heard, and never before the latest proof.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return latest(c.wall().Add(c.said.Skew), c.proof())
}

// Heard takes in the collector's time, from a connection that was proven. It
// cannot be later than the certificate that proved it: a collector with a wrong
// clock, or a stolen one, cannot carry devices so far ahead that the true one
// would be refused.
func (c *Clock) Heard(server time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if server.IsZero() || !c.limit.IsZero() && server.After(c.limit) {
		return nil
	}
	next := clockFile{Server: latest(server, c.said.Server), Skew: server.Sub(c.wall())}
	drift := (next.Skew - c.said.Skew).Abs()
	stale := next.Server.Sub(c.said.Server) >= saveEvery || drift > time.Minute
	if !stale {
		c.said.Skew = next.Skew
		return nil
	}
	c.said = next
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return pki.WriteSecret(c.path, data)
}

// proof is the moment that cannot be after now. The caller holds mu.
func (c *Clock) proof() time.Time { return latest(c.made, c.said.Server) }

// moments are the times at which a collector's chain is tried: by the corrected
// clock, by the clock as it is, and, where the clock is out of step with the
// proof, at the earliest moment that proof and chain allow. A chain that ended
// before the latest proof is good at none of them.
func (c *Clock) moments(chain []*x509.Certificate) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, proof := c.wall(), c.proof()
	at := []time.Time{latest(wall.Add(c.said.Skew), proof), latest(wall, proof)}
	if wall.Before(proof.Add(-plausibleBehind)) || wall.After(proof.Add(plausibleAhead)) {
		at = append(at, latest(proof, newest(chain)))
	}
	return at
}

// verify tries a chain at each moment that may be now, and answers what the
// first said where none will do.
func (c *Clock) verify(chain []*x509.Certificate, verify func(at time.Time) error) error {
	var first error
	for _, at := range c.moments(chain) {
		err := verify(at)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.limit = chain[0].NotAfter
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// newest is when the youngest certificate of a chain began: all of it was good
// then, or never.
func newest(chain []*x509.Certificate) time.Time {
	var at time.Time
	for _, cert := range chain {
		at = latest(at, cert.NotBefore)
	}
	return at
}
