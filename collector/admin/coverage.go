package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
)

// Coverage is the coverage ledger: its counts add up to Issued.
type Coverage struct {
	At       time.Time       `json:"at"`
	Issued   int             `json:"issued"`
	Proven   int             `json:"proven"`
	Unproven int             `json:"unproven"`
	Hidden   int             `json:"hidden"`
	Silent   int             `json:"silent"`
	Removed  int             `json:"removed"`
	Off      int             `json:"off"`
	Log      int             `json:"log_only"`
	None     int             `json:"not_monitored"`
	Lost     uint64          `json:"events_lost"`
	LetGo    uint64          `json:"events_let_go"`
	Closed   bool            `json:"school_closed"`
	Kinds    []CoverageCount `json:"kinds"`
	Sites    []CoverageCount `json:"sites"`
	Exports  []CoverageList  `json:"exports"`
	// Notes are of several devices at once.
	Notes []Why `json:"notes,omitempty"`
	// Devices are those that are not proven, or of which there is something to say.
	Devices []DeviceRow `json:"devices"`
}

// CoverageCount is one line of a table.
type CoverageCount struct {
	Name   string `json:"name"`
	Issued int    `json:"issued"`
	Today  int    `json:"seen_today"`
	Proven int    `json:"proven"`
	Log    int    `json:"log_only"`
	None   int    `json:"not_monitored"`
}

// CoverageList is an export that the ledger goes by.
type CoverageList struct {
	Source   string    `json:"source"`
	File     string    `json:"file"`
	Imported time.Time `json:"imported"`
}

func (a *Admin) coverage(ctx context.Context, _ Nothing) ([]Coverage, error) {
	l, err := a.Fleet.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	c := Coverage{
		At: l.At.UTC(), Issued: l.Issued, Proven: l.Counts[model.StandingProven], Unproven: l.Counts[model.StandingUnproven], Hidden: l.Counts[model.StandingHidden],
		Silent: l.Counts[model.StandingSilent], Removed: l.Counts[model.StandingRemoved], Off: l.Counts[model.StandingOff], Log: l.Counts[model.StandingLog],
		None: l.Counts[model.StandingNone], Lost: l.Lost, LetGo: l.LetGo, Closed: l.Closed,
		Kinds: counts(l.Kinds), Sites: counts(l.Sites), Exports: []CoverageList{}, Devices: []DeviceRow{},
	}
	for _, i := range l.Inventories {
		c.Exports = append(c.Exports, CoverageList{i.Source, i.Name, i.At.UTC()})
	}
	for _, n := range l.Notes {
		c.Notes = append(c.Notes, Why{n.Code, n.Text, n.Mend, timeOrNil(n.Since)})
	}
	for _, d := range l.Devices {
		if d.Standing != model.StandingProven || len(d.Causes) > 0 {
			c.Devices = append(c.Devices, deviceRow(d))
		}
	}
	return one(c), nil
}

func counts(lines []model.LedgerCount) []CoverageCount {
	all := []CoverageCount{}
	for _, l := range lines {
		all = append(all, CoverageCount(l))
	}
	return all
}

const (
	// coverageNamed bounds how many devices are named for people; --json names all.
	coverageNamed = 40
	// What so many devices have in common is one line: in a roll-out a line for each
	// that waits for its first check would hide the one that never came.
	coverageShared = 8
)

// Lines words the ledger for people.
func (c Coverage) Lines() []string {
	lines := []string{fmt.Sprintf("%d of %d devices issued or admitted are proven to be monitored.", c.Proven, c.Issued)}
	for _, one := range []struct {
		n    int
		what string
	}{
		{c.Unproven, "enrolled, not proven"},
		{c.Hidden, "heard from, hiding what they look up"},
		{c.Silent, "silent"},
		{c.Removed, "without Safelight, as they said when it was removed"},
		{c.Off, "off since the school closed"},
		{c.Log, "seen by a network log only"},
		{c.None, "not monitored"},
	} {
		if one.n > 0 {
			lines = append(lines, fmt.Sprintf("%6d %s", one.n, one.what))
		}
	}
	lines = append(lines, fmt.Sprintf("Events lost: %d. Let go by full stores, and said so: %d.", c.Lost, c.LetGo))
	for _, n := range c.Notes {
		lines = append(lines, n.Text+" "+n.Mend)
	}
	return append(lines, c.deviceLines()...)
}

// deviceLines are what to know of single devices, and then of many. They leave out
// what Notes say of many devices at once.
func (c Coverage) deviceLines() []string {
	sharing := map[string][]string{} // labels, by what is said of them and to be done
	same := func(w Why) string { return w.Text + "\n" + w.Mend }
	var order []Why
	for _, d := range c.Devices {
		if d.Count > 1 { // a number that somebody typed is a line of its own
			continue
		}
		for _, w := range d.told() {
			if len(sharing[same(w)]) == 0 {
				order = append(order, w)
			}
			sharing[same(w)] = append(sharing[same(w)], d.label())
		}
	}
	var lines []string
	named, more := 0, 0
	for _, d := range c.Devices {
		single := slices.DeleteFunc(d.told(), func(w Why) bool { return d.Count <= 1 && len(sharing[same(w)]) >= coverageShared })
		switch {
		case len(single) == 0:
			continue
		case named == coverageNamed:
			more++
			continue
		}
		named++
		for _, w := range single {
			lines = append(lines, d.label()+": "+w.Text)
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more: --json names them all", more))
	}
	for _, w := range order {
		if all := sharing[same(w)]; len(all) >= coverageShared {
			lines = append(lines, sharedLine(w, all))
		}
	}
	return lines
}

// sharedLine says one thing of many devices.
func sharedLine(w Why, of []string) string {
	line := fmt.Sprintf("%d devices: %s (%s", len(of), strings.TrimSpace(w.Text+" "+w.Mend), strings.Join(of[:min(len(of), coverageNamed)], ", "))
	if more := len(of) - coverageNamed; more > 0 {
		line += fmt.Sprintf(" and %d more: --json names them all", more)
	}
	return line + ")"
}

// told is what is said of it alone.
func (d DeviceRow) told() []Why {
	return slices.DeleteFunc(slices.Clone(d.Why), func(w Why) bool {
		return w.Code == model.CauseSharedKey || w.Code == model.CauseCopied || w.Code == model.CauseSplitsHeld
	})
}

// label is what a device is called where it is talked of.
func (d DeviceRow) label() string {
	switch {
	case d.Count > 1 || d.Name == "" && d.Serial == "" && d.ID == "":
		where := ""
		if d.Site != "" {
			where = " at " + d.Site
		}
		return fmt.Sprintf("%d of kind %s%s", max(d.Count, 1), d.Kind, where)
	case d.Name != "":
		return d.Name
	case d.Serial != "":
		return d.Serial
	}
	return d.ID
}
