package fleet

import (
	"context"
	"time"
)

const (
	// requestLife is how long a device that comes late is still asked.
	requestLife = 24 * time.Hour
	// lateSpread is what such a device is given: it comes alone.
	lateSpread = time.Minute
)

// Reload takes up the newest request, and who has answered it.
func (c *Checks) Reload(ctx context.Context) error {
	r, ok, err := c.store.NewestRequest(ctx, c.school)
	if err != nil || !ok {
		return err
	}
	devices, err := c.store.Answered(ctx, c.school, r.ID, r.At)
	if err != nil {
		return err
	}
	answered := make(map[string]bool, len(devices))
	for _, d := range devices {
		answered[d] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request, c.answered = r, answered
	return nil
}

// Answer notes that a device's check has arrived.
func (c *Checks) Answer(device, request string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if request != "" && request == c.request.ID {
		c.answered[device] = true
	}
}

// Wanted is what a device is still to check, and within how long; ok: there is
// something.
func (c *Checks) Wanted(device string) (request string, within time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.now().Sub(c.request.At)
	if c.request.ID == "" || age > requestLife || c.answered[device] {
		return "", 0, false
	}
	if within = c.request.Within - age; within < lateSpread {
		within = min(c.request.Within, lateSpread)
	}
	return c.request.ID, within, true
}
