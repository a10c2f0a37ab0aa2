package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// Status takes a device's heartbeat. The first of each stream carries a Hello.
// Another school's device is none of this fleet.
func (f *Fleet) Status(school model.SchoolID, device string, st *safelightv1.AgentStatus, now time.Time) {
	if school != f.school {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.seen(device, now)
	if hello := st.GetHello(); hello != nil {
		e.streams++
		e.Version = hello.GetVersion()
	}
	e.PolicyEpoch, e.PolicySerial = st.GetPolicyEpoch(), st.GetPolicySerial()
	e.Sources, e.Lanes, e.Quarantined = st.GetSources(), st.GetLanes(), st.GetQuarantined()
}

// Gone notes that one of a device's streams has ended.
func (f *Fleet) Gone(school model.SchoolID, device string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.devices[device]; school == f.school && e != nil && e.streams > 0 {
		e.streams--
	}
}

// Seen notes that a device delivered something.
func (f *Fleet) Seen(school model.SchoolID, device string, at time.Time) {
	if school != f.school {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen(device, at)
}

// seen finds or makes a device's entry. The caller holds mu. Only devices with
// a certificate come this far, so their number is bounded by enrolment.
func (f *Fleet) seen(device string, at time.Time) *entry {
	e := f.devices[device]
	if e == nil {
		e = &entry{}
		f.devices[device] = e
	}
	if at.After(e.LastSeen) {
		e.LastSeen = at
		f.dirty[device] = at
	}
	return e
}

// Device says how a device was when it last said so; not ok: it has said
// nothing since the start.
func (f *Fleet) Device(id string) (Device, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.devices[id]
	if e == nil {
		return Device{}, false
	}
	d := e.Device
	d.Connected = e.streams > 0
	return d, true
}

// DevicesToday counts the devices seen since midnight, out of those enrolled
// and not revoked. Where the store cannot be read it says 0 out of 0.
func (f *Fleet) DevicesToday(ctx context.Context) (seen, enrolled int) {
	devices, err := f.store.Devices(ctx, f.school)
	if err != nil {
		f.logger.LogAttrs(ctx, slog.LevelError, "counting devices failed", slog.Any("error", err))
		return 0, 0
	}
	now := f.now()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for _, d := range devices {
		if !d.Revoked.IsZero() {
			continue
		}
		enrolled++
		last := d.LastSeen
		if live, ok := f.Device(d.ID); ok && live.LastSeen.After(last) {
			last = live.LastSeen
		}
		if !last.Before(midnight) {
			seen++
		}
	}
	return seen, enrolled
}

// Run flushes what was seen until ctx ends, and once more then.
func (f *Fleet) Run(ctx context.Context) error {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
			defer cancel()
			return f.flush(last)
		case <-ticker.C:
			if err := f.flush(ctx); err != nil && ctx.Err() == nil {
				f.logger.LogAttrs(ctx, slog.LevelWarn, "keeping when devices were seen failed", slog.Any("error", err))
			}
		}
	}
}

// flush writes what was seen since the last flush; what cannot be written is
// kept for the next.
func (f *Fleet) flush(ctx context.Context) error {
	f.mu.Lock()
	batch := f.dirty
	f.dirty = make(map[string]time.Time)
	f.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := f.store.TouchDevices(ctx, f.school, batch)
	if err == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for device, at := range batch {
		if at.After(f.dirty[device]) {
			f.dirty[device] = at
		}
	}
	return fmt.Errorf("flushing when devices were seen: %w", err)
}
