package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
)

// CopiesOf lists the devices that came of a device's copies, copies of copies among
// them, the oldest first, as far as they are not revoked. It may be revoked itself.
func (s *Store) CopiesOf(ctx context.Context, school model.SchoolID, device string) ([]model.Device, error) {
	all, err := copiesOf(ctx, s.reader, school, device)
	if err != nil {
		return nil, fmt.Errorf("listing what came of a device: %w", err)
	}
	return all, nil
}

func copiesOf(ctx context.Context, q querier, school model.SchoolID, device string) ([]model.Device, error) {
	origin, err := originOf(ctx, q, school, device)
	if err != nil {
		return nil, err
	}
	type came struct {
		model.Device
		parent string
	}
	family, err := collect(ctx, q, func(row scanner) (c came, err error) {
		var enrolled, revoked int64
		err = row.Scan(&c.ID, &c.parent, &c.Name, &enrolled, &revoked)
		c.School, c.Enrolled, c.Revoked = school, moment(enrolled), moment(revoked)
		return c, err
	}, `SELECT d.id, s.parent, d.name, d.enrolled, d.revoked FROM splits s
		JOIN devices d ON d.school_id = s.school_id AND d.id = s.device
		WHERE s.school_id = $1 AND s.origin = $2 ORDER BY s.at, s.device`, school, origin)
	if err != nil {
		return nil, err
	}
	of := map[string][]came{}
	for _, c := range family {
		of[c.parent] = append(of[c.parent], c)
	}
	var all []model.Device
	next := []string{device}
	for len(next) > 0 {
		children := of[next[0]]
		delete(of, next[0]) // whatever the rows say, none is looked at twice
		next = next[1:]
		for _, c := range children {
			next = append(next, c.ID)
			if c.Revoked.IsZero() {
				all = append(all, c.Device)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y model.Device) int { return x.Enrolled.Compare(y.Enrolled) })
	return all, nil
}

// RevokeCopies revokes what CopiesOf lists, in one transaction and with a line on
// record for each, and the device itself where that is asked for. More than most are not revoked:
// it is model.ErrMoreCopies then, and none is. Once it has returned, of what it revoked
// nothing more comes.
func (s *Store) RevokeCopies(ctx context.Context, school model.SchoolID, r model.RevokeCopies, now time.Time) (revoked []string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.admitting(ctx, tx, school); err != nil {
			return err
		}
		copies, err := copiesOf(ctx, tx, school, r.Of)
		switch {
		case err != nil:
			return err
		case len(copies) > r.Most:
			return fmt.Errorf("%d came of it: %w", len(copies), model.ErrMoreCopies)
		}
		revoked = nil // it may run again
		for _, d := range copies {
			revoked = append(revoked, d.ID)
		}
		if r.Itself {
			revoked = append(revoked, r.Of)
		}
		return revokeAll(ctx, tx, school, r, revoked, now)
	})
	if err != nil {
		return nil, fmt.Errorf("revoking what came of a device: %w", err)
	}
	return revoked, nil
}

func revokeAll(ctx context.Context, tx *sql.Tx, school model.SchoolID, r model.RevokeCopies, devices []string, now time.Time) error {
	if len(devices) == 0 {
		return ErrNotFound
	}
	// A line each: a field of the record is too short for the names of many.
	outcome := fmt.Sprintf("one of %d revoked with what came of %s", len(devices), model.DeviceActor(r.Of))
	for _, id := range devices {
		err := revoke(ctx, tx, school, id, now)
		if err == nil {
			err = note(ctx, tx, school, model.AuditRecord{At: now, What: "device.revoke-copies", Ref: model.DeviceActor(id), Outcome: outcome})
		}
		if err != nil {
			return err
		}
	}
	return bump(ctx, tx, school, TopicDevices)
}
