package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
)

const saveStatusSQL = `INSERT INTO device_status (school_id, device, said, body)
	SELECT $1, r.c0, r.c1, r.c2 FROM {rows tib} WHERE TRUE
	ON CONFLICT (school_id, device) DO UPDATE
	SET said = excluded.said, body = excluded.body WHERE excluded.said > device_status.said`

// statusChunk is how many devices' statuses one transaction writes.
const statusChunk = 300

// SaveDeviceStatus keeps what devices last said of themselves, many at once. What
// is older than what is kept changes nothing: several collectors write.
func (s *Store) SaveDeviceStatus(ctx context.Context, school model.SchoolID, all []model.DeviceStatus) error {
	for some := range slices.Chunk(all, statusChunk) {
		devices, said, bodies := make([]string, len(some)), make([]int64, len(some)), make([][]byte, len(some))
		for i, st := range some {
			body, err := json.Marshal(st)
			if err != nil {
				return fmt.Errorf("saving what devices said: %w", err)
			}
			devices[i], said[i], bodies[i] = st.Device, micros(st.Said), body
		}
		err := s.writeLazily(ctx, func(tx *sql.Tx) error {
			b := &bound{hot: s.hot, tx: tx}
			_, err := b.execRows(ctx, saveStatus, []any{string(school)}, devices, said, bodies)
			return err
		})
		if err != nil {
			return fmt.Errorf("saving what devices said: %w", err)
		}
	}
	return nil
}

// DeviceStatuses reads what every device last said.
func (s *Store) DeviceStatuses(ctx context.Context, school model.SchoolID) ([]model.DeviceStatus, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (st model.DeviceStatus, err error) {
		var device string
		var said int64
		var body []byte
		if err := row.Scan(&device, &said, &body); err != nil {
			return st, err
		}
		if err := json.Unmarshal(body, &st); err != nil {
			return st, fmt.Errorf("of device %s: %w", device, err)
		}
		st.Device, st.Said = device, moment(said)
		return st, nil
	}, `SELECT device, said, body FROM device_status WHERE school_id = $1`, school)
	if err != nil {
		return nil, fmt.Errorf("reading what devices said: %w", err)
	}
	return all, nil
}

// DeviceHardware reads what devices' firmware says they are.
func (s *Store) DeviceHardware(ctx context.Context, school model.SchoolID) (map[string]model.Hardware, error) {
	all := map[string]model.Hardware{}
	_, err := collect(ctx, s.reader, func(row scanner) (struct{}, error) {
		var device string
		var h model.Hardware
		err := row.Scan(&device, &h.Serial, &h.ID)
		all[device] = h
		return struct{}{}, err
	}, `SELECT device, serial, hardware_id FROM device_hardware WHERE school_id = $1`, school)
	if err != nil {
		return nil, fmt.Errorf("reading devices' hardware: %w", err)
	}
	return all, nil
}

// AllPositions reads up to where every device's lanes are held.
func (s *Store) AllPositions(ctx context.Context, school model.SchoolID) ([]model.Position, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (p model.Position, err error) {
		var upto int64
		err = row.Scan(&p.Device, &p.SpoolEpoch, &p.Lane, &upto)
		p.Upto = uint64(upto)
		return p, err
	}, `SELECT device, spool_epoch, lane, upto FROM positions WHERE school_id = $1`, school)
	if err != nil {
		return nil, fmt.Errorf("reading positions: %w", err)
	}
	return all, nil
}

// LetGo counts, by device, the records that will never arrive and were said so.
func (s *Store) LetGo(ctx context.Context, school model.SchoolID) (map[string]uint64, error) {
	all := map[string]uint64{}
	_, err := collect(ctx, s.reader, func(row scanner) (struct{}, error) {
		var device string
		var n int64
		err := row.Scan(&device, &n)
		all[device] = uint64(n)
		return struct{}{}, err
	}, `SELECT device, CAST(SUM(to_seq - from_seq + 1) AS BIGINT) FROM gaps WHERE school_id = $1 GROUP BY device`, school)
	if err != nil {
		return nil, fmt.Errorf("counting gaps: %w", err)
	}
	return all, nil
}

