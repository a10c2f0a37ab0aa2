// Package rate says how often somebody may do something: so many at once, and so
// many a second after that. It remembers a bounded number of them, so that those
// who come under ever new names take no memory without end. collector/enrol
// counts addresses with it, collector/watch devices; it knows neither.
package rate

import (
	"sync"
	"time"
)

// Limit is what each may have.
type Limit struct {
	Burst  float64 // at once
	Second float64 // and each second after that
}

// Limiter counts for each key.
type Limiter struct {
	limit Limit
	most  int // keys
	now   func() time.Time

	mu   sync.Mutex // guards left
	left map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// New makes a limiter that remembers at most so many keys. Its clock must not
// jump: time.Now is right, a wall clock that was read from elsewhere is not.
func New(limit Limit, most int, now func() time.Time) *Limiter {
	return &Limiter{limit: limit, most: most, now: now, left: map[string]bucket{}}
}

// Wait is how long until a key may go on; nought: now.
func (l *Limiter) Wait(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(l.of(key))
}

// Take counts one, or says how long to wait and counts none.
func (l *Limiter) Take(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of(key)
	if wait := l.wait(b); wait > 0 {
		return wait
	}
	b.left--
	if _, known := l.left[key]; !known && len(l.left) >= l.most {
		l.makeRoom()
	}
	l.left[key] = b
	return 0
}

func (l *Limiter) wait(b bucket) time.Duration {
	if b.left >= 1 {
		return 0
	}
	return time.Duration((1 - b.left) / l.limit.Second * float64(time.Second))
}

// of is a key's count by now. It needs mu.
func (l *Limiter) of(key string) bucket {
	now := l.now()
	b, known := l.left[key]
	if !known {
		return bucket{l.limit.Burst, now}
	}
	return bucket{min(l.limit.Burst, b.left+max(0, now.Sub(b.at).Seconds())*l.limit.Second), now}
}

// makeRoom forgets those who have all that they may have and, where there are
// none, whoever has most: forgetting gives back. It needs mu.
func (l *Limiter) makeRoom() {
	fullest, most := "", -1.0
	for key := range l.left {
		b := l.of(key)
		if b.left >= l.limit.Burst {
			delete(l.left, key)
		}
		if b.left > most {
			fullest, most = key, b.left
		}
	}
	delete(l.left, fullest)
}
