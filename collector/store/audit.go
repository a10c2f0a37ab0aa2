package store

import (
	"context"
	"database/sql"
	"fmt"

	"safelight/collector/model"
)

// AuditTx is one transaction on the record's tables. The store keeps rows and
// knows nothing of trees and signatures: collector/audit does.
type AuditTx struct {
	ctx    context.Context
	tx     *sql.Tx
	school model.SchoolID

	leaf, record, hash *sql.Stmt // made when first used
}

// Audit runs f in one transaction. It fails with ErrTaken where another
// collector has appended in the meantime; try again then. A transaction once
// begun is not broken off by ctx.
func (s *Store) Audit(ctx context.Context, school model.SchoolID, f func(t *AuditTx) error) error {
	ctx = context.WithoutCancel(ctx)
	return s.write(ctx, func(tx *sql.Tx) error {
		t := &AuditTx{ctx: ctx, tx: tx, school: school}
		defer t.close()
		return f(t)
	})
}

func (t *AuditTx) close() {
	for _, stmt := range []*sql.Stmt{t.leaf, t.record, t.hash} {
		if stmt != nil {
			_ = stmt.Close() // its transaction is about to end; nothing to lose
		}
	}
}

// put runs an insert that many rows share, prepared once a transaction.
func (t *AuditTx) put(stmt **sql.Stmt, query string, args ...any) error {
	if *stmt == nil {
		prepared, err := t.tx.PrepareContext(t.ctx, query) //nolint:sqlclosecheck // close does
		if err != nil {
			return err
		}
		*stmt = prepared
	}
	_, err := (*stmt).ExecContext(t.ctx, args...)
	return taken(err)
}

// Size is how many leaves the record has.
func (t *AuditTx) Size() (int64, error) {
	var n int64
	err := t.tx.QueryRowContext(t.ctx, `SELECT COALESCE(MAX(idx) + 1, 0) FROM audit_leaves WHERE school_id = $1`, t.school).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("reading the record's size: %w", err)
	}
	return n, nil
}

// Hash reads one of the tree's hashes.
func (t *AuditTx) Hash(index int64) ([]byte, error) { return auditHash(t.ctx, t.tx, t.school, index) }

// AuditHash reads one of the tree's hashes.
func (s *Store) AuditHash(ctx context.Context, school model.SchoolID, index int64) ([]byte, error) {
	return auditHash(ctx, s.reader, school, index)
}

func auditHash(ctx context.Context, q querier, school model.SchoolID, index int64) ([]byte, error) {
	var hash []byte
	err := q.QueryRowContext(ctx, `SELECT hash FROM audit_hashes WHERE school_id = $1 AND idx = $2`, school, index).Scan(&hash)
	if err != nil {
		return nil, fmt.Errorf("reading hash %d of the record's tree: %w", index, missing(err))
	}
	return hash, nil
}

// Append adds a leaf and its record.
func (t *AuditTx) Append(r model.AuditRow) error {
	err := t.put(&t.leaf, `INSERT INTO audit_leaves (school_id, idx, leaf) VALUES ($1, $2, $3)`, t.school, r.Index, r.Leaf)
	if err == nil {
		err = t.put(&t.record, `INSERT INTO audit_records (school_id, idx, salt, record, ref, erased_reason) VALUES ($1, $2, $3, $4, $5, '')`,
			t.school, r.Index, blob(r.Salt), blob(r.Record), r.Ref)
	}
	if err != nil {
		return fmt.Errorf("appending to the record: %w", err)
	}
	return nil
}

// PutHash adds one of the tree's hashes.
func (t *AuditTx) PutHash(index int64, hash []byte) error {
	err := t.put(&t.hash, `INSERT INTO audit_hashes (school_id, idx, hash) VALUES ($1, $2, $3)`, t.school, index, hash)
	if err != nil {
		return fmt.Errorf("appending to the record's tree: %w", err)
	}
	return nil
}

// PutCheckpoint keeps a signed checkpoint.
func (t *AuditTx) PutCheckpoint(c model.AuditCheckpoint) error {
	_, err := t.tx.ExecContext(t.ctx, `INSERT INTO audit_checkpoints (school_id, size, root, note, at) VALUES ($1, $2, $3, $4, $5)`,
		t.school, c.Size, c.Root, c.Note, micros(c.At))
	if err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", taken(err))
	}
	return nil
}

// Record reads one record. It is ErrNotFound where there is none.
func (t *AuditTx) Record(index int64) (model.AuditRow, error) {
	r, err := scanAuditRow(t.tx.QueryRowContext(t.ctx, auditRowsSQL+` AND r.idx = $2`, t.school, index, []byte{}))
	if err != nil {
		return r, fmt.Errorf("reading record %d: %w", index, missing(err))
	}
	return r, nil
}

// Erase takes a record's text and salt away for good; its leaf stays.
func (t *AuditTx) Erase(index int64, reason string) error {
	err := changedOne(t.tx.ExecContext(t.ctx, `UPDATE audit_records SET salt = $3, record = $3, ref = '', erased_reason = $4
		WHERE school_id = $1 AND idx = $2`, t.school, index, []byte{}, reason))
	if err != nil {
		return fmt.Errorf("erasing record %d: %w", index, err)
	}
	return nil
}
