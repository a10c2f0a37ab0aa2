package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
)

// DeviceByHardware finds the device that is this piece of hardware: enrolled and
// not revoked, of several the one that was enrolled last. It reads alone; Enrol
// decides.
func (s *Store) DeviceByHardware(ctx context.Context, school model.SchoolID, h model.Hardware) (model.Device, bool, error) {
	d, found, err := deviceByHardware(ctx, s.reader, school, h)
	if err != nil {
		return d, false, fmt.Errorf("finding a device by its hardware: %w", err)
	}
	return d, found, nil
}

func deviceByHardware(ctx context.Context, q querier, school model.SchoolID, h model.Hardware) (found model.Device, ok bool, err error) {
	if h = h.Fold(); h == (model.Hardware{}) {
		return found, false, nil
	}
	all, err := collect(ctx, q, func(row scanner) (d model.Device, err error) {
		var enrolled, expires int64
		err = row.Scan(&d.ID, &d.KeyHash, &enrolled, &expires, &d.Site, &d.Hardware.Serial, &d.Hardware.ID)
		d.School, d.Enrolled, d.Expires = school, moment(enrolled), moment(expires)
		return d, err
	}, `SELECT d.id, d.key_hash, d.enrolled, d.expires, d.site, w.serial, w.hardware_id FROM device_hardware w
		JOIN devices d ON d.school_id = w.school_id AND d.id = w.device
		WHERE w.school_id = $1 AND (w.serial = $2 AND w.serial <> '' OR w.hardware_id = $3 AND w.hardware_id <> '') AND d.revoked = 0
		ORDER BY d.enrolled, d.id`, school, h.Serial, h.ID)
	if err != nil {
		return found, false, err
	}
	for _, d := range slices.Backward(all) {
		if d.Hardware.Is(h) {
			return d, true, nil
		}
	}
	return found, false, nil
}

func setHardware(ctx context.Context, tx *sql.Tx, d model.Device) error {
	h := d.Hardware.Fold()
	if h == (model.Hardware{}) {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO device_hardware (school_id, device, serial, hardware_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (school_id, device) DO UPDATE SET serial = excluded.serial, hardware_id = excluded.hardware_id`, d.School, d.ID, h.Serial, h.ID)
	return err
}

// replaceDevice gives a device that was set up anew its new key.
func replaceDevice(ctx context.Context, tx *sql.Tx, was, device model.Device, token model.Token, now time.Time) error {
	if err := keyLives(ctx, tx, device); err != nil {
		return err
	}
	if string(was.KeyHash) != string(device.KeyHash) {
		_, err := tx.ExecContext(ctx, `INSERT INTO ended_keys (school_id, key_hash, device, ended, expires) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (school_id, key_hash, device) DO NOTHING`, was.School, blob(was.KeyHash), was.ID, micros(now), micros(was.Expires))
		if err != nil {
			return err
		}
	}
	site := device.Site
	if token.Site == "" {
		site = was.Site
	}
	err := changedOne(tx.ExecContext(ctx, `UPDATE devices SET name = $3, os = $4, arch = $5, version = $6, site = $7, expires = $8, key_hash = $9
		WHERE school_id = $1 AND id = $2 AND revoked = 0`,
		was.School, was.ID, device.Name, device.OS, device.Arch, device.Version, site, micros(device.Expires), blob(device.KeyHash)))
	if err != nil {
		return err
	}
	if err := setHardware(ctx, tx, device); err != nil {
		return err
	}
	// IT reads it on the device's page: a laptop whose place was taken by whoever had
	// a token is silent, and nothing else there would say so.
	_, err = tx.ExecContext(ctx, insertHealthSQL, was.School, was.ID, randomBytes(), []byte{}, 0, 0, []byte{}, micros(now), micros(now), model.HealthSetUpAnew,
		"A token set this device up anew, as hardware that says the same of itself. Its key of before has ended. If nobody did so, another computer may be in its place: revoke it, and enrol it again.")
	if err != nil {
		return err
	}
	err = note(ctx, tx, was.School, model.AuditRecord{
		At: now, Actor: tokenRef(token.ID), What: "device.replace", Ref: model.DeviceActor(was.ID), Outcome: "the same hardware, set up anew: its old key has ended",
	})
	if err != nil {
		return err
	}
	return errors.Join(forgetEndedKeys(ctx, tx, was.School, now), bump(ctx, tx, was.School, TopicDevices))
}

// endedKeysKept is how long after its certificate's end a key could still renew it
// (pki.RenewGrace), and some more.
const endedKeysKept = 400 * 24 * time.Hour

// forgetEndedKeys removes those that nothing could be done with any more.
func forgetEndedKeys(ctx context.Context, tx *sql.Tx, school model.SchoolID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM ended_keys WHERE school_id = $1 AND expires < $2`, school, micros(now.Add(-endedKeysKept)))
	return err
}

// keyLives refuses a key that ended when this very device was set up anew: the gate
// would turn the device away for good, and its token would be spent.
func keyLives(ctx context.Context, tx *sql.Tx, d model.Device) error {
	var ended int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM ended_keys WHERE school_id = $1 AND device = $2 AND key_hash = $3`,
		d.School, d.ID, blob(d.KeyHash)).Scan(&ended)
	switch {
	case err != nil:
		return fmt.Errorf("looking for its key among those that have ended: %w", err)
	case ended > 0:
		return ErrKeyEnded
	}
	return nil
}

// EndedKeys lists the keys that devices had before they were set up anew.
func (s *Store) EndedKeys(ctx context.Context, school model.SchoolID) ([]model.EndedKey, error) {
	keys, err := collect(ctx, s.reader, func(row scanner) (k model.EndedKey, err error) { return k, row.Scan(&k.Device, &k.KeyHash) },
		`SELECT device, key_hash FROM ended_keys WHERE school_id = $1`, school)
	if err != nil {
		return nil, fmt.Errorf("listing ended keys: %w", err)
	}
	return keys, nil
}
