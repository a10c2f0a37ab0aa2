package main

import (
	"fmt"
	"time"

	"safelight/agent/pages"
	"safelight/agent/source/hostname"
	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// marker marks what `observe` prints as the pipeline would: by the lists that
// ship, since a device's policy is not read by a command that judges nothing,
// and by what follows what.
type marker struct {
	set   *rules.Ruleset
	pages *pages.Tracker
	began time.Time // with the monotonic clock
}

func newMarker() (*marker, error) {
	files, err := packdir.Shipped()
	if err != nil {
		return nil, fmt.Errorf("reading the lists that ship: %w", err)
	}
	set, err := rules.Compile(files)
	if err != nil {
		return nil, fmt.Errorf("reading the lists that ship: %w", err)
	}
	return &marker{set: set, pages: pages.New(hostname.Site), began: time.Now()}, nil
}

func (m *marker) mark(o *event.Observation) {
	if o.Kind != event.Domain {
		return
	}
	if m.set.Marks(o.Name)&rules.MarkNoise != 0 {
		o.Noise = true
		return
	}
	if m.pages.Seen(*o, time.Since(m.began)) {
		o.ThirdParty = true
	}
}
