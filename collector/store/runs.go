package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

const (
	// runsKept is how many runs of one device's agents are kept. Whoever makes up more
	// puts none of the earlier ones out.
	runsKept = 1024
	// runsChunk is how many runs one transaction removes or writes.
	runsChunk = 500
)

// DeviceRun reads a run of a device's agent, if it is known.
func (s *Store) DeviceRun(ctx context.Context, school model.SchoolID, device, instance string) (model.Run, bool, error) {
	run, err := scanRun(s.reader.QueryRowContext(ctx, selectRuns+` AND r.device = $2 AND r.instance = $3`, school, device, []byte(instance)))
	if errors.Is(err, sql.ErrNoRows) {
		return run, false, nil
	}
	if err != nil {
		return run, false, fmt.Errorf("reading a run of an agent: %w", err)
	}
	return run, true, nil
}

// ToldRuns lists the runs that were told to become devices of their own, in the order
// in which they were.
func (s *Store) ToldRuns(ctx context.Context, school model.SchoolID) ([]model.Run, error) {
	all, err := collect(ctx, s.reader, scanRun, selectRuns+` AND r.told > 0 ORDER BY r.told, r.arrived, r.instance`, school)
	if err != nil {
		return nil, fmt.Errorf("listing copies: %w", err)
	}
	return all, nil
}

// RunsSince lists the runs that were written down as heard, or as told to become devices
// of their own, since a time: what other collectors noticed lately.
func (s *Store) RunsSince(ctx context.Context, school model.SchoolID, since time.Time) ([]model.Run, error) {
	all, err := collect(ctx, s.reader, scanRun, selectRuns+` AND r.heard > $2 UNION `+selectRuns+` AND r.told > 0 AND r.told > $2 ORDER BY 5, 3, 2`, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing runs that were heard lately: %w", err)
	}
	return all, nil
}

// NewestRun is the latest time that is written down of any run of a device; zero: there
// is none. One that nobody knows came after it, whatever the clocks say.
func (s *Store) NewestRun(ctx context.Context, school model.SchoolID, device string) (time.Time, error) {
	var arrived, heard int64
	err := s.reader.QueryRowContext(ctx, `SELECT CAST(COALESCE(MAX(arrived), 0) AS BIGINT), CAST(COALESCE(MAX(heard), 0) AS BIGINT) FROM device_runs
		WHERE school_id = $1 AND device = $2`, school, device).Scan(&arrived, &heard)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when a device's agent was heard last: %w", err)
	}
	return moment(max(arrived, heard)), nil
}

const selectRuns = `SELECT r.device, r.instance, r.arrived, r.heard, r.told, d.key_hash FROM device_runs r
	LEFT JOIN splits s ON s.school_id = r.school_id AND s.parent = r.device AND s.instance = r.instance
	LEFT JOIN devices d ON d.school_id = s.school_id AND d.id = s.device
	WHERE r.school_id = $1`

func scanRun(row scanner) (r model.Run, err error) {
	var instance []byte
	var arrived, heard, told int64
	err = row.Scan(&r.Device, &instance, &arrived, &heard, &told, &r.KeyHash)
	r.Instance, r.Arrived, r.Heard, r.Told = string(instance), moment(arrived), moment(heard), moment(told)
	r.Own, r.KeyHash = len(r.KeyHash) > 0, bytes.Clone(r.KeyHash)
	return r, err
}

// SaveRuns writes runs down. The earliest of what is known of when one arrived and was
// told stays; of a device that has as many as are kept, new ones are left out.
func (s *Store) SaveRuns(ctx context.Context, school model.SchoolID, runs []model.Run) error {
	for from := 0; from < len(runs); from += runsChunk {
		chunk := runs[from:min(from+runsChunk, len(runs))]
		err := s.writeLazily(ctx, func(tx *sql.Tx) error {
			for _, r := range chunk {
				if err := saveRun(ctx, tx, school, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("writing runs of agents down: %w", err)
		}
	}
	return nil
}

func saveRun(ctx context.Context, tx *sql.Tx, school model.SchoolID, r model.Run) error {
	changed, err := affected(tx.ExecContext(ctx, `UPDATE device_runs SET heard = CASE WHEN heard < $4 THEN $4 ELSE heard END, told = CASE WHEN told = 0 THEN $5 ELSE told END
		WHERE school_id = $1 AND device = $2 AND instance = $3`, school, r.Device, []byte(r.Instance), micros(r.Heard), micros(r.Told)))
	if err != nil || changed {
		return err
	}
	var kept int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM device_runs WHERE school_id = $1 AND device = $2`, school, r.Device).Scan(&kept)
	if err != nil || kept >= runsKept {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO device_runs (school_id, device, instance, arrived, heard, told) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (school_id, device, instance) DO NOTHING`, school, r.Device, []byte(r.Instance), micros(r.Arrived), micros(r.Heard), micros(r.Told))
	return err
}

// ForgetRuns removes the runs that were not heard since.
func (s *Store) ForgetRuns(ctx context.Context, school model.SchoolID, since time.Time) error {
	for {
		gone, err := removed(s.writer.ExecContext(ctx, `DELETE FROM device_runs WHERE school_id = $1 AND (device, instance) IN
			(SELECT device, instance FROM device_runs WHERE school_id = $1 AND heard < $2 LIMIT $3)`, school, micros(since), runsChunk))
		if err != nil {
			return fmt.Errorf("forgetting runs of agents: %w", err)
		}
		if gone < runsChunk {
			return nil
		}
	}
}
