package fleet

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("hill-lane")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// memory is a Store that remembers what was flushed; what it is not asked for
// here panics.
type memory struct {
	Store
	mu       sync.Mutex
	devices  []model.Device
	flushed  []map[string]time.Time
	statuses [][]model.DeviceStatus
	err      error
}

func (m *memory) SaveDeviceStatus(_ context.Context, _ model.SchoolID, all []model.DeviceStatus) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.statuses = append(m.statuses, all)
	return nil
}

func (m *memory) Devices(context.Context, model.SchoolID) ([]model.Device, error) {
	return m.devices, m.err
}

func (m *memory) TouchDevices(_ context.Context, _ model.SchoolID, seen map[string]time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.flushed = append(m.flushed, maps.Clone(seen))
	return nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func newFleet(store *memory) *Fleet {
	return New(Parts{Store: store, School: school, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Version: "v1.2.0"})
}

func TestDeviceIsAsItLastSaid(t *testing.T) {
	f := newFleet(&memory{})
	if _, ok := f.Device("dev-1"); ok {
		t.Error("a device that said nothing is known")
	}
	hello := &safelightv1.Hello{Version: "1.2"}
	f.Status(school, "dev-1", &safelightv1.AgentStatus{Hello: hello, PolicyEpoch: 1, PolicySerial: 7, Sources: []*safelightv1.SourceStatus{{Name: "network"}}}, noon)
	d, ok := f.Device("dev-1")
	if !ok || !d.Connected || d.Version != "1.2" || d.PolicySerial != 7 || len(d.Sources) != 1 || !d.LastSeen.Equal(noon) {
		t.Errorf("device = %+v, %t", d, ok)
	}
	// A new stream opens before the old one is known to be dead.
	f.Status(school, "dev-1", &safelightv1.AgentStatus{Hello: hello, PolicySerial: 8}, noon)
	f.Gone(school, "dev-1")
	if d, _ := f.Device("dev-1"); !d.Connected || d.PolicySerial != 8 {
		t.Errorf("device = %+v, want still connected", d)
	}
	f.Gone(school, "dev-1")
	f.Gone(school, "dev-1")
	if d, _ := f.Device("dev-1"); d.Connected {
		t.Error("still connected after both streams ended")
	}
	f.Status("elsewhere", "dev-2", &safelightv1.AgentStatus{Hello: hello}, noon)
	f.Seen("elsewhere", "dev-2", noon)
	if _, ok := f.Device("dev-2"); ok {
		t.Error("another school's device is in this fleet")
	}
}

func TestDevicesTodayAreThoseSeenSinceMidnight(t *testing.T) {
	store := &memory{devices: []model.Device{
		{ID: "live"},
		{ID: "stored", LastSeen: noon.Add(-11 * time.Hour)},
		{ID: "yesterday", LastSeen: noon.Add(-13 * time.Hour)},
		{ID: "never"},
		{ID: "revoked", Revoked: noon, LastSeen: noon},
	}}
	f := newFleet(store)
	f.Seen(school, "live", noon)
	if seen, enrolled := f.DevicesToday(t.Context()); seen != 2 || enrolled != 4 {
		t.Errorf("seen %d of %d, want 2 of 4", seen, enrolled)
	}
	store.err = errors.New("disk")
	if seen, enrolled := f.DevicesToday(t.Context()); seen != 0 || enrolled != 0 {
		t.Errorf("seen %d of %d from a broken store", seen, enrolled)
	}
}

func TestWhatWasSeenIsFlushedInBatchesAndNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		f := newFleet(store)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		for i := range 100 {
			f.Seen(school, "dev-1", noon.Add(time.Duration(i)*time.Second))
			f.Seen(school, "dev-2", noon)
		}
		store.fail(errors.New("disk"))
		time.Sleep(flushEvery + time.Second)
		store.fail(nil)
		time.Sleep(2 * flushEvery)
		synctest.Wait()
		if len(store.flushed) != 1 || !store.flushed[0]["dev-1"].Equal(noon.Add(99*time.Second)) || !store.flushed[0]["dev-2"].Equal(noon) {
			t.Errorf("flushed %v, want one batch of the latest times", store.flushed)
		}
		f.Seen(school, "dev-3", noon)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(store.flushed) != 2 {
			t.Error("what was seen last was lost on stopping")
		}
	})
}

// TestAHundredHeartbeatsAreOneWrite: a hundred thousand devices say every half
// minute how they are, and the store has other work.
func TestAHundredHeartbeatsAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		f := newFleet(store)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		begin := time.Now()
		say := func(version string, seen uint64) {
			f.Status(school, "dev-1", &safelightv1.AgentStatus{
				Hello: &safelightv1.Hello{Version: version}, Sources: []*safelightv1.SourceStatus{{Name: "network", State: "running", Seen: seen}},
			}, noon.Add(time.Since(begin)))
		}
		for i := range 26 { // thirteen minutes: only counts grow
			say("v1.2.0", uint64(i))
			time.Sleep(30 * time.Second)
		}
		synctest.Wait()
		if len(store.statuses) != 1 {
			t.Errorf("%d writes of what did not change, want 1", len(store.statuses))
		}
		if n := len(store.flushed); n == 0 || n > 15 {
			t.Errorf("%d writes of when it was seen in 13 minutes, want about one a minute", n)
		}
		say("v1.3.0", 99) // news
		time.Sleep(flushEvery + time.Second)
		synctest.Wait()
		if n := len(store.statuses); n != 2 || store.statuses[1][0].Version != "v1.3.0" {
			t.Errorf("%d writes after an upgrade, want 2", n)
		}
		for range 32 {
			say("v1.3.0", 100)
			time.Sleep(30 * time.Second)
		}
		synctest.Wait()
		if n := len(store.statuses); n != 3 || store.statuses[2][0].Sources[0].Seen != 100 {
			t.Errorf("%d writes after a quarter of an hour more, want 3", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
