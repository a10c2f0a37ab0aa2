package e2etest

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// wanted is the name of every flagged line of both machines' logs.
func (f *fire) wanted() (names []string) {
	for i := range fireLines {
		if i%4 != 0 {
			names = append(names, fireName(i))
		}
	}
	for i := range secondLines {
		names = append(names, secondName(i))
	}
	return names
}

// holds checks what was promised.
func (f *fire) holds(all []seen) {
	t := f.t
	t.Helper()
	gaps := f.gaps()
	var names []string
	bySeq := map[string][]span{}
	for place, list := range gaps {
		bySeq[place] = append(bySeq[place], list...)
	}
	for place, list := range f.facts() {
		bySeq[place] = append(bySeq[place], list...)
	}
	owners := map[string][]string{} // by event
	for _, e := range all {
		place := e.Device + " " + e.Epoch + " " + e.Lane
		bySeq[place] = append(bySeq[place], span{e.Seq, e.Seq})
		if owners[e.ID] = append(owners[e.ID], e.Device); len(owners[e.ID]) == 1 {
			names = append(names, e.Name)
		}
	}
	// What both machines had spooled when one became two may be told by each,
	// as one event of two devices.
	twice := len(all) - len(names)
	if twice > f.second.waited {
		t.Errorf("%d events were told by both machines, want at most the %d that waited when the spool was copied", twice, f.second.waited)
	}
	for id, devices := range owners {
		if slices.Sort(devices); len(slices.Compact(devices)) != len(owners[id]) {
			t.Errorf("event %s is stored more than once for one device", id)
		}
	}
	want := f.wanted()
	missing, extra := diff(want, names)
	if len(extra) > 0 {
		t.Errorf("%d repeated or made up: %v", len(extra), extra[:min(10, len(extra))])
	}
	if lost := untold(fireOrder(), all, gaps); len(lost) > 0 {
		t.Errorf("%d are missing and no gap tells of them where they were: %v", len(lost), lost[:min(10, len(lost))])
	}
	t.Logf("%d events, %d lost and sent again, %d missing, %d by both machines (%d waited when the spool was copied)", len(names), len(f.lost), len(missing), twice, f.second.waited)
	holes := uint64(0)
	for place, list := range bySeq {
		holes += f.holes(place, list)
	}
	// An event that waited then has a number in the old sequence and in the
	// copy's new one, and stands under whichever came first.
	if holes > uint64(f.second.waited) {
		t.Errorf("%d numbers are neither stored nor told, want at most the %d that waited when the spool was copied", holes, f.second.waited)
	}
	f.urgentFirst(all)
}

type span struct{ from, to uint64 }

type window struct{ from, to time.Time }

// holes counts the numbers from 1 on that are neither stored nor told as a gap.
func (f *fire) holes(place string, list []span) (n uint64) {
	f.t.Helper()
	slices.SortFunc(list, func(a, b span) int { return int(int64(a.from) - int64(b.from)) })
	next := uint64(1)
	for _, s := range list {
		if s.from > next {
			f.t.Logf("%s: %d to %d are neither stored nor told", place, next, s.from-1)
			n += s.from - next
		}
		next = max(next, s.to+1)
	}
	return n
}

// storedIDs reads which events a collector that is stopped has.
func storedIDs(t *testing.T, dir string) map[string]bool {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite", "file:"+filepath.Join(dir, "safelight.db")+"?mode=ro"))
	defer db.Close()
	rows := must[*sql.Rows](t)(db.Query(`SELECT lower(hex(event_id)) FROM events`)) //nolint:rowserrcheck // check does, below
	defer rows.Close()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		check(t, rows.Scan(&id))
		ids[id] = true
	}
	check(t, rows.Err())
	return ids
}

