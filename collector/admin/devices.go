package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// Fleet knows the school's devices, and what it issues.
type Fleet interface {
	Ledger(ctx context.Context) (model.Ledger, error)
	// ReadInventory's errors and CheckExpected's are for whoever asked.
	ReadInventory(ctx context.Context, file model.InventoryFile) (model.Inventory, error)
	PlanInventory(ctx context.Context, in model.Inventory) (model.InventoryChange, error)
	ImportInventory(ctx context.Context, in model.Inventory) (model.InventoryChange, error)
	CheckExpected(ctx context.Context, e model.Expected) (model.Expected, error)
	Expect(ctx context.Context, e model.Expected) error
}

// DeviceList asks for devices; without All for enrolled ones alone.
type DeviceList struct {
	All bool `json:"all,omitempty"`
}

// DeviceRow is a line of `device list`. State is the device's standing in the
// coverage ledger, or "revoked".
type DeviceRow struct {
	ID       string     `json:"id,omitempty"`
	Name     string     `json:"name"`
	Serial   string     `json:"serial,omitempty"`
	Kind     string     `json:"kind"`
	OS       string     `json:"os,omitempty"`
	System   string     `json:"system,omitempty"`
	Version  string     `json:"version,omitempty"`
	Site     string     `json:"site,omitempty"`
	Group    string     `json:"group,omitempty"`
	State    string     `json:"state"`
	Why      []Why      `json:"why"`
	Proven   *time.Time `json:"proven,omitempty"` // when a check last passed
	Enrolled *time.Time `json:"enrolled,omitempty"`
	Expires  *time.Time `json:"certificate_expires,omitempty"`
	LastSeen *time.Time `json:"last_seen"`
	Revoked  *time.Time `json:"revoked"`
	Lost     uint64     `json:"events_lost"`
	LetGo    uint64     `json:"events_let_go,omitempty"`
	CameOf   string     `json:"came_of,omitempty"` // the device that it was a copy of
	Count    int        `json:"count,omitempty"`   // where a line stands for so many
}

// Why is one thing that speaks against a device, or that IT should know.
type Why struct {
	Code  string     `json:"code"`
	Text  string     `json:"text"`
	Mend  string     `json:"mend,omitempty"`
	Since *time.Time `json:"since,omitempty"`
}

func (a *Admin) deviceList(ctx context.Context, req DeviceList) ([]DeviceRow, error) {
	ledger, err := a.Fleet.Ledger(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing devices: %w", err)
	}
	rows := []DeviceRow{}
	for _, d := range ledger.Devices {
		if d.ID != "" || req.All {
			rows = append(rows, deviceRow(d))
		}
	}
	devices, err := a.Store.Devices(ctx, a.School)
	if err != nil {
		return nil, fmt.Errorf("listing devices: %w", err)
	}
	for _, d := range devices { // no part of what is to be monitored, and no secret
		if !d.Revoked.IsZero() {
			rows = append(rows, DeviceRow{
				ID: d.ID, Name: d.Name, OS: d.OS, Version: d.Version, Site: d.Site, State: "revoked", Why: []Why{}, Enrolled: timeOrNil(d.Enrolled),
				Expires: timeOrNil(d.Expires), LastSeen: timeOrNil(d.LastSeen), Revoked: timeOrNil(d.Revoked),
			})
		}
	}
	return rows, nil
}

func deviceRow(d model.LedgerDevice) DeviceRow {
	row := DeviceRow{
		ID: d.ID, Name: d.Name, Serial: d.Serial, Kind: string(d.Kind), OS: d.OS, System: d.System, Version: d.Version, Site: d.Site, Group: d.Group,
		State: string(d.Standing), Why: []Why{}, Proven: timeOrNil(d.Proven), Enrolled: timeOrNil(d.Enrolled), Expires: timeOrNil(d.Expires),
		LastSeen: timeOrNil(d.LastSeen), Lost: d.Lost, LetGo: d.LetGo, CameOf: d.CameOf,
	}
	if d.Count != 1 {
		row.Count = d.Count
	}
	for _, c := range d.Causes {
		row.Why = append(row.Why, Why{c.Code, c.Text, c.Mend, timeOrNil(c.Since)})
	}
	return row
}

// DeviceImport carries an export of device management.
type DeviceImport struct {
	Name   string `json:"name"`
	Data   []byte `json:"data"`
	Source string `json:"source,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Site   string `json:"site,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
	// AcceptRemovals lets more than a fifth of the devices go.
	AcceptRemovals bool `json:"accept_removals,omitempty"`
}

// DeviceImported is the answer. Details are in it after a dry run.
type DeviceImported struct {
	DryRun    bool         `json:"dry_run,omitempty"`
	Source    string       `json:"source"`
	Devices   int          `json:"devices"`
	Added     int          `json:"added"`
	Changed   int          `json:"changed"`
	Gone      int          `json:"gone"`
	Back      int          `json:"back"`
	Unchanged int          `json:"unchanged"`
	Ignored   []string     `json:"ignored_columns,omitempty"`
	Details   []DeviceLine `json:"details,omitempty"`
}

