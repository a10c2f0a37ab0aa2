package console

import (
	"sync"
	"time"
)

const (
	maxDelay = 15 * time.Minute
	// maxStrangers bounds what a flood of made-up addresses can take.
	maxStrangers = 4096
)

// delayAfter is how long to wait after n failures in a row: 2^n seconds, at
// most fifteen minutes.
func delayAfter(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	if failures >= 10 {
		return maxDelay
	}
	return time.Second << failures
}

// remaining is how much of the delay is left, in whole seconds, rounded up.
func remaining(failures int, last, now time.Time) time.Duration {
	left := last.Add(delayAfter(failures)).Sub(now)
	if left <= 0 {
		return 0
	}
	return (left + time.Second - 1).Truncate(time.Second)
}

// throttle does two things that the store cannot. It lets one sign-in for an
// address be checked at a time, so that a hundred at once are not a hundred
// free guesses. And it counts failures for addresses that nobody has, so that
// they wait exactly as real ones do and give nothing away.
type throttle struct {
	mu        sync.Mutex // guards everything below
	busy      map[string]bool
	strangers map[string]stranger
}

type stranger struct {
	failures int
	last     time.Time
}

func newThrottle() *throttle {
	return &throttle{busy: map[string]bool{}, strangers: map[string]stranger{}}
}

// begin takes the address; false means that a check of it is going on.
func (t *throttle) begin(email string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[email] {
		return false
	}
	t.busy[email] = true
	return true
}

func (t *throttle) end(email string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, email)
}

func (t *throttle) strangerWait(email string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.strangers[email]
	return remaining(s.failures, s.last, now)
}

func (t *throttle) strangerFailed(email string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.strangers[email]; !ok && len(t.strangers) >= maxStrangers {
		t.makeRoom()
	}
	s := t.strangers[email]
	t.strangers[email] = stranger{failures: s.failures + 1, last: now}
}

// forget ends the count of what has just succeeded.
func (t *throttle) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.strangers, name)
}

// makeRoom drops the address that failed longest ago.
func (t *throttle) makeRoom() {
	oldest := ""
	for email, s := range t.strangers {
		if oldest == "" || s.last.Before(t.strangers[oldest].last) {
			oldest = email
		}
	}
	delete(t.strangers, oldest)
}
