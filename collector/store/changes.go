package store

import (
	"context"
	"database/sql"
	"fmt"

	"safelight/collector/model"
)

// The topics whose numbers grow when something changed.
const (
	TopicPolicy  = "policy"
	TopicDevices = "devices"
	TopicAlerts  = "alerts"
	TopicPeople  = "people"
	// TopicOverlays is of exemptions, hours and sites.
	TopicOverlays = "overlays"
)

// bump makes a topic's number grow in the transaction that changed something.
func bump(ctx context.Context, tx *sql.Tx, school model.SchoolID, topic string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO changes (school_id, topic, number) VALUES ($1, $2, 1)
		ON CONFLICT (school_id, topic) DO UPDATE SET number = changes.number + 1`, school, topic)
	if err != nil {
		return fmt.Errorf("noting a change of %s: %w", topic, err)
	}
	return nil
}

// Changes reads each topic's number. A topic that never changed is left out.
func (s *Store) Changes(ctx context.Context, school model.SchoolID) (map[string]int64, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT topic, number FROM changes WHERE school_id = $1`, school)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	defer rows.Close()
	numbers := make(map[string]int64)
	for rows.Next() {
		var topic string
		var number int64
		if err := rows.Scan(&topic, &number); err != nil {
			return nil, fmt.Errorf("reading changes: %w", err)
		}
		numbers[topic] = number
	}
	return numbers, rows.Err()
}
