package fleet

import (
	"context"
	"time"

	"safelight/collector/model"
)

const (
	// requestLife is how long a device that comes late is still asked.
	requestLife = 24 * time.Hour
	// lateSpread is what such a device is given: it comes alone.
	lateSpread = time.Minute
)

// Reload takes up the newest requests, and who has answered them.
func (c *Checks) Reload(ctx context.Context) error {
	requests, answered, err := c.read(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests, c.answered = requests, answered
	return nil
}

// read gives the newest request for each device that one was made for, the empty
// one's being for every device, and who has answered which.
func (c *Checks) read(ctx context.Context) (map[string]model.CheckRequest, map[string]map[string]bool, error) {
	since := c.now().Add(-requestLife)
	all, err := c.store.CheckRequests(ctx, c.school, since)
	if err != nil {
		return nil, nil, err
	}
	requests := make(map[string]model.CheckRequest)
	for _, r := range all { // oldest first
		requests[r.Device] = r
	}
	answered, err := c.store.Answered(ctx, c.school, since)
	return requests, answered, err
}

// Answer notes that a device's check has arrived.
func (c *Checks) Answer(device, request string) {
	if request == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.requests[""].ID != request && c.requests[device].ID != request {
		return
	}
	if c.answered[request] == nil {
		c.answered[request] = map[string]bool{}
	}
	c.answered[request][device] = true
}

// Wanted is what a device is still to check, and within how long; ok: there is
// something. Of a request for every device and one for it alone the newer counts.
func (c *Checks) Wanted(device string) (request string, within time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requests[""]
	if own := c.requests[device]; own.At.After(r.At) {
		r = own
	}
	age := c.now().Sub(r.At)
	if r.ID == "" || age > requestLife || c.answered[r.ID][device] {
		return "", 0, false
	}
	if within = r.Within - age; within < lateSpread {
		within = min(r.Within, lateSpread)
	}
	return r.ID, within, true
}
