package store

import (
	"context"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const takePendingSQL = `SELECT p.turn, p.event_id, p.device, p.subject_id, e.category, e.severity, e.observed, e.late
	FROM pending p JOIN events e ON e.school_id = p.school_id AND e.event_id = p.event_id AND e.device = p.device
	WHERE p.school_id = $1 AND p.severity = $2 ORDER BY p.turn, p.event_id, p.device LIMIT $3`

const deletePendingSQL = `DELETE FROM pending WHERE school_id = $1 AND severity = $2 AND turn = $3 AND event_id = $4 AND device = $5`

// pendingRow is a row of pending with what of its event the gatherer needs.
type pendingRow struct {
	turn     int64
	id       []byte
	device   string
	subject  string
	category string
	severity event.Severity
	observed time.Time
	late     bool
}

func scanPending(row scanner) (pendingRow, error) {
	var p pendingRow
	var severity, observed, late int64
	err := row.Scan(&p.turn, &p.id, &p.device, &p.subject, &p.category, &severity, &observed, &late)
	p.severity, p.observed, p.late = event.Severity(severity), moment(observed), late != 0
	return p, err
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
// severity by turn, so that no device's flood keeps another's event waiting.
func (s *Store) take(ctx context.Context, h *bound, school model.SchoolID, limit int) ([]pendingRow, error) {
	var all []pendingRow
	for severity := event.Urgent; severity >= event.Low && len(all) < limit; severity-- {
		rows, err := h.query(ctx, takePending, string(school), int64(severity), limit-len(all))
		if err != nil {
			return nil, fmt.Errorf("taking what is pending: %w", err)
		}
		some, err := drain(rows, scanPending)
		if err != nil {
			return nil, fmt.Errorf("taking what is pending: %w", err)
		}
		if len(some) > 0 {
			s.turns.taken(turnKey{school, severity}, some[len(some)-1].turn)
		}
		all = append(all, some...)
	}
	return all, nil
}
