package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// refusal is an answer for the person who enrols a device, not a fault.
type refusal string

func (r refusal) Error() string { return string(r) }

// Refusal is what the person is told.
func (r refusal) Refusal() string { return string(r) }

// Why a device is not enrolled.
const (
	ErrTokenUnknown = refusal("this token is not known: ask for a new one")
	ErrTokenUsed    = refusal("this token has been used as often as it may be: ask for a new one")
	ErrTokenExpired = refusal("this token has expired: ask for a new one")
	ErrTokenEnded   = refusal("this token was ended before its time by whoever looks after the school's devices: ask for a new one")
	ErrSplitTwice   = refusal("this run of the agent became a device of its own before: start the agent again")
	ErrKeyEnded     = refusal("this device's key ended when it was set up anew, as an older copy of its disk has it: remove device.key from its state folder, and enrol again")
)

// ErrTrialFull says that a trial school has all the devices it may have (G12).
var ErrTrialFull = refusal(fmt.Sprintf("a trial school has at most %d devices: revoke one first", model.TrialDevices))

// Enrol spends one use of a token on a device, in one transaction: of two
// devices that race for the last use, or for a trial school's last place (G12),
// one is refused. A device whose id and hardware are known is the same one, set up
// anew: it has the new key from then on, and the old one is worth nothing.
func (s *Store) Enrol(ctx context.Context, school model.SchoolID, tokenHash []byte, now time.Time, device model.Device) error {
	err := s.write(ctx, func(tx *sql.Tx) error { return s.enrol(ctx, tx, school, tokenHash, now, device) })
	if err != nil {
		return fmt.Errorf("enrolling device: %w", err)
	}
	return nil
}

func (s *Store) enrol(ctx context.Context, tx *sql.Tx, school model.SchoolID, tokenHash []byte, now time.Time, device model.Device) error {
	if err := s.admitting(ctx, tx, school); err != nil {
		return err
	}
	token, err := useToken(ctx, tx, school, tokenHash, now)
	if err != nil {
		return err
	}
	device.School = school
	if device.Site == "" {
		device.Site = token.Site
	}
	same, found, err := deviceByHardware(ctx, tx, school, device.Hardware)
	if err != nil {
		return err
	}
	switch {
	case found && same.ID == device.ID:
		return replaceDevice(ctx, tx, same, device, token, now)
	case found: // since its id was looked for; the next try has it
		return errors.New("this hardware is being enrolled at the same moment")
	}
	if err := roomForDevice(ctx, tx, school); err != nil {
		return err
	}
	if err := insertDevice(ctx, tx, device); err != nil {
		return err
	}
	return note(ctx, tx, school, model.AuditRecord{
		At: now, Actor: tokenRef(token.ID), What: "device.enrol", Ref: model.DeviceActor(device.ID),
	})
}

// admitting keeps everybody else, on each collector, from adding a device to a school
// or ending what one was to be added by, until the transaction ends. So what ends a
// token, or a device, waits for those who are about to add one by it; who comes later
// sees the end; and of two who count what there is room for, one counts the other. It is
// the first thing such a transaction does.
func (s *Store) admitting(ctx context.Context, tx *sql.Tx, school model.SchoolID) error {
	if err := s.dialect.aloneInTx(ctx, tx, "admitting to "+string(school)); err != nil {
		return fmt.Errorf("waiting for others who add or end devices: %w", err)
	}
	return nil
}

func useToken(ctx context.Context, tx *sql.Tx, school model.SchoolID, hash []byte, now time.Time) (model.Token, error) {
	token, err := scanToken(tx.QueryRowContext(ctx, selectToken+` AND t.hash = $2`, school, hash))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return token, ErrTokenUnknown
	case err != nil:
		return token, fmt.Errorf("reading token: %w", err)
	case !token.Ended.IsZero():
		return token, ErrTokenEnded
	case !now.Before(token.Expires):
		return token, ErrTokenExpired
	}
	result, err := tx.ExecContext(ctx, `UPDATE tokens SET used = used + 1 WHERE school_id = $1 AND id = $2 AND used < uses`, school, token.ID)
	if err := changedOne(result, err); errors.Is(err, ErrNotFound) {
		return token, ErrTokenUsed
	} else if err != nil {
		return token, fmt.Errorf("using token: %w", err)
	}
	return token, nil
}

func roomForDevice(ctx context.Context, tx *sql.Tx, id model.SchoolID) error {
	school, err := readSchool(ctx, tx, id)
	if err != nil || !school.Trial {
		return err
	}
	var devices int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM devices WHERE school_id = $1 AND revoked = 0`, id).Scan(&devices)
	if err != nil {
		return fmt.Errorf("counting devices: %w", err)
	}
	if devices >= model.TrialDevices {
		return ErrTrialFull
	}
	return nil
}

func insertDevice(ctx context.Context, tx *sql.Tx, d model.Device) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO devices (school_id, id, name, os, arch, version, site, enrolled, expires, key_hash, revoked, last_seen)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		d.School, d.ID, d.Name, d.OS, d.Arch, d.Version, d.Site, micros(d.Enrolled), micros(d.Expires), blob(d.KeyHash),
		micros(d.Revoked), micros(d.LastSeen))
	if err != nil {
		return taken(err)
	}
	return setHardware(ctx, tx, d)
}
