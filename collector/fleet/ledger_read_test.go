package fleet

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

// delivering is a store with one device, which delivers a record and says so while the
// ledger is read, after each thing that is read.
type delivering struct {
	Store
	upto uint64
	f    *Fleet
}

func (d *delivering) delivers() {
	d.upto++
	d.f.Status(school, "dev-1", &safelightv1.AgentStatus{SpoolEpoch: []byte("e"), Lanes: []*safelightv1.LaneStatus{{Lane: 2, NextSeq: d.upto + 1}}}, noon)
}

func (d *delivering) Devices(context.Context, model.SchoolID) ([]model.Device, error) {
	defer d.delivers()
	return []model.Device{{ID: "dev-1", Enrolled: noon.Add(-time.Hour), LastSeen: noon}}, nil
}

func (d *delivering) AllPositions(context.Context, model.SchoolID) ([]model.Position, error) {
	defer d.delivers()
	return []model.Position{{Device: "dev-1", SpoolEpoch: []byte("e"), Lane: event.Severity(2), Upto: d.upto}}, nil
}

func (d *delivering) DeviceStatuses(context.Context, model.SchoolID) ([]model.DeviceStatus, error) {
	defer d.delivers()
	return nil, nil
}

func (d *delivering) DeviceHardware(context.Context, model.SchoolID) (map[string]model.Hardware, error) {
	defer d.delivers()
	return nil, nil
}

func (*delivering) Issued(context.Context, model.SchoolID) ([]model.Issued, error) { return nil, nil }

func (*delivering) Inventories(context.Context, model.SchoolID) ([]model.InventoryAt, error) {
	return nil, nil
}

func (*delivering) Expected(context.Context, model.SchoolID) ([]model.Expected, error) {
	return nil, nil
}

func (*delivering) LetGo(context.Context, model.SchoolID) (map[string]uint64, error) { return nil, nil }

func (*delivering) NewestHealth(context.Context, model.SchoolID, string) (map[string]time.Time, error) {
	return nil, nil
}

func (*delivering) HealthTimes(context.Context, model.SchoolID, string, time.Time) (map[string][]time.Time, error) {
	return nil, nil
}

func (*delivering) Splits(context.Context, model.SchoolID) ([]model.CameOf, error) { return nil, nil }

func (*delivering) SplitLeave(context.Context, model.SchoolID, time.Time) (map[string]int, error) {
	return nil, nil
}

func (*delivering) LatestPolicy(context.Context, model.SchoolID) (model.PolicyVersion, bool, error) {
	return model.PolicyVersion{}, false, nil
}

// TestWhatIsDeliveredWhileTheLedgerIsReadIsNotSaidToBeLost: IT would look for it.
func TestWhatIsDeliveredWhileTheLedgerIsReadIsNotSaidToBeLost(t *testing.T) {
	store := &delivering{}
	store.f = New(Parts{Store: store, School: school, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Version: "v1.2.0"})
	store.delivers()
	l, err := store.f.Ledger(t.Context())
	if err != nil || len(l.Devices) != 1 || l.Lost != 0 {
		t.Errorf("%d devices, %d records lost, %v; want none", len(l.Devices), l.Lost, err)
	}
}
