package fleet

import (
	"cmp"
	"slices"
	"strings"

	"safelight/collector/model"
)

// drawing is a ledger on its way.
type drawing struct {
	facts
	out          model.Ledger
	kinds, sites map[string]*model.LedgerCount

	row    map[string]model.Issued // the export's row of an enrolled device, by its id
	listed map[string]bool         // rows that are an enrolled device's, by source and key
	taken  map[string]bool         // serial numbers and names that were counted
	twins  map[string]int          // enrolled devices by hardware
	logs   []follower
	keys   map[string][]string // names of the enrolled devices that have a key
	keyOf  map[string]string   // by id
	parent map[string]string   // the device that one was a copy of, by id
}

// follower is a device that follows a log.
type follower struct {
	site, name, detail string
	running            bool
}

// foldName writes a host name as it is compared: without its domain.
func foldName(s string) string {
	s, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(s)), ".")
	return s
}

func (b *drawing) prepare() {
	b.kinds, b.sites = map[string]*model.LedgerCount{}, map[string]*model.LedgerCount{}
	b.row, b.listed, b.taken, b.twins = map[string]model.Issued{}, map[string]bool{}, map[string]bool{}, map[string]int{}
	b.keys, b.keyOf, b.parent = map[string][]string{}, map[string]string{}, map[string]string{}
	for _, c := range b.cameOf {
		b.parent[c.Device] = c.Parent
	}
	bySerial, byName := map[string][]string{}, map[string][]string{}
	for _, d := range b.devices {
		if !d.Revoked.IsZero() {
			continue
		}
		if hw := hardwareKey(b.hardware[d.ID]); hw != "" {
			b.twins[hw]++
		}
		if serial := model.FoldSerial(b.hardware[d.ID].Serial); serial != "" {
			bySerial[serial] = append(bySerial[serial], d.ID)
		}
		if name := foldName(b.nameOf(d)); name != "" {
			byName[name] = append(byName[name], d.ID)
		}
		if key := string(d.KeyHash); key != "" {
			b.keys[key] = append(b.keys[key], b.nameOf(d))
			b.keyOf[d.ID] = key
		}
		b.follow(d)
	}
	// Serial numbers first, rows that are not gone first: then what is left by name,
	// where it tells one device.
	rows := slices.Clone(b.issued)
	slices.SortStableFunc(rows, func(x, y model.Issued) int { return cmp.Compare(boolean(!x.Gone.IsZero()), boolean(!y.Gone.IsZero())) })
	for _, r := range rows {
		if serial := model.FoldSerial(r.Serial); serial != "" {
			b.pair(r, bySerial[serial])
		}
	}
	for _, r := range rows {
		if ids := byName[foldName(r.Name)]; r.Name != "" && !b.listed[r.Source+"\x00"+r.Key] && len(ids) == 1 && b.agrees(r, ids[0]) {
			b.pair(r, ids)
		}
	}
}

// agrees says whether a row's serial number does not speak against a device of the
// same name: a replaced laptop keeps the name and has another number.
func (b *drawing) agrees(r model.Issued, id string) bool {
	row, device := model.FoldSerial(r.Serial), model.FoldSerial(b.hardware[id].Serial)
	return row == "" || device == "" || row == device
}

// pair notes whose row it is: of several devices of one serial number all.
func (b *drawing) pair(r model.Issued, ids []string) {
	for _, id := range ids {
		if _, has := b.row[id]; !has {
			b.row[id] = r
		}
		b.listed[r.Source+"\x00"+r.Key] = true
	}
}

// once says whether a row is of a device that no other export has listed before.
func (b *drawing) once(r model.Issued) bool {
	for _, key := range []string{"serial:" + model.FoldSerial(r.Serial), "name:" + foldName(r.Name)} {
		if strings.HasSuffix(key, ":") {
			continue
		}
		if b.taken[key] {
			return false
		}
		b.taken[key] = true
		return true
	}
	return true
}

// hardwareKey is what tells one piece of hardware from another; empty: nothing.
func hardwareKey(h model.Hardware) string {
	if h = h.Fold(); h == (model.Hardware{}) {
		return ""
	}
	return h.Serial + "/" + h.ID
}

func (b *drawing) nameOf(d model.Device) string {
	return cmp.Or(b.live[d.ID].Name, d.Name)
}

// kindOf tells the kind of an enrolled device by its system.
func kindOf(os string) model.Kind {
	switch strings.ToLower(os) {
	case "windows":
		return model.KindWindows
	case "darwin":
		return model.KindMac
	case "linux":
		return model.KindLinux
	}
	return model.KindOther
}

const logPrefix = "weblog:"

// follow notes the logs that a device follows, if it was heard from lately.
func (b *drawing) follow(d model.Device) {
	seen := b.seenAt(d)
	for _, s := range b.live[d.ID].Sources {
		if strings.HasPrefix(s.Name, logPrefix) {
			b.logs = append(b.logs, follower{
				site: d.Site, name: b.nameOf(d), detail: s.Detail,
				running: s.State == "running" && b.missed(d.Site, seen) == 0,
			})
		}
	}
}

// logOf says whether what the devices of a kind at a site ask for is said to stand
// in a log, and by which of our devices it is followed.
func (b *drawing) logOf(kind model.Kind, site string) (said bool, by *follower) {
	for _, e := range b.expected {
		if e.Kind == kind && e.InLog && (e.Site == site || e.Site == "") {
			said = true
		}
	}
	if !said {
		return false, nil
	}
	for i, l := range b.logs {
		if (site == "" || l.site == "" || l.site == site) && (by == nil || l.running && !by.running) {
			by = &b.logs[i]
		}
	}
	return true, by
}
