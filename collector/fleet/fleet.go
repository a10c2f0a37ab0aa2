// Package fleet knows how the school's devices are: who is connected, what each
// source sees, which policy a device judges by. It keeps that in memory, since
// it changes every few seconds and is worthless after a restart, and lets only
// the time a device was last seen reach the store, many devices at once.
// collector/watch and collector/ingest tell it; the console and the verbs ask.
package fleet

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// flushEvery is how often what was seen reaches the store.
const flushEvery = 10 * time.Second

// flushWithin is how long the last flush may take when the service stops.
const flushWithin = 2 * time.Second

// Store keeps devices.
type Store interface {
	Devices(ctx context.Context, school model.SchoolID) ([]model.Device, error)
	TouchDevices(ctx context.Context, school model.SchoolID, seen map[string]time.Time) error
}

// Device is how a device was when it last said so.
type Device struct {
	Connected    bool
	LastSeen     time.Time
	Version      string
	PolicyEpoch  uint64
	PolicySerial uint64
	Quarantined  uint64
	Sources      []*safelightv1.SourceStatus
	Lanes        []*safelightv1.LaneStatus
}

// Fleet is one school's devices. Its methods may be called concurrently.
type Fleet struct {
	store  Store
	school model.SchoolID
	now    func() time.Time
	logger *slog.Logger

	// mu guards everything declared below.
	mu      sync.Mutex
	devices map[string]*entry
	dirty   map[string]time.Time // seen since the last flush
}

// entry is a device and how many of its Watch streams are open: a new one may
// open before the old one is known to be dead.
type entry struct {
	Device
	streams int
}

// New makes a Fleet; Run flushes it.
func New(store Store, school model.SchoolID, now func() time.Time, logger *slog.Logger) *Fleet {
	return &Fleet{
		store: store, school: school, now: now, logger: logger,
		devices: make(map[string]*entry), dirty: make(map[string]time.Time),
	}
}
