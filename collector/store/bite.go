package store

import (
	"sync"
	"time"
)

const (
	// gatherHeld is about how long one transaction of the gatherer may hold the
	// write connection: whoever delivers meanwhile waits for it as long.
	gatherHeld = 4 * time.Millisecond
	// The bounds of what it gathers then: few enough for a slow disk, and enough
	// that the transaction itself does not cost more than what is in it.
	leastBite, firstBite, mostBite = 25, 100, 800
)

// bite is how many events the gatherer takes at a time: as many as it gathered
// lately in gatherHeld. How long one takes is ten times as much on one day as on
// another, by how many alerts they are about and whether these are in memory.
type bite struct {
	mu   sync.Mutex
	rows float64
}

func (b *bite) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.rows)
}

// took notes how long n events held the connection. Few say nothing of many.
func (b *bite) took(n int, held time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if held <= gatherHeld && n < int(b.rows) {
		return
	}
	fit := 2 * b.rows // at most
	if held > 0 {
		fit = min(fit, float64(n)*float64(gatherHeld)/float64(held))
	}
	b.rows = min(mostBite, max(leastBite, (b.rows+fit)/2))
}
