package store

import (
	"context"
	"database/sql"
	"fmt"

	"safelight/collector/model"
)

// note writes into the outbox what a transaction changes, in that transaction,
// so that the one is there exactly when the other is. Who stands behind it comes
// from ctx where r does not say. collector/audit moves it into the record.
func note(ctx context.Context, tx *sql.Tx, school model.SchoolID, r model.AuditRecord) error {
	by := model.ActorOf(ctx)
	if r.Actor == "" {
		r.Actor = by.Who
	}
	if r.Via == "" {
		r.Via = by.Via
	}
	if r.Reason == "" {
		r.Reason = by.Reason
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO audit_outbox (school_id, at, id, actor, via, what, ref, reason, outcome)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		school, micros(r.At), randomID(), r.Actor, r.Via, r.What, r.Ref, r.Reason, r.Outcome)
	if err != nil {
		return fmt.Errorf("noting it for the record: %w", err)
	}
	return nil
}

// AuditWaits says whether anything waits to be moved into the record.
func (s *Store) AuditWaits(ctx context.Context, school model.SchoolID) (bool, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT id FROM audit_outbox WHERE school_id = $1 LIMIT 1) AS waiting`, school).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("looking for what waits for the record: %w", err)
	}
	return n > 0, nil
}

// TakeOutbox takes up to limit of what waits, oldest first.
func (t *AuditTx) TakeOutbox(limit int) ([]model.AuditRecord, error) {
	type waiting struct {
		at int64
		id string
		r  model.AuditRecord
	}
	scan := func(row scanner) (waiting, error) {
		var w waiting
		err := row.Scan(&w.at, &w.id, &w.r.Actor, &w.r.Via, &w.r.What, &w.r.Ref, &w.r.Reason, &w.r.Outcome)
		w.r.At = moment(w.at)
		return w, err
	}
	rows, err := collect(t.ctx, t.tx, scan, `SELECT at, id, actor, via, what, ref, reason, outcome FROM audit_outbox
		WHERE school_id = $1 ORDER BY at, id LIMIT $2`, t.school, limit)
	if err != nil {
		return nil, fmt.Errorf("reading what waits for the record: %w", err)
	}
	all := make([]model.AuditRecord, 0, len(rows))
	for _, w := range rows {
		if _, err := t.tx.ExecContext(t.ctx, `DELETE FROM audit_outbox WHERE school_id = $1 AND at = $2 AND id = $3`, t.school, w.at, w.id); err != nil {
			return nil, fmt.Errorf("taking what waits for the record: %w", err)
		}
		all = append(all, w.r)
	}
	return all, nil
}
