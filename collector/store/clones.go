package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

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
	err = s.write(ctx, func(tx *sql.Tx) (err error) {
		wrote, err = noteSeldom(ctx, tx, school, device, topic, detail, every, now)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("noting a health event: %w", err)
	}
	return wrote, nil
}

func noteSeldom(ctx context.Context, tx *sql.Tx, school model.SchoolID, device, topic, detail string, every time.Duration, now time.Time) (wrote bool, err error) {
	var lately int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM health WHERE school_id = $1 AND device = $2 AND topic = $3 AND received > $4 AND length(digest) = 0`,
		school, device, topic, micros(now.Add(-every))).Scan(&lately)
	if err != nil || lately > 0 {
		return false, err
	}
	_, err = tx.ExecContext(ctx, insertHealthSQL, school, device, randomBytes(), []byte{}, 0, 0, []byte{}, micros(now), micros(now), topic, detail)
	return err == nil, err
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
