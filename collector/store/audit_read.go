package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"safelight/collector/model"
)

// AuditHead reads how far each of the record's tables goes, all at one moment.
func (s *Store) AuditHead(ctx context.Context, school model.SchoolID) (model.AuditHead, error) {
	var h model.AuditHead
	err := s.reader.QueryRowContext(ctx, `SELECT
		(SELECT COALESCE(MAX(idx) + 1, 0) FROM audit_leaves WHERE school_id = $1),
		(SELECT COALESCE(MAX(idx) + 1, 0) FROM audit_records WHERE school_id = $1),
		(SELECT COALESCE(MAX(idx) + 1, 0) FROM audit_hashes WHERE school_id = $1),
		(SELECT COALESCE(MAX(size), 0) FROM audit_checkpoints WHERE school_id = $1)`, school).
		Scan(&h.Leaves, &h.Records, &h.Hashes, &h.Signed)
	if err != nil {
		return h, fmt.Errorf("reading the record's size: %w", err)
	}
	return h, nil
}

const auditRowsSQL = `SELECT r.idx, COALESCE(l.leaf, $3), r.salt, r.record, r.ref, r.erased_reason FROM audit_records r
	LEFT JOIN audit_leaves l ON l.school_id = r.school_id AND l.idx = r.idx WHERE r.school_id = $1`

func scanAuditRow(row scanner) (model.AuditRow, error) {
	var r model.AuditRow
	err := row.Scan(&r.Index, &r.Leaf, &r.Salt, &r.Record, &r.Ref, &r.Erased)
	return r, err
}

// AuditRows lists up to limit records from an index on. A row whose leaf is gone
// has none.
func (s *Store) AuditRows(ctx context.Context, school model.SchoolID, from int64, limit int) ([]model.AuditRow, error) {
	rows, err := collect(ctx, s.reader, scanAuditRow, auditRowsSQL+` AND r.idx >= $2 ORDER BY r.idx LIMIT $4`, school, from, []byte{}, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the record: %w", err)
	}
	return rows, nil
}

// AuditRowsOf lists the records about one thing, oldest first.
func (s *Store) AuditRowsOf(ctx context.Context, school model.SchoolID, ref string) ([]model.AuditRow, error) {
	rows, err := collect(ctx, s.reader, scanAuditRow, auditRowsSQL+` AND r.ref = $2 ORDER BY r.idx`, school, ref, []byte{})
	if err != nil {
		return nil, fmt.Errorf("reading the record: %w", err)
	}
	return rows, nil
}

// AuditHashes lists up to limit of the tree's hashes from an index on. A missing
// one leaves the answer short.
func (s *Store) AuditHashes(ctx context.Context, school model.SchoolID, from int64, limit int) ([][]byte, error) {
	next := from
	scan := func(row scanner) ([]byte, error) {
		var index int64
		var hash []byte
		if err := row.Scan(&index, &hash); err != nil {
			return nil, err
		}
		if index != next {
			return nil, nil
		}
		next++
		return hash, nil
	}
	hashes, err := collect(ctx, s.reader, scan, `SELECT idx, hash FROM audit_hashes WHERE school_id = $1 AND idx >= $2 ORDER BY idx LIMIT $3`, school, from, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the record's tree: %w", err)
	}
	return hashes[:next-from], nil
}

func scanCheckpoint(row scanner) (model.AuditCheckpoint, error) {
	var c model.AuditCheckpoint
	var at int64
	err := row.Scan(&c.Size, &c.Root, &c.Note, &at)
	c.At = moment(at)
	return c, err
}

// AuditCheckpoints lists up to limit signed checkpoints over a size, smallest first.
func (s *Store) AuditCheckpoints(ctx context.Context, school model.SchoolID, over int64, limit int) ([]model.AuditCheckpoint, error) {
	all, err := collect(ctx, s.reader, scanCheckpoint, `SELECT size, root, note, at FROM audit_checkpoints
		WHERE school_id = $1 AND size > $2 ORDER BY size LIMIT $3`, school, over, limit)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoints: %w", err)
	}
	return all, nil
}

// LatestCheckpoint reads the largest signed checkpoint, where there is one.
func (s *Store) LatestCheckpoint(ctx context.Context, school model.SchoolID) (model.AuditCheckpoint, bool, error) {
	c, err := scanCheckpoint(s.reader.QueryRowContext(ctx, `SELECT size, root, note, at FROM audit_checkpoints
		WHERE school_id = $1 ORDER BY size DESC LIMIT 1`, school))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("reading the latest checkpoint: %w", err)
	}
	return c, true, nil
}
