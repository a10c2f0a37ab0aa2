package fleet

import (
	"cmp"
	"slices"
	"time"

	"safelight/collector/model"
)

// enrolled is the ledger's entry of a device that has the agent.
func (b *drawing) enrolled(d model.Device) model.LedgerDevice {
	live, row := b.live[d.ID], b.row[d.ID]
	out := model.LedgerDevice{
		ID: d.ID, Name: b.nameOf(d), Serial: b.hardware[d.ID].Serial, Kind: cmp.Or(row.Kind, kindOf(d.OS)), Site: cmp.Or(d.Site, row.Site), Group: row.Group,
		Source: row.Source, OS: cmp.Or(live.OS, d.OS), System: b.checks[d.ID].System, Version: cmp.Or(live.Version, d.Version), Count: 1,
		Enrolled: d.Enrolled, LastSeen: b.seenAt(d), Expires: d.Expires, LetGo: b.letGo[d.ID], CameOf: b.parent[d.ID],
	}
	out.Today = !out.LastSeen.IsZero() && !out.LastSeen.Before(midnightOf(b.now))
	if check := b.checks[d.ID]; check.Passed {
		out.Proven = check.At
	}
	out.Lost = b.lost(d.ID)
	b.stand(&out)
	return out
}

// stand decides where an enrolled device stands, and says why.
func (b *drawing) stand(d *model.LedgerDevice) {
	heard := cmp.Or(d.LastSeen, d.Enrolled)
	add := func(c ...model.Cause) { d.Causes = append(d.Causes, c...) }
	removed := b.removed[d.ID]
	missed := b.missed(d.Site, heard)
	closed := !b.open(d.Site, b.now) && !d.Today
	proven := b.proven(d, b.now)
	refused, shutOut := b.keyRefused(d)
	switch {
	case shutOut:
		d.Standing = model.StandingUnproven
		add(refused)
		return
	case !removed.IsZero() && !d.LastSeen.After(removed.Add(time.Minute)):
		d.Standing = model.StandingRemoved
		add(causeRemoved(removed))
		return
	case missed >= silentAfter:
		d.Standing = model.StandingSilent
		add(causeSilent(d, missed))
		if !d.Expires.IsZero() && d.Expires.Before(b.now) {
			add(causeCertificate(d.Expires))
		}
		return
	case closed && !proven && b.proven(d, heard):
		// What was proven when the school closed is off now, and no worse for it.
		d.Standing = model.StandingOff
		add(model.Cause{Code: model.CauseClosed, Text: "It is off, as the school is closed. It was proven when it was last on.", Since: d.LastSeen})
		return
	}
	if d.LastSeen.IsZero() {
		add(causeNotHeard(d.Enrolled))
	} else {
		add(b.checkCauses(d)...)
	}
	add(b.statusCauses(d)...)
	if refused.Code != "" {
		add(refused)
	}
	d.Standing = model.StandingProven
	if slices.ContainsFunc(d.Causes, func(c model.Cause) bool { return c.Unproves }) {
		d.Standing = model.StandingUnproven
	}
	if slices.ContainsFunc(d.Causes, func(c model.Cause) bool { return c.Code == model.CauseHidden }) {
		d.Standing = model.StandingHidden
	}
}

// silentAfter is after how many whole days of school without a word a device is
// silent.
const silentAfter = 1

// proven says whether a check that passed still counted at a moment.
func (b *drawing) proven(d *model.LedgerDevice, at time.Time) bool {
	return !d.Proven.IsZero() && at.Sub(d.Proven) <= CheckLife
}

func (b *drawing) checkCauses(d *model.LedgerDevice) []model.Cause {
	check, made := b.checks[d.ID]
	switch {
	case !made:
		return []model.Cause{causeNoCheck}
	case !check.Passed:
		return []model.Cause{causeCheckFailed(check)}
	case !b.proven(d, b.now):
		return []model.Cause{causeCheckOld(check)}
	}
	return nil
}

// lost counts the records of a device that are nowhere: it has handed over a whole
// lane, and we do not hold all of it (neither stored nor said to have been let go).
// What it still holds is on its way.
func (b *drawing) lost(device string) (n uint64) {
	live := b.live[device]
	for _, l := range live.Lanes {
		if l.Depth > 0 || l.NextSeq == 0 {
			continue
		}
		if held := b.positions[positionKey{device, string(live.SpoolEpoch), l.Lane}]; held < l.NextSeq-1 {
			n += l.NextSeq - 1 - held
		}
	}
	return n
}

// unenrolled is the entry of a device that is issued and has no agent.
func (b *drawing) unenrolled(r model.Issued) model.LedgerDevice {
	out := model.LedgerDevice{Name: r.Name, Serial: r.Serial, Kind: r.Kind, Site: r.Site, Group: r.Group, Source: r.Source, Count: 1}
	b.without(&out, causeNeverEnrolled(r.Kind))
	return out
}

// without decides where devices stand that have no agent.
func (b *drawing) without(d *model.LedgerDevice, otherwise model.Cause) {
	said, by := b.logOf(d.Kind, d.Site)
	d.Standing = model.StandingNone
	switch {
	case said && by != nil && by.running:
		d.Standing = model.StandingLog
		return
	case said && by != nil:
		d.Causes = append(d.Causes, causeLogStopped(*by))
	case said:
		d.Causes = append(d.Causes, causeNoLog)
	default:
		d.Causes = append(d.Causes, otherwise)
	}
}

// counted adds, of each kind, the devices that somebody counted and nothing names:
// of a count and a list of one kind the greater holds, since most of the two are
// the same devices.
func (b *drawing) counted() {
	named, namedAt, typed := map[model.Kind]int{}, map[model.Kind]map[string]int{}, map[model.Kind]int{}
	for _, d := range b.out.Devices {
		named[d.Kind] += d.Count
		if namedAt[d.Kind] == nil {
			namedAt[d.Kind] = map[string]int{}
		}
		namedAt[d.Kind][d.Site] += d.Count
	}
	for _, e := range b.expected {
		typed[e.Kind] += e.Count
	}
	left := map[model.Kind]int{}
	for kind, n := range typed {
		left[kind] = max(0, n-named[kind])
	}
	for _, e := range b.expected {
		n := min(left[e.Kind], max(0, e.Count-namedAt[e.Kind][e.Site]))
		if n == 0 {
			continue
		}
		left[e.Kind] -= n
		d := model.LedgerDevice{Kind: e.Kind, Site: e.Site, Count: n}
		b.without(&d, causeCounted(e.Kind))
		b.add(d)
	}
}
