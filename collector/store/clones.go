package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// SplitDevice adds a device that was a copy of from, in one transaction: from is
// enrolled and not revoked, and a trial school has room (G12). A key that a
// device has already is that device: its id is returned and nothing changes.
func (s *Store) SplitDevice(ctx context.Context, school model.SchoolID, from string, device model.Device) (string, error) {
	id := device.ID
	err := s.write(ctx, func(tx *sql.Tx) error {
		var revoked int64
		err := tx.QueryRowContext(ctx, `SELECT revoked FROM devices WHERE school_id = $1 AND id = $2`, school, from).Scan(&revoked)
		if errors.Is(err, sql.ErrNoRows) || err == nil && revoked != 0 {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("reading the device it was copied from: %w", err)
		}
		err = tx.QueryRowContext(ctx, `SELECT id FROM devices WHERE school_id = $1 AND key_hash = $2 AND revoked = 0`, school, blob(device.KeyHash)).Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := roomForDevice(ctx, tx, school); err != nil {
			return err
		}
		device.School = school
		return insertDevice(ctx, tx, device)
	})
	if err != nil {
		return "", fmt.Errorf("splitting device: %w", err)
	}
	return id, nil
}

// NoteCopies writes the one health event of a device that was copied, which says how many
// copies were noticed since first: the next one of them changes it.
func (s *Store) NoteCopies(ctx context.Context, school model.SchoolID, device, detail string, first, now time.Time) error {
	id := sha256.Sum256([]byte(model.HealthCopied + "\x00" + device + "\x00" + first.UTC().Format(time.RFC3339Nano)))
	_, err := s.writer.ExecContext(ctx, `INSERT INTO health (school_id, device, health_id, spool_epoch, lane, seq, digest, at, received, topic, detail)
		VALUES ($1, $2, $3, $4, 0, 0, $4, $5, $6, $7, $8)
		ON CONFLICT (school_id, device, health_id) DO UPDATE SET received = excluded.received, detail = excluded.detail`,
		school, device, id[:16], []byte{}, micros(first), micros(now), model.HealthCopied, detail)
	if err != nil {
		return fmt.Errorf("noting that a device was copied: %w", err)
	}
	return nil
}

// NoteDeviceHealthSeldom writes a health event that the collector noticed, unless one
// of its topic was written of that device less than a while ago, by whichever
// collector: what goes on all day is one line a day. It says whether it wrote.
func (s *Store) NoteDeviceHealthSeldom(ctx context.Context, school model.SchoolID, device, topic, detail string, every time.Duration, now time.Time) (wrote bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		var lately int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM health WHERE school_id = $1 AND device = $2 AND topic = $3 AND received > $4 AND length(digest) = 0`,
			school, device, topic, micros(now.Add(-every))).Scan(&lately)
		if wrote = err == nil && lately == 0; !wrote {
			return err
		}
		_, err = tx.ExecContext(ctx, insertHealthSQL, school, device, randomBytes(), []byte{}, 0, 0, []byte{}, micros(now), micros(now), topic, detail)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("noting a health event: %w", err)
	}
	return wrote, nil
}

// NoteDeviceHealth writes a health event about a device that the collector
// itself noticed.
func (s *Store) NoteDeviceHealth(ctx context.Context, school model.SchoolID, device, topic, detail string, now time.Time) error {
	_, err := s.writer.ExecContext(ctx, insertHealthSQL, school, device, randomBytes(), []byte{}, 0, 0, []byte{}, micros(now), micros(now), topic, detail)
	if err != nil {
		return fmt.Errorf("noting a health event: %w", err)
	}
	return nil
}
