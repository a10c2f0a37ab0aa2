package process

import (
	"os"
	"strings"
	"time"

	"safelight/internal/event"
)

const (
	// A look at /proc costs some tens of microseconds: that many a second are
	// 2 % of a core. Storms of starts are told with what the kernel said.
	looksASecond = 300
	looksAtOnce  = 1000
)

// bucket hands out looks.
type bucket struct {
	left float64
	at   time.Time
}

func newBucket(now time.Time) bucket { return bucket{left: looksAtOnce, at: now} }

func (b *bucket) take(now time.Time) bool {
	if passed := now.Sub(b.at); passed > 0 {
		b.left = min(looksAtOnce, b.left+passed.Seconds()*looksASecond)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

const (
	// crowd is how many starts of the same program by the same account within
	// crowdTime are told one by one; the rest is told as one with their count.
	crowd     = 2000
	crowdTime = time.Minute
	maxCrowds = 4096
)

// crowds bounds what a program that is started in a loop costs everybody after
// this source.
type crowds struct {
	since time.Time
	known map[kind]*many
}

type kind struct {
	name, exe, script, user string
	uid                     uint32
}

type many struct {
	told int
	held event.Observation // the last; its Count says how many it stands for
}

func newCrowds() *crowds { return &crowds{known: make(map[kind]*many)} }

// add returns what is to be told now.
func (c *crowds) add(o event.Observation, now time.Time) []event.Observation {
	var out []event.Observation
	if passed := now.Sub(c.since); passed < 0 || passed >= crowdTime || len(c.known) >= maxCrowds {
		out = c.rest()
		c.since = now
	}
	k := kind{name: o.Name, exe: o.Exe, script: o.Script, user: o.User}
	if o.UID != nil {
		k.uid = *o.UID
	}
	m := c.known[k]
	if m == nil {
		m = &many{}
		c.known[k] = m
	}
	if m.told < crowd {
		m.told++
		return append(out, o)
	}
	o.Count = m.held.Count + 1
	m.held = o
	return out
}

// rest returns what was held back, and begins anew.
func (c *crowds) rest() []event.Observation {
	var out []event.Observation
	for _, m := range c.known {
		if m.held.Count > 0 {
			out = append(out, m.held)
		}
	}
	clear(c.known)
	return out
}

// own says whether a program is the agent's own helper: it asks the directory
// whose a process is, which must not be told as a program in turn.
func own(o event.Owner) bool {
	return o.PPID == os.Getpid() && fileName(o.Exe) == "getent"
}

func fileName(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }
