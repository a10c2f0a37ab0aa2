package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"safelight/collector/model"
)

const deviceColumns = `school_id, id, name, os, arch, version, site, enrolled, expires, key_hash, revoked, last_seen`

func scanDevice(row scanner) (model.Device, error) {
	var d model.Device
	var enrolled, expires, revoked, lastSeen int64
	err := row.Scan(&d.School, &d.ID, &d.Name, &d.OS, &d.Arch, &d.Version, &d.Site, &enrolled, &expires, &d.KeyHash, &revoked, &lastSeen)
	d.Enrolled, d.Expires = moment(enrolled), moment(expires)
	d.Revoked, d.LastSeen = moment(revoked), moment(lastSeen)
	return d, err
}

// Device reads one device, revoked or not.
func (s *Store) Device(ctx context.Context, school model.SchoolID, id string) (model.Device, error) {
	d, err := scanDevice(s.reader.QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM devices WHERE school_id = $1 AND id = $2`, school, id))
	if err != nil {
		return model.Device{}, fmt.Errorf("reading device: %w", missing(err))
	}
	return d, nil
}

// Devices lists every device, in the order of enrolment.
func (s *Store) Devices(ctx context.Context, school model.SchoolID) ([]model.Device, error) {
	devices, err := collect(ctx, s.reader, scanDevice,
		`SELECT `+deviceColumns+` FROM devices WHERE school_id = $1 ORDER BY enrolled, id`, school)
	if err != nil {
		return nil, fmt.Errorf("listing devices: %w", err)
	}
	return devices, nil
}

// RevokeDevice shuts a device out for good: once it has returned no copy becomes a
// device by its key. Revoking it again keeps the first time.
func (s *Store) RevokeDevice(ctx context.Context, school model.SchoolID, id string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if err := s.admitting(ctx, tx, school); err != nil {
			return err
		}
		if err := revoke(ctx, tx, school, id, now); err != nil {
			return err
		}
		if err := note(ctx, tx, school, model.AuditRecord{At: now, What: "device.revoke", Ref: model.DeviceActor(id)}); err != nil {
			return err
		}
		return bump(ctx, tx, school, TopicDevices)
	})
	if err != nil {
		return fmt.Errorf("revoking device: %w", err)
	}
	return nil
}

func revoke(ctx context.Context, tx *sql.Tx, school model.SchoolID, id string, now time.Time) error {
	return changedOne(tx.ExecContext(ctx, `UPDATE devices SET revoked = CASE WHEN revoked = 0 THEN $3 ELSE revoked END
		WHERE school_id = $1 AND id = $2`, school, id, micros(now)))
}

// RenewDevice notes until when a device's new certificate is good. A revoked
// device is not found.
func (s *Store) RenewDevice(ctx context.Context, school model.SchoolID, id string, expires time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := changedOne(tx.ExecContext(ctx, `UPDATE devices SET expires = $3 WHERE school_id = $1 AND id = $2 AND revoked = 0`,
			school, id, micros(expires)))
		if err != nil {
			return err
		}
		return note(ctx, tx, school, model.AuditRecord{Actor: model.DeviceActor(id), What: "device.renew", Ref: model.DeviceActor(id)})
	})
	if err != nil {
		return fmt.Errorf("renewing device: %w", err)
	}
	return nil
}

// touchChunk is how many devices one transaction touches.
const touchChunk = 500

// TouchDevices notes when devices were last seen, many at once and never
// backwards.
func (s *Store) TouchDevices(ctx context.Context, school model.SchoolID, seen map[string]time.Time) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(seen)), touchChunk) {
		err := s.write(ctx, func(tx *sql.Tx) error {
			for _, id := range ids {
				_, err := tx.ExecContext(ctx, `UPDATE devices SET last_seen = $3 WHERE school_id = $1 AND id = $2 AND last_seen < $3`,
					school, id, micros(seen[id]))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("touching devices: %w", err)
		}
	}
	return nil
}
