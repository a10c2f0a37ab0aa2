// Package fleet knows how the school's devices are: who is connected, what each
// source sees, which policy a device judges by, and, beside everything that the
// school issues or admits, what of it is proven to be monitored (Ledger). What
// devices say is kept in memory, since it changes every few seconds; the store
// gets it late and many devices at once, so that a restart forgets little.
// collector/watch and collector/ingest tell it; the console and the verbs ask.
// It holds no names of people.
package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"safelight/collector/model"
)

const (
	// flushEvery is how often what was seen may reach the store.
	flushEvery = 10 * time.Second
	// touchEvery is how seldom the time at which one device was seen is written, and
	// statusEvery how seldom what it says of itself, while nothing about it changes.
	touchEvery  = time.Minute
	statusEvery = 15 * time.Minute
	// statusesAtOnce bounds what one flush writes: the rest waits for the next.
	statusesAtOnce = 1500
	// flushWithin is how long the last flush may take when the service stops.
	flushWithin = 2 * time.Second
)

// Store keeps devices, and what the school issues.
type Store interface {
	Devices(ctx context.Context, school model.SchoolID) ([]model.Device, error)
	TouchDevices(ctx context.Context, school model.SchoolID, seen map[string]time.Time) error
	SaveDeviceStatus(ctx context.Context, school model.SchoolID, all []model.DeviceStatus) error
	DeviceStatuses(ctx context.Context, school model.SchoolID) ([]model.DeviceStatus, error)
	DeviceHardware(ctx context.Context, school model.SchoolID) (map[string]model.Hardware, error)
	AllPositions(ctx context.Context, school model.SchoolID) ([]model.Position, error)
	LetGo(ctx context.Context, school model.SchoolID) (map[string]uint64, error)
	NewestHealth(ctx context.Context, school model.SchoolID, topic string) (map[string]time.Time, error)
	HealthTimes(ctx context.Context, school model.SchoolID, topic string, since time.Time) (map[string][]time.Time, error)
	Issued(ctx context.Context, school model.SchoolID) ([]model.Issued, error)
	Inventories(ctx context.Context, school model.SchoolID) ([]model.InventoryAt, error)
	PlanInventory(ctx context.Context, school model.SchoolID, in model.Inventory, now time.Time) (model.InventoryChange, error)
	ImportInventory(ctx context.Context, school model.SchoolID, in model.Inventory, now time.Time) (model.InventoryChange, error)
	Expected(ctx context.Context, school model.SchoolID) ([]model.Expected, error)
	SetExpected(ctx context.Context, school model.SchoolID, e model.Expected, now time.Time) error
	Sites(ctx context.Context, school model.SchoolID) ([]model.Site, error)
	Splits(ctx context.Context, school model.SchoolID) ([]model.CameOf, error)
	SplitLeave(ctx context.Context, school model.SchoolID, now time.Time) (map[string]int, error)
	LatestPolicy(ctx context.Context, school model.SchoolID) (model.PolicyVersion, bool, error)
}

// Hours knows on which days pupils come; known is false where nothing says so.
type Hours interface {
	SchoolDay(site string, at time.Time) (open, known bool)
}

// Checked is what the newest check of a device came to.
type Checked struct {
	At     time.Time
	Passed bool
	Failed string // what it failed at, a plain sentence
	System string // the device's operating system and its version
	Hidden model.HiddenCounts
}

// Parts are what a Fleet is built of.
type Parts struct {
	Store  Store
	School model.SchoolID
	// Now is the school's clock, in its zone: days begin at its midnight.
	Now func() time.Time
	Log *slog.Logger
	// Version is the collector's own, which devices are held against.
	Version string
	// Hours reads the school's hours; nil, or nil hours: every weekday is one of
	// school.
	Hours func(ctx context.Context) (Hours, error)
	// Copies says which devices were copied lately, as far as this process noticed; nil:
	// it notices none.
	Copies func(now time.Time) map[string]model.Copied
	// Checks reads the newest check of each device; nil: none was made yet.
	Checks func(ctx context.Context) (map[string]Checked, error)
}

// Device is how a device was when it last said so.
type Device struct {
	Connected bool
	LastSeen  time.Time
	model.DeviceStatus
}

// Fleet is one school's devices. Its methods may be called concurrently.
type Fleet struct {
	Parts

	// mu guards everything declared below.
	mu      sync.Mutex
	devices map[string]*entry
	dirty   map[string]struct{} // seen since they were written
}

// entry is a device and how many of its Watch streams are open: a new one may
// open before the old one is known to be dead.
type entry struct {
	Device
	streams int
	touched time.Time // LastSeen as the store has it
	saved   time.Time // Said of the status that the store has
	news    bool      // what it says changed since
}

// New makes a Fleet; Run flushes it.
func New(p Parts) *Fleet {
	return &Fleet{Parts: p, devices: make(map[string]*entry), dirty: make(map[string]struct{})}
}

// Load takes up what devices said before this process began.
func (f *Fleet) Load(ctx context.Context) error {
	all, err := f.Store.DeviceStatuses(ctx, f.School)
	if err != nil {
		return fmt.Errorf("taking up what devices said: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range all {
		if e := f.entry(st.Device); e.Said.Before(st.Said) {
			e.DeviceStatus, e.saved = st, st.Said
		}
	}
	return nil
}

// entry finds or makes a device's. The caller holds mu. Only devices with a
// certificate come this far, so their number is bounded by enrolment.
func (f *Fleet) entry(device string) *entry {
	e := f.devices[device]
	if e == nil {
		e = &entry{}
		e.DeviceStatus.Device = device
		f.devices[device] = e
	}
	return e
}