// NewestHealth reads, by device, when a topic's newest health event was.
func (s *Store) NewestHealth(ctx context.Context, school model.SchoolID, topic string) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	_, err := collect(ctx, s.reader, func(row scanner) (struct{}, error) {
		var device string
		var at int64
		err := row.Scan(&device, &at)
		all[device] = moment(at)
		return struct{}{}, err
	}, `SELECT device, MAX(received) FROM health WHERE school_id = $1 AND topic = $2 GROUP BY device`, school, topic)
	if err != nil {
		return nil, fmt.Errorf("reading health events: %w", err)
	}
	return all, nil
}

// HealthTimes reads, by device, when the collector itself wrote a topic's health events
// since a time, the oldest first. A device's own, which have a digest, are not among
// them: it could send millions.
func (s *Store) HealthTimes(ctx context.Context, school model.SchoolID, topic string, since time.Time) (map[string][]time.Time, error) {
	all := map[string][]time.Time{}
	_, err := collect(ctx, s.reader, func(row scanner) (struct{}, error) {
		var device string
		var at int64
		err := row.Scan(&device, &at)
		all[device] = append(all[device], moment(at))
		return struct{}{}, err
	}, `SELECT device, received FROM health WHERE school_id = $1 AND topic = $2 AND received >= $3 AND length(digest) = 0 ORDER BY received`, school, topic, micros(since))
	if err != nil {
		return nil, fmt.Errorf("reading health events: %w", err)
	}
	return all, nil
}

// HealthOf lists a device's newest health events, the newest first.
func (s *Store) HealthOf(ctx context.Context, school model.SchoolID, device string, since time.Time, limit int) ([]model.Health, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (h model.Health, err error) {
		var at, received int64
		err = row.Scan(&h.Device, &at, &received, &h.Topic, &h.Detail)
		h.School, h.At, h.Received = school, moment(at), moment(received)
		return h, err
	}, `SELECT device, at, received, topic, detail FROM health WHERE school_id = $1 AND device = $2 AND received >= $3
		ORDER BY received DESC, health_id LIMIT $4`, school, device, micros(since), limit)
	if err != nil {
		return nil, fmt.Errorf("listing a device's health events: %w", err)
	}
	return all, nil
}

// SetExpected notes how many devices of a kind there are at a site, for what no
// export lists. None at all takes the number away.
func (s *Store) SetExpected(ctx context.Context, school model.SchoolID, e model.Expected, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO expected (school_id, kind, site, count, in_log, changed) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (school_id, kind, site) DO UPDATE SET count = excluded.count, in_log = excluded.in_log, changed = excluded.changed`,
			school, e.Kind, e.Site, e.Count, flag(e.InLog), micros(now))
		if err != nil {
			return err
		}
		if e.Count == 0 && !e.InLog {
			if _, err := tx.ExecContext(ctx, `DELETE FROM expected WHERE school_id = $1 AND kind = $2 AND site = $3`, school, e.Kind, e.Site); err != nil {
				return err
			}
		}
		what := fmt.Sprintf("%d %s", e.Count, e.Kind)
		if e.InLog {
			what += ", in a followed log"
		}
		return note(ctx, tx, school, model.AuditRecord{At: now, What: "device.expect", Ref: "site:" + e.Site, Outcome: what})
	})
	if err != nil {
		return fmt.Errorf("noting expected devices: %w", err)
	}
	return nil
}

// Expected lists the numbers that somebody typed.
func (s *Store) Expected(ctx context.Context, school model.SchoolID) ([]model.Expected, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (e model.Expected, err error) {
		var inLog, changed int64
		err = row.Scan(&e.Kind, &e.Site, &e.Count, &inLog, &changed)
		e.InLog, e.Changed = inLog != 0, moment(changed)
		return e, err
	}, `SELECT kind, site, count, in_log, changed FROM expected WHERE school_id = $1 ORDER BY kind, site`, school)
	if err != nil {
		return nil, fmt.Errorf("listing expected devices: %w", err)
	}
	return all, nil
}