// facts reads where what devices told of themselves stands: health events, and checks,
// have numbers in the same sequences.
func (f *fire) facts() map[string][]span {
	f.t.Helper()
	db := must[*sql.DB](f.t)(sql.Open("sqlite", "file:"+filepath.Join(f.s.CollectorDir(), "safelight.db")+"?mode=ro"))
	defer db.Close()
	//nolint:rowserrcheck // check does, below
	rows := must[*sql.Rows](f.t)(db.Query(`SELECT device, lower(hex(spool_epoch)), seq FROM health WHERE device <> '' AND lane = 1
		UNION ALL SELECT device, lower(hex(spool_epoch)), seq FROM checks WHERE lane = 1`))
	defer rows.Close()
	out := map[string][]span{}
	for rows.Next() {
		var device, epoch string
		var s span
		check(f.t, rows.Scan(&device, &epoch, &s.from))
		s.to = s.from
		out[device+" "+epoch+" low"] = append(out[device+" "+epoch+" low"], s)
	}
	check(f.t, rows.Err())
	return out
}

// gaps reads what the collector was told is lost, by place.
func (f *fire) gaps() map[string][]span {
	f.t.Helper()
	db := must[*sql.DB](f.t)(sql.Open("sqlite", "file:"+filepath.Join(f.s.CollectorDir(), "safelight.db")+"?mode=ro"))
	defer db.Close()
	rows := must[*sql.Rows](f.t)(db.Query(`SELECT device, lower(hex(spool_epoch)), lane, from_seq, to_seq, reason FROM gaps`)) //nolint:rowserrcheck // check does, below
	defer rows.Close()
	out := map[string][]span{}
	for rows.Next() {
		var device, epoch, reason string
		var lane int
		var s span
		check(f.t, rows.Scan(&device, &epoch, &lane, &s.from, &s.to, &reason))
		f.t.Logf("gap: lane %d, %d to %d, %s", lane, s.from, s.to, reason)
		place := device + " " + epoch + " " + []string{"", "low", "medium", "high", "urgent"}[lane]
		out[place] = append(out[place], s)
	}
	check(f.t, rows.Err())
	return out
}

// urgentFirst checks that no urgent event came behind a queue of low ones of its
// own sequence: the two machines do not wait for one another. Each time is by the
// clock that was read, as wrong as it was then. What the older database lost had
// been stored and told before; it is sent again once the device hears of the loss,
// and low ones may be faster. While the device's disk has no room nothing is spooled,
// so what waited then is left out too.
func (f *fire) urgentFirst(all []seen) {
	f.t.Helper()
	low := map[string][]time.Time{} // by sequence
	for _, e := range all {
		if e.Lane == "low" {
			place := e.Device + " " + e.Epoch
			low[place] = append(low[place], f.clocks.collector.reading(f.t, e.Received))
		}
	}
	for _, list := range low {
		slices.SortFunc(list, time.Time.Compare)
	}
	worst, who, checked := 0, "", 0
	for _, e := range all {
		if e.Lane != "urgent" || f.lost[strings.ReplaceAll(e.ID, "-", "")] {
			continue
		}
		list := low[e.Device+" "+e.Epoch]
		spooled := f.clocks.agent.reading(f.t, must[time.Time](f.t)(e.spooled()))
		received := f.clocks.collector.reading(f.t, e.Received)
		if slices.ContainsFunc(f.noRoom, func(w window) bool { return received.After(w.from) && spooled.Before(w.to) }) {
			continue
		}
		checked++
		from, _ := slices.BinarySearchFunc(list, spooled, time.Time.Compare)
		to, _ := slices.BinarySearchFunc(list, received, time.Time.Compare)
		if to-from > worst {
			worst, who = to-from, e.Name
		}
	}
	f.t.Logf("at most %d low events were stored while one of %d urgent ones waited (%s)", worst, checked, who)
	if checked < fireLines/8/3 {
		f.t.Errorf("only %d urgent events could be looked at", checked)
	}
	if worst > onTheWay {
		f.t.Errorf("%d low events were stored while %s waited, want at most the %d on their way", worst, who, onTheWay)
	}
}
