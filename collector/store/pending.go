package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const takePendingSQL = `SELECT p.severity, p.turn, p.event_id, p.device, p.subject_id, e.category, e.observed, e.late
	FROM pending p JOIN events e ON e.school_id = p.school_id AND e.event_id = p.event_id AND e.device = p.device
	WHERE p.school_id = $1 AND p.severity = $2 ORDER BY p.turn, p.event_id, p.device LIMIT $3`

// clearTakenSQL clears everything up to the last row taken: a tenth of what row
// by row costs. A row that came in between since must not go with it, so
// whoever uses it compares the number of rows.
const clearTakenSQL = `DELETE FROM pending WHERE school_id = $1 AND severity = $2 AND (turn, event_id, device) <= ($3, $4, $5)`

const deletePendingSQL = `DELETE FROM pending WHERE school_id = $1 AND severity = $2 AND turn = $3 AND event_id = $4 AND device = $5`

// pendingRow is a row of pending with what of its event the gatherer needs.
type pendingRow struct {
	severity event.Severity
	turn     int64
	id       []byte
	device   string
	subject  string
	category string
	observed time.Time
	late     bool
	alert    *gathered // once it has one
}

func scanPending(row scanner) (pendingRow, error) {
	var p pendingRow
	var severity, observed, late int64
	err := row.Scan(&severity, &p.turn, &p.id, &p.device, &p.subject, &p.category, &observed, &late)
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

// haul is what one transaction takes of pending: of each severity the first so
// many, by turn.
type haul struct {
	rows []pendingRow
	last [event.Urgent + 1]*pendingRow
	n    [event.Urgent + 1]int64
}

// take picks up to limit pending rows: the most severe first, and of one
// severity by turn, so that no device's flood keeps another's event waiting.
func (s *Store) take(ctx context.Context, h *bound, school model.SchoolID, limit int) (*haul, error) {
	all := &haul{rows: make([]pendingRow, 0, limit)}
	for severity := event.Urgent; severity >= event.Low && len(all.rows) < limit; severity-- {
		rows, err := h.query(ctx, takePending, string(school), int64(severity), limit-len(all.rows))
		if err != nil {
			return nil, fmt.Errorf("taking what is pending: %w", err)
		}
		some, err := drain(rows, scanPending)
		if err != nil {
			return nil, fmt.Errorf("taking what is pending: %w", err)
		}
		if len(some) > 0 {
			last := some[len(some)-1]
			all.last[severity], all.n[severity] = &last, int64(len(some))
			s.turns.taken(turnKey{school, severity}, last.turn)
		}
		all.rows = append(all.rows, some...)
	}
	return all, nil
}

// errOvertaken says that another writer was at work, which only a database with
// several lets happen: an event came in among those that were taken and must
// not be cleared with them, or somebody took on an alert that was to be extended.
var errOvertaken = errors.New("another writer was at work")

// clear removes what was taken from pending.
func (g *gathering) clear(ctx context.Context, h *haul) error {
	for severity, last := range h.last {
		if last == nil {
			continue
		}
		result, err := g.hot.exec(ctx, clearTaken, string(g.school), int64(severity), last.turn, last.id, last.device)
		if err != nil {
			return fmt.Errorf("clearing what was pending: %w", err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return fmt.Errorf("clearing what was pending: %w", err)
		}
		if n != h.n[severity] {
			return errOvertaken
		}
	}
	return nil
}

// clearEach removes these rows from pending, one by one.
func (g *gathering) clearEach(ctx context.Context, rows []pendingRow) error {
	for _, row := range rows {
		_, err := g.hot.exec(ctx, deletePending, string(g.school), int64(row.severity), row.turn, row.id, row.device)
		if err != nil {
			return fmt.Errorf("clearing what was pending: %w", err)
		}
	}
	return nil
}
