package fleet

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// maxKept bounds the lists that a device may say of itself.
const maxKept = 32

// Status takes a device's heartbeat. The first of each stream carries a Hello.
// Another school's device is none of this fleet.
func (f *Fleet) Status(school model.SchoolID, device string, st *safelightv1.AgentStatus, now time.Time) {
	if school != f.School {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.seen(device, now)
	next := statusOf(device, st, now)
	next.Version = e.Version
	if hello := st.GetHello(); hello != nil {
		e.streams++
		next.Version = clip(hello.GetVersion(), 64)
	}
	next.Hidden = hiddenSince(e.Hidden, hiddenOf(st), f.Now())
	e.news = e.news || differs(e.DeviceStatus, next)
	e.DeviceStatus = next
}

// statusOf takes over what a device says, bounded.
func statusOf(device string, st *safelightv1.AgentStatus, now time.Time) model.DeviceStatus {
	out := model.DeviceStatus{
		Device: device, Said: now, Name: clip(st.GetHostname(), 255), OS: clip(st.GetOs(), 64),
		PolicyEpoch: st.GetPolicyEpoch(), PolicySerial: st.GetPolicySerial(), Quarantined: st.GetQuarantined(),
		SpoolEpoch: slices.Clone(st.GetSpoolEpoch()),
	}
	if wall := st.GetAt().GetWall(); wall.IsValid() {
		out.Skew = wall.AsTime().Sub(now)
	}
	for _, s := range st.GetSources()[:min(len(st.GetSources()), maxKept)] {
		out.Sources = append(out.Sources, model.SourceState{
			Name: clip(s.GetName(), 128), State: clip(s.GetState(), 64), Way: clip(s.GetWay(), 64), Detail: clip(s.GetDetail(), 255),
			Seen: s.GetSeen(), Dropped: s.GetDropped(), Lost: s.GetLost(),
		})
	}
	for _, l := range st.GetLanes()[:min(len(st.GetLanes()), maxKept)] {
		out.Lanes = append(out.Lanes, model.LaneState{Lane: int(l.GetLane()), Depth: l.GetDepth(), Dropped: l.GetDropped(), NextSeq: l.GetNextSeq()})
	}
	return out
}

// clip cuts at n bytes and leaves no half character.
func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// differs says whether a device says something new that is worth a write; counts
// go on all the time and are not.
func differs(was, is model.DeviceStatus) bool {
	return was.Name != is.Name || was.OS != is.OS || was.Version != is.Version ||
		was.PolicyEpoch != is.PolicyEpoch || was.PolicySerial != is.PolicySerial ||
		string(was.SpoolEpoch) != string(is.SpoolEpoch) ||
		!slices.EqualFunc(was.Sources, is.Sources, func(a, b model.SourceState) bool { return a.Name == b.Name && a.State == b.State && a.Way == b.Way })
}

// Gone notes that one of a device's streams has ended.
func (f *Fleet) Gone(school model.SchoolID, device string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.devices[device]; school == f.School && e != nil && e.streams > 0 {
		e.streams--
	}
}

// Seen notes that a device delivered something.
func (f *Fleet) Seen(school model.SchoolID, device string, at time.Time) {
	if school != f.School {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen(device, at)
}

// seen notes when a device was seen. The caller holds mu.
func (f *Fleet) seen(device string, at time.Time) *entry {
	e := f.entry(device)
	if at.After(e.LastSeen) {
		e.LastSeen = at
		f.dirty[device] = struct{}{}
	}
	return e
}

// Device says how a device was when it last said so; not ok: it has said
// nothing that is known here.
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
	devices, err := f.Store.Devices(ctx, f.School)
	if err != nil {
		f.Log.LogAttrs(ctx, slog.LevelError, "counting devices failed", slog.Any("error", err))
		return 0, 0
	}
	midnight := midnightOf(f.Now())
	for _, d := range devices {
		if !d.Revoked.IsZero() {
			continue
		}
		enrolled++
		if !f.lastSeen(d).Before(midnight) {
			seen++
		}
	}
	return seen, enrolled
}

// lastSeen is the later of what is known here and what the store has.
func (f *Fleet) lastSeen(d model.Device) time.Time {
	if live, ok := f.Device(d.ID); ok && live.LastSeen.After(d.LastSeen) {
		return live.LastSeen
	}
	return d.LastSeen
}

func midnightOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// Said is what a device last said of itself; not ok: nothing that is known here.
func (f *Fleet) Said(id string) (model.DeviceStatus, bool) {
	d, ok := f.Device(id)
	return d.DeviceStatus, ok && !d.Said.IsZero()
}
