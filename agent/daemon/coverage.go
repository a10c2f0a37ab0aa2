package daemon

import (
	"time"

	"safelight/agent/pipeline"
	"safelight/agent/source"
)

// Coverage counts what was not seen, so that it is never taken for nothing
// having happened. It names neither places nor people: the person whose device
// it is may read it (G3).
type Coverage struct {
	// Hidden counts what kept names from being seen, by what it was:
	// "encrypted_dns", "ech", "vpn" and "proxy" by the names of the policy's
	// lists, "dot", "doq", "wireguard" and others by the packets themselves.
	Hidden map[string]uint64 `json:"hidden"`
	// Stopped is how many sources see nothing now, Stops how often one ended.
	Stopped int    `json:"stopped"`
	Stops   uint64 `json:"stops"`
	// Dropped and Lost are observations and packets that were let go, by the
	// agent and by the system.
	Dropped uint64 `json:"dropped"`
	Lost    uint64 `json:"lost"`
}

// startTime is how long a source may take to begin. One that has not begun by
// then sees nothing, and a device on which it waits for ever, for a log whose
// path is wrong, is not covered.
const startTime = time.Minute

// standing is how the sources stand.
func (a *agent) standing(now time.Time) []source.Status {
	var all []source.Status
	for _, s := range a.sources {
		all = append(all, overdue(s.Status(), a.began, now))
	}
	return all
}

// overdue says of a source that should have begun that it cannot; began is when
// the agent did.
func overdue(s source.Status, began, now time.Time) source.Status {
	if s.Since.After(began) {
		began = s.Since
	}
	if s.State != source.Starting || now.Sub(began) <= startTime {
		return s
	}
	s.State = source.Unavailable
	if s.Detail == "" {
		s.Detail = "has not begun"
	}
	s.Detail += ", for over a minute"
	return s
}

// coverageOf sums what the sources and the pipeline counted.
func coverageOf(sources []source.Status, judged pipeline.Counts, stops uint64) Coverage {
	c := Coverage{Hidden: map[string]uint64{}, Stops: stops}
	for _, s := range sources {
		c.Dropped += s.Dropped
		c.Lost += s.Lost
		if s.State == source.Unavailable || s.State == source.Stopped {
			c.Stopped++
		}
		for what, n := range s.Hidden {
			c.add(what, n)
		}
	}
	c.add("encrypted_dns", judged.Hidden.EncryptedDNS)
	c.add("ech", judged.Hidden.ECH)
	c.add("vpn", judged.Hidden.VPN)
	c.add("proxy", judged.Hidden.Proxy)
	return c
}

func (c *Coverage) add(what string, n uint64) {
	if n > 0 {
		c.Hidden[what] += n
	}
}
