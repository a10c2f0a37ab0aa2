package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

// AddWitness keeps a checkpoint that a device holds and the record does not
// agree with, and notes it as a health event. Adding it again does nothing.
func (s *Store) AddWitness(ctx context.Context, school model.SchoolID, w model.AuditWitness, h model.Health) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		added, err := affected(tx.ExecContext(ctx, `INSERT INTO audit_witnesses (school_id, device, size, note, at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (school_id, device, size) DO NOTHING`, school, w.Device, w.Size, w.Note, micros(w.At)))
		if err != nil || !added {
			return err
		}
		return deviceHealth(ctx, tx, school, w.Device, h.Topic, h.Detail, w.At)
	})
	if err != nil {
		return fmt.Errorf("keeping a device's checkpoint: %w", err)
	}
	return nil
}

// Witnesses lists what AddWitness kept.
func (s *Store) Witnesses(ctx context.Context, school model.SchoolID) ([]model.AuditWitness, error) {
	scan := func(row scanner) (model.AuditWitness, error) {
		var w model.AuditWitness
		var at int64
		err := row.Scan(&w.Device, &w.Size, &w.Note, &at)
		w.At = moment(at)
		return w, err
	}
	all, err := collect(ctx, s.reader, scan, `SELECT device, size, note, at FROM audit_witnesses WHERE school_id = $1 ORDER BY size, device`, school)
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoints that devices hold: %w", err)
	}
	return all, nil
}

func deviceHealth(ctx context.Context, tx *sql.Tx, school model.SchoolID, device, topic, detail string, now time.Time) error {
	_, err := tx.ExecContext(ctx, insertHealthSQL, school, device, randomBytes(), []byte{}, 0, 0, []byte{}, micros(now), micros(now), topic, detail)
	return err
}

// AddHealth notes a health event about a device, or about the service itself
// where device is empty.
func (s *Store) AddHealth(ctx context.Context, school model.SchoolID, device, topic, detail string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error { return deviceHealth(ctx, tx, school, device, topic, detail, now) })
	if err != nil {
		return fmt.Errorf("noting a health event: %w", err)
	}
	return nil
}
