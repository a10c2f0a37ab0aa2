package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"safelight/collector/model"
)

// listChunkRows is how many chunks, of some ten kilobytes each, one transaction
// lays down or removes: a few milliseconds.
const listChunkRows = 32

// AddListChunks lays down part of a staged version, a few chunks a transaction.
// It does not wait for the disk: what puts the version in force does, and
// nothing is on disk without what went before it.
func (s *Store) AddListChunks(ctx context.Context, l model.ListLease, version int64, chunks []model.ListChunk) error {
	for len(chunks) > 0 {
		some := chunks[:min(len(chunks), listChunkRows)]
		chunks = chunks[len(some):]
		err := s.writeLazily(ctx, func(tx *sql.Tx) error {
			if _, err := leased(ctx, tx, l); err != nil {
				return err
			}
			for _, c := range some {
				_, err := tx.ExecContext(ctx, `INSERT INTO list_chunks (school_id, list, version, part, first, data) VALUES ($1, $2, $3, $4, $5, $6)`,
					l.School, l.List, version, int64(c.Part), blob(c.First), blob(c.Data))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("laying down list %s: %w", l.List, err)
		}
	}
	return nil
}

func (s *Store) dropListChunks(ctx context.Context, l model.ListLease, version int64, part model.ListPart) error {
	scan := func(row scanner) (first []byte, err error) { return first, row.Scan(&first) }
	for {
		firsts, err := collect(ctx, s.reader, scan, `SELECT first FROM list_chunks
			WHERE school_id = $1 AND list = $2 AND version = $3 AND part = $4 ORDER BY first LIMIT $5`,
			l.School, l.List, version, int64(part), listChunkRows)
		if err != nil || len(firsts) == 0 {
			return err
		}
		err = s.writeLazily(ctx, func(tx *sql.Tx) error {
			if _, err := leased(ctx, tx, l); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DELETE FROM list_chunks WHERE school_id = $1 AND list = $2 AND version = $3 AND part = $4 AND first <= $5`,
				l.School, l.List, version, int64(part), firsts[len(firsts)-1])
			return err
		})
		if err != nil {
			return err
		}
	}
}

// ListChunk reads the chunk of a version in which key stands, if it is there at
// all: the last one that begins no later. ErrNotFound: none does.
func (s *Store) ListChunk(ctx context.Context, school model.SchoolID, list string, version int64, part model.ListPart, key []byte) (model.ListChunk, error) {
	c := model.ListChunk{Part: part}
	err := s.reader.QueryRowContext(ctx, `SELECT first, data FROM list_chunks
		WHERE school_id = $1 AND list = $2 AND version = $3 AND part = $4 AND first <= $5 ORDER BY first DESC LIMIT 1`,
		school, list, version, int64(part), blob(key)).Scan(&c.First, &c.Data)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("reading list %s: %w", list, err)
	}
	return c, missing(err)
}

// ListChunksAfter reads the next chunks of a version in order, after the one that
// begins with a key; nil: from the first on. None are left when it returns none.
func (s *Store) ListChunksAfter(ctx context.Context, school model.SchoolID, list string, version int64, part model.ListPart, after []byte, limit int) ([]model.ListChunk, error) {
	scan := func(row scanner) (model.ListChunk, error) {
		c := model.ListChunk{Part: part}
		return c, row.Scan(&c.First, &c.Data)
	}
	chunks, err := collect(ctx, s.reader, scan, `SELECT first, data FROM list_chunks
		WHERE school_id = $1 AND list = $2 AND version = $3 AND part = $4 AND first > $5 ORDER BY first LIMIT $6`,
		school, list, version, int64(part), blob(after), limit)
	if err != nil {
		return nil, fmt.Errorf("reading list %s: %w", list, err)
	}
	return chunks, nil
}
