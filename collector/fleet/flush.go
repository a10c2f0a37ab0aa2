package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"safelight/collector/model"
)

// Run flushes what was seen until ctx ends, and once more then.
func (f *Fleet) Run(ctx context.Context) error {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
			defer cancel()
			return f.flush(last, true)
		case <-ticker.C:
			if err := f.flush(ctx, false); err != nil && ctx.Err() == nil {
				f.Log.LogAttrs(ctx, slog.LevelWarn, "keeping how devices are failed", slog.Any("error", err))
			}
		}
	}
}

// flush writes when devices were seen and what they say of themselves; what
// cannot be written is kept for the next time. The last one writes all, as far as
// its time goes.
func (f *Fleet) flush(ctx context.Context, last bool) error {
	seen, said := f.due(last)
	var failed error
	if len(seen) > 0 {
		if err := f.Store.TouchDevices(ctx, f.School, seen); err != nil {
			failed = fmt.Errorf("flushing when devices were seen: %w", err)
		} else {
			f.touched(seen)
		}
	}
	if len(said) > 0 {
		if err := f.Store.SaveDeviceStatus(ctx, f.School, said); err != nil {
			failed = errors.Join(failed, fmt.Errorf("flushing what devices said: %w", err))
		} else {
			f.saved(said)
		}
	}
	return failed
}

// due takes out what is to be written now.
func (f *Fleet) due(last bool) (seen map[string]time.Time, said []model.DeviceStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen = map[string]time.Time{}
	for device := range f.dirty {
		e := f.devices[device]
		if last || e.LastSeen.Sub(e.touched) >= touchEvery {
			seen[device] = e.LastSeen
		}
		if len(said) < statusesAtOnce || last {
			if e.Said.After(e.saved) && (last || e.news || e.Said.Sub(e.saved) >= statusEvery) {
				said = append(said, e.DeviceStatus)
			}
		}
	}
	return seen, said
}

func (f *Fleet) touched(seen map[string]time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for device, at := range seen {
		f.devices[device].touched = at
		f.clean(device)
	}
}

func (f *Fleet) saved(said []model.DeviceStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range said {
		e := f.devices[st.Device]
		if e.saved = st.Said; e.Said.Equal(st.Said) {
			e.news = false
		}
		f.clean(st.Device)
	}
}

// clean forgets a device of which the store has everything. The caller holds mu.
func (f *Fleet) clean(device string) {
	if e := f.devices[device]; e.touched.Equal(e.LastSeen) && (e.Said.IsZero() || e.saved.Equal(e.Said)) {
		delete(f.dirty, device)
	}
}
