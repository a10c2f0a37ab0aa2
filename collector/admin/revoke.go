package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"safelight/collector/model"
)

// DeviceRevoke asks to end access: of one device, or of what came of a device's copies.
type DeviceRevoke struct {
	Name     string `json:"name,omitempty"`      // the device's id
	CopiesOf string `json:"copies_of,omitempty"` // or the id of the one that the others are copies of
	Itself   bool   `json:"itself,omitempty"`    // that one too
	DryRun   bool   `json:"dry_run,omitempty"`   // of copies: name them, and change nothing
}

// DeviceRevoked is the answer. Devices are named where there may be several.
type DeviceRevoked struct {
	Done    string         `json:"done"`
	DryRun  bool           `json:"dry_run,omitempty"`
	Devices []RevokedNamed `json:"devices,omitempty"`
}

// RevokedNamed is one of them.
type RevokedNamed struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Lines words it for people.
func (d DeviceRevoked) Lines() []string {
	lines := []string{d.Done}
	for _, one := range d.Devices {
		lines = append(lines, one.ID+"  "+one.Name)
	}
	return lines
}

func (a *Admin) deviceRevoke(ctx context.Context, req DeviceRevoke) ([]DeviceRevoked, error) {
	if (req.Name == "") == (req.CopiesOf == "") || req.Name != "" && (req.Itself || req.DryRun) {
		return nil, usagef("revoking a device: want one device id, or --copies-of ID; --itself and --dry-run go with the latter; `device list` shows ids")
	}
	id := cmp.Or(req.Name, req.CopiesOf)
	d, err := a.Store.Device(ctx, a.School, id)
	if errors.Is(err, a.NotFound) {
		return nil, usagef("revoking a device: there is none with the id %q; `device list` shows them", id)
	}
	if err != nil {
		return nil, fmt.Errorf("revoking a device: %w", err)
	}
	if req.CopiesOf != "" {
		return a.revokeCopies(ctx, d, req)
	}
	if err := a.Revoke(ctx, d.ID); err != nil {
		return nil, err
	}
	return one(DeviceRevoked{Done: "revoked " + d.ID}), nil
}

func (a *Admin) revokeCopies(ctx context.Context, of model.Device, req DeviceRevoke) ([]DeviceRevoked, error) {
	itself := req.Itself && of.Revoked.IsZero()
	copies, err := a.CopiesOf(ctx, of.ID)
	if err != nil {
		return nil, err
	}
	if len(copies) == 0 && !itself {
		return nil, usagef("revoking the copies of a device: nothing that is enrolled came of %s; `device list --json` says what each came of", of.ID)
	}
	if itself {
		copies = append(copies, of)
	}
	named := map[string]string{}
	answer := DeviceRevoked{DryRun: req.DryRun}
	for _, d := range copies {
		named[d.ID] = d.Name
		answer.Devices = append(answer.Devices, RevokedNamed{d.ID, d.Name})
	}
	if req.DryRun {
		answer.Done = fmt.Sprintf("Nothing was revoked. It would be %s:", counted(len(copies)))
		return one(answer), nil
	}
	revoked, err := a.RevokeCopies(ctx, model.RevokeCopies{Of: of.ID, Itself: itself, Most: math.MaxInt})
	if errors.Is(err, a.NotFound) {
		return nil, usagef("revoking the copies of a device: nothing that is enrolled came of %s any more", of.ID)
	}
	if err != nil {
		return nil, err
	}
	answer.Devices = nil // as it was done
	for _, id := range revoked {
		answer.Devices = append(answer.Devices, RevokedNamed{id, named[id]})
	}
	answer.Done = "revoked " + counted(len(revoked))
	if of.Revoked.IsZero() && !itself {
		answer.Done += fmt.Sprintf("; %s itself stays, and more may come of it: `device revoke %s` ends that", of.ID, of.ID)
	}
	return one(answer), nil
}

func counted(devices int) string {
	if devices == 1 {
		return "1 device"
	}
	return fmt.Sprint(devices, " devices")
}

// Revoke ends a device's access, for the verb and for the console.
func (a *Admin) Revoke(ctx context.Context, id string) error {
	if err := a.Store.RevokeDevice(ctx, a.School, id, a.Now()); err != nil {
		return fmt.Errorf("revoking a device: %w", err)
	}
	a.Changed()
	return nil
}

// CopiesOf lists what came of a device's copies and is not revoked, for the verb and for
// the console.
func (a *Admin) CopiesOf(ctx context.Context, of string) ([]model.Device, error) {
	copies, err := a.Store.CopiesOf(ctx, a.School, of)
	if err != nil {
		return nil, fmt.Errorf("revoking the copies of a device: %w", err)
	}
	return copies, nil
}

// RevokeCopies ends their access, for the verb and for the console.
func (a *Admin) RevokeCopies(ctx context.Context, r model.RevokeCopies) ([]string, error) {
	revoked, err := a.Store.RevokeCopies(ctx, a.School, r, a.Now())
	if err != nil {
		return nil, fmt.Errorf("revoking the copies of a device: %w", err)
	}
	a.Changed()
	return revoked, nil
}
