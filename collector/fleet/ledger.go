package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
)

// CheckLife is how long a passed check proves that a device is monitored: a week
// and a day, since checks are weekly.
const CheckLife = 8 * 24 * time.Hour

// facts are everything a ledger is drawn from.
type facts struct {
	now         time.Time // the school's clock
	devices     []model.Device
	live        map[string]Device
	hardware    map[string]model.Hardware
	issued      []model.Issued
	inventories []model.InventoryAt
	expected    []model.Expected
	checks      map[string]Checked
	positions   map[positionKey]uint64
	letGo       map[string]uint64
	removed     map[string]time.Time
	setUpAnew   map[string]time.Time   // newest, by device
	keyEnded    map[string][]time.Time // days on which somebody came with an ended key, the oldest first
	copied      map[string]model.Copied
	cameOf      []model.CameOf
	splitLeave  map[string]int         // for how many more, by the first of a family
	splitsHeld  map[string][]time.Time // when copies of a family had to wait lately
	policy      model.PolicyVersion
	hours       Hours // nil: every weekday is one of school
	version     string
}

type positionKey struct {
	device, epoch string
	lane          int
}

// Ledger draws the coverage ledger: everything that the school issues or admits,
// each with one standing, and why.
func (f *Fleet) Ledger(ctx context.Context) (model.Ledger, error) {
	facts, err := f.facts(ctx)
	if err != nil {
		return model.Ledger{}, fmt.Errorf("drawing the coverage ledger: %w", err)
	}
	return draw(facts), nil
}

func (f *Fleet) facts(ctx context.Context) (in facts, err error) {
	in = facts{now: f.Now(), version: f.Version, live: map[string]Device{}, positions: map[positionKey]uint64{}}
	if f.Copies != nil {
		in.copied = f.Copies(in.now)
	}
	var positions []model.Position
	for _, read := range []func() error{
		// First: what a device says that it handed over is then among the positions.
		func() error { return f.readLive(ctx, in.live) },
		func() (err error) { in.devices, err = f.Store.Devices(ctx, f.School); return err },
		func() (err error) { in.hardware, err = f.Store.DeviceHardware(ctx, f.School); return err },
		func() (err error) { in.issued, err = f.Store.Issued(ctx, f.School); return err },
		func() (err error) { in.inventories, err = f.Store.Inventories(ctx, f.School); return err },
		func() (err error) { in.expected, err = f.Store.Expected(ctx, f.School); return err },
		func() (err error) { positions, err = f.Store.AllPositions(ctx, f.School); return err },
		func() (err error) { in.letGo, err = f.Store.LetGo(ctx, f.School); return err },
		func() (err error) { in.removed, err = f.Store.NewestHealth(ctx, f.School, "removed"); return err },
		func() (err error) {
			in.setUpAnew, err = f.Store.NewestHealth(ctx, f.School, model.HealthSetUpAnew)
			return err
		},
		func() (err error) {
			in.keyEnded, err = f.Store.HealthTimes(ctx, f.School, model.HealthKeyEnded, in.now.Add(-keyEndedFor))
			return err
		},
		func() (err error) { in.cameOf, err = f.Store.Splits(ctx, f.School); return err },
		func() (err error) { in.splitLeave, err = f.Store.SplitLeave(ctx, f.School, in.now); return err },
		func() (err error) {
			in.splitsHeld, err = f.Store.HealthTimes(ctx, f.School, model.HealthSplitsHeld, in.now.Add(-heldLately))
			return err
		},
		func() (err error) { in.policy, _, err = f.Store.LatestPolicy(ctx, f.School); return err },
		func() (err error) {
			if f.Checks != nil {
				in.checks, err = f.Checks(ctx)
			}
			return err
		},
		func() (err error) {
			if f.Hours != nil {
				in.hours, err = f.Hours(ctx)
			}
			return err
		},
	} {
		if err := read(); err != nil {
			return in, err
		}
	}
	for _, p := range positions {
		in.positions[positionKey{p.Device, string(p.SpoolEpoch), int(p.Lane)}] = p.Upto
	}
	return in, nil
}

// readLive is what devices last said, here or, on a database that collectors
// share, to another one.
func (f *Fleet) readLive(ctx context.Context, live map[string]Device) error {
	stored, err := f.Store.DeviceStatuses(ctx, f.School)
	if err != nil {
		return err
	}
	for _, st := range stored {
		live[st.Device] = Device{DeviceStatus: st}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, e := range f.devices {
		d := e.Device
		d.Connected = e.streams > 0
		if was, ok := live[id]; ok && was.Said.After(d.Said) {
			d.DeviceStatus = was.DeviceStatus
		}
		live[id] = d
	}
	return nil
}

// draw is pure: the same facts give the same ledger.
func draw(in facts) model.Ledger {
	b := &drawing{facts: in, out: model.Ledger{At: in.now, Counts: map[model.Standing]int{}, Version: in.version, Inventories: in.inventories}}
	b.out.Closed = !b.open("", in.now)
	b.prepare()
	for _, d := range in.devices {
		if d.Revoked.IsZero() {
			b.add(b.enrolled(d))
		}
	}
	for _, d := range in.issued {
		if !b.listed[d.Source+"\x00"+d.Key] && d.Gone.IsZero() && b.once(d) {
			b.add(b.unenrolled(d))
		}
	}
	b.counted()
	b.noteCopies()
	b.noteHeld()
	b.finish()
	return b.out
}

// add takes a device into the ledger.
func (b *drawing) add(d model.LedgerDevice) {
	b.out.Devices = append(b.out.Devices, d)
	b.out.Issued += d.Count
	b.out.Counts[d.Standing] += d.Count
	b.out.Lost += d.Lost
	b.out.LetGo += d.LetGo
	for _, to := range []struct {
		lines map[string]*model.LedgerCount
		name  string
	}{{b.kinds, string(d.Kind)}, {b.sites, d.Site}} {
		line := to.lines[to.name]
		if line == nil {
			line = &model.LedgerCount{Name: to.name}
			to.lines[to.name] = line
		}
		line.Issued += d.Count
		if d.Today {
			line.Today += d.Count
		}
		switch d.Standing {
		case model.StandingProven:
			line.Proven += d.Count
		case model.StandingLog:
			line.Log += d.Count
		case model.StandingNone:
			line.None += d.Count
		}
	}
}

// attention is the order in which standings are shown: what asks for something
// first.
var attention = []model.Standing{
	model.StandingHidden, model.StandingRemoved, model.StandingSilent, model.StandingUnproven,
	model.StandingNone, model.StandingLog, model.StandingOff, model.StandingProven,
}

func (b *drawing) finish() {
	for _, k := range model.Kinds {
		if line := b.kinds[string(k)]; line != nil {
			b.out.Kinds = append(b.out.Kinds, *line)
		}
	}
	for _, line := range b.sites {
		b.out.Sites = append(b.out.Sites, *line)
	}
	slices.SortFunc(b.out.Sites, func(x, y model.LedgerCount) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortStableFunc(b.out.Devices, func(x, y model.LedgerDevice) int {
		return cmp.Or(
			cmp.Compare(slices.Index(attention, x.Standing), slices.Index(attention, y.Standing)),
			cmp.Compare(boolean(len(y.Causes) > 0), boolean(len(x.Causes) > 0)),
			cmp.Compare(x.Name, y.Name), cmp.Compare(x.Serial, y.Serial), cmp.Compare(x.ID, y.ID),
		)
	})
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