// DeviceLine is one device's change.
type DeviceLine struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	What string `json:"what"`
}

func (a *Admin) deviceImport(ctx context.Context, req DeviceImport) ([]DeviceImported, error) {
	in, err := a.Fleet.ReadInventory(ctx, model.InventoryFile{Name: req.Name, Data: req.Data, Source: req.Source, Kind: model.Kind(req.Kind), Site: req.Site})
	if err != nil {
		return nil, usageError{err}
	}
	plan, err := a.Fleet.PlanInventory(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("importing devices %s: %w", req.Name, err)
	}
	if req.DryRun {
		answer := imported(plan, in)
		answer.DryRun = true
		for _, d := range plan.Details {
			answer.Details = append(answer.Details, DeviceLine(d))
		}
		return one(answer), nil
	}
	if plan.Gone*5 > plan.Before && !req.AcceptRemovals {
		return nil, usagef("importing devices %s: %d of the %d devices that %s lists are not in it, more than a fifth: is it the whole export? --dry-run names them, --accept-removals takes it as it is, --source gives another list its own name", req.Name, plan.Gone, plan.Before, in.Source)
	}
	change, err := a.Fleet.ImportInventory(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("importing devices %s: %w", req.Name, err)
	}
	return one(imported(change, in)), nil
}

func imported(c model.InventoryChange, in model.Inventory) DeviceImported {
	return DeviceImported{
		Source: in.Source, Devices: c.Devices, Added: c.Added, Changed: c.Changed, Gone: c.Gone, Back: c.Back, Unchanged: c.Unchanged, Ignored: in.Ignored,
	}
}

// Lines words an import for people.
func (d DeviceImported) Lines() []string {
	would := ""
	if d.DryRun {
		would = "Nothing was imported. "
	}
	lines := []string{fmt.Sprintf("%s%d devices of %s: %d added, %d changed, %d gone, %d back, %d unchanged.", would, d.Devices, d.Source, d.Added, d.Changed, d.Gone, d.Back, d.Unchanged)}
	if len(d.Ignored) > 0 {
		lines = append(lines, "Columns kept nowhere: "+strings.Join(d.Ignored, ", "))
	}
	for _, one := range d.Details {
		lines = append(lines, one.What+": "+one.Name)
	}
	return lines
}

// DeviceSplit asks to let more copies of a device become devices of their own.
type DeviceSplit struct {
	ID   string `json:"id"`
	More int    `json:"more"`
}

func (a *Admin) deviceSplit(ctx context.Context, req DeviceSplit) ([]Done, error) {
	if req.More < 1 || req.More > model.SplitLeaveMost {
		return nil, usagef("letting more copies of a device be devices of their own: --more %d: want 1 to %d", req.More, model.SplitLeaveMost)
	}
	d, err := a.Store.Device(ctx, a.School, req.ID)
	if errors.Is(err, a.NotFound) || err == nil && !d.Revoked.IsZero() {
		return nil, usagef("letting more copies of a device be devices of their own: none is enrolled with the id %q; `device list` shows them", req.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("letting more copies of a device be devices of their own: %w", err)
	}
	origin, err := a.Store.LeaveForSplits(ctx, a.School, d.ID, req.More, a.Now())
	if err != nil {
		return nil, err
	}
	return one(Done{fmt.Sprintf("until a day from now %d more copies of %s may become devices of their own; those that wait are told within minutes", req.More, origin)}), nil
}

// DeviceExpect says how many devices there are of what no export lists.
type DeviceExpect struct {
	Kind  string `json:"kind"`
	Site  string `json:"site,omitempty"`
	Count int    `json:"count"`
	InLog bool   `json:"in_log,omitempty"`
}

func (a *Admin) deviceExpect(ctx context.Context, req DeviceExpect) ([]Done, error) {
	e, err := a.Fleet.CheckExpected(ctx, model.Expected{Kind: model.Kind(req.Kind), Site: req.Site, Count: req.Count, InLog: req.InLog})
	if err != nil {
		return nil, usageError{fmt.Errorf("expecting devices: %w", err)}
	}
	if err := a.Fleet.Expect(ctx, e); err != nil {
		return nil, fmt.Errorf("expecting devices: %w", err)
	}
	at := "at " + e.Site
	if e.Site == "" {
		at = "at no site in particular"
	}
	if e.Count == 0 && !e.InLog {
		return one(Done{fmt.Sprintf("no %s is expected %s any more", e.Kind, at)}), nil
	}
	done := fmt.Sprintf("%d of kind %s are expected %s", e.Count, e.Kind, at)
	if e.InLog {
		done += ", seen by a followed log"
	}
	return one(Done{done}), nil
}
