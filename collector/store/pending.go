package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const takePendingSQL = `SELECT p.device, p.event_id, p.received, p.subject_id, e.category, e.severity, e.observed, e.late
	FROM pending p JOIN events e ON e.school_id = p.school_id AND e.device = p.device AND e.event_id = p.event_id
	WHERE p.school_id = $1 AND p.severity = $2 AND p.device = $3 ORDER BY p.received, p.event_id LIMIT $4`

const deletePendingSQL = `DELETE FROM pending WHERE school_id = $1 AND severity = $2 AND device = $3 AND received = $4 AND event_id = $5`

// waitingDevicesSQL steps from device to device through the key of pending, so
// that one device's backlog costs one step, however long it is.
const waitingDevicesSQL = `WITH RECURSIVE waiting (device) AS (
	SELECT (SELECT MIN(device) FROM pending WHERE school_id = $1 AND severity = $2 AND device > $3)
	UNION ALL
	SELECT (SELECT MIN(device) FROM pending WHERE school_id = $1 AND severity = $2 AND device > waiting.device)
	FROM waiting WHERE waiting.device IS NOT NULL)
	SELECT device FROM waiting WHERE device IS NOT NULL LIMIT $4`

// devicesATurn is how many devices one transaction looks at for a severity.
const devicesATurn = 64

// pendingRow is a row of pending with what of its event the gatherer needs.
type pendingRow struct {
	device   string
	id       []byte
	received int64
	subject  string
	category string
	severity event.Severity
	observed time.Time
	late     bool
}

func scanPending(row scanner) (pendingRow, error) {
	var p pendingRow
	var severity, observed, late int64
	err := row.Scan(&p.device, &p.id, &p.received, &p.subject, &p.category, &severity, &observed, &late)
	p.severity, p.observed, p.late = event.Severity(severity), moment(observed), late != 0
	return p, err
}

// turnKey says whose turn the store remembers.
type turnKey struct {
	school   model.SchoolID
	severity event.Severity
}

// somethingWaits looks, without the write connection, whether there is anything
// to gather.
func (s *Store) somethingWaits(ctx context.Context, school model.SchoolID) (bool, error) {
	var waits int
	err := s.reader.QueryRowContext(ctx, `SELECT CASE WHEN EXISTS (SELECT 1 FROM pending WHERE school_id = $1)
		OR EXISTS (SELECT 1 FROM releases WHERE school_id = $1) THEN 1 ELSE 0 END`, school).Scan(&waits)
	return waits != 0, err
}

// take picks up to limit pending rows: the most severe first, and of one
// severity an equal share from each device in turn, so that no device's flood
// keeps another's event waiting.
func (s *Store) take(ctx context.Context, tx *sql.Tx, h hot, school model.SchoolID, limit int) ([]pendingRow, error) {
	var all []pendingRow
	for severity := event.Urgent; severity >= event.Low && len(all) < limit; severity-- {
		devices, err := s.waitingDevices(ctx, tx, school, severity)
		if err != nil {
			return nil, fmt.Errorf("finding whose turn it is: %w", err)
		}
		for i, device := range devices {
			room := limit - len(all)
			if room == 0 {
				break
			}
			share := max(1, room/(len(devices)-i))
			rows, err := h.takePending.QueryContext(ctx, school, int64(severity), device, share)
			if err != nil {
				return nil, fmt.Errorf("taking what is pending: %w", err)
			}
			some, err := drain(rows, scanPending)
			if err != nil {
				return nil, fmt.Errorf("taking what is pending: %w", err)
			}
			all = append(all, some...)
			s.hadTurn(turnKey{school, severity}, device)
		}
	}
	return all, nil
}

// waitingDevices lists devices with pending rows, from after the one that had
// the last turn round to it again.
func (s *Store) waitingDevices(ctx context.Context, tx *sql.Tx, school model.SchoolID, severity event.Severity) ([]string, error) {
	scan := func(row scanner) (device string, err error) { return device, row.Scan(&device) }
	last := s.lastTurn(turnKey{school, severity})
	devices, err := collect(ctx, tx, scan, waitingDevicesSQL, school, int64(severity), last, devicesATurn)
	if err != nil || len(devices) == devicesATurn || last == "" {
		return devices, err
	}
	rest, err := collect(ctx, tx, scan, waitingDevicesSQL, school, int64(severity), "", devicesATurn-len(devices))
	for _, device := range rest {
		if device > last {
			break
		}
		devices = append(devices, device)
	}
	return devices, err
}

func (s *Store) lastTurn(key turnKey) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turns[key]
}

func (s *Store) hadTurn(key turnKey, device string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns[key] = device
}
