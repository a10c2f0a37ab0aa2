package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// Health lists the health events received since a time, oldest first.
func (s *Store) Health(ctx context.Context, school model.SchoolID, since time.Time) ([]model.Health, error) {
	scan := func(row scanner) (model.Health, error) {
		var h model.Health
		var id []byte
		var lane, seq, at, received int64
		err := row.Scan(&h.School, &h.Device, &id, &h.Place.SpoolEpoch, &lane, &seq, &h.Digest, &at, &received, &h.Topic, &h.Detail)
		copy(h.ID[:], id)
		h.Place.Lane, h.Place.Seq = event.Severity(lane), uint64(seq)
		h.At, h.Received = moment(at), moment(received)
		return h, err
	}
	all, err := collect(ctx, s.reader, scan, `SELECT school_id, device, health_id, spool_epoch, lane, seq, digest, at, received, topic, detail
		FROM health WHERE school_id = $1 AND received >= $2 ORDER BY received, device, spool_epoch, lane, seq`, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing health events: %w", err)
	}
	return all, nil
}

// Gaps lists a device's runs of records that will never arrive.
func (s *Store) Gaps(ctx context.Context, school model.SchoolID, device string) ([]model.Gap, error) {
	scan := func(row scanner) (model.Gap, error) {
		var g model.Gap
		var lane, from, to, received int64
		err := row.Scan(&g.School, &g.Device, &g.Place.SpoolEpoch, &lane, &from, &to, &g.Reason, &received)
		g.Place.Lane, g.Place.Seq, g.To, g.Received = event.Severity(lane), uint64(from), uint64(to), moment(received)
		return g, err
	}
	all, err := collect(ctx, s.reader, scan, `SELECT school_id, device, spool_epoch, lane, from_seq, to_seq, reason, received
		FROM gaps WHERE school_id = $1 AND device = $2 ORDER BY received, spool_epoch, lane, from_seq`, school, device)
	if err != nil {
		return nil, fmt.Errorf("listing gaps: %w", err)
	}
	return all, nil
}

// noteHealth writes a health event of the service itself.
func noteHealth(ctx context.Context, tx *sql.Tx, school model.SchoolID, topic, detail string, now time.Time) error {
	_, err := tx.ExecContext(ctx, insertHealthSQL, school, "", randomBytes(), []byte{}, 0, 0, []byte{}, micros(now), micros(now), topic, detail)
	return err
}
