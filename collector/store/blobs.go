package store

import (
	"context"
	"fmt"
	"slices"

	"safelight/collector/model"
)

// pieceBytes is what one statement writes of a file: it holds the connection that
// writes for some milliseconds.
const pieceBytes = 1 << 20

// addBlob keeps a file by its content's hash, a large one in pieces. What was cut
// short is not there, and taken up the next time.
func (s *Store) addBlob(ctx context.Context, school model.SchoolID, b model.Blob) error {
	data := b.Data
	if len(data) > pieceBytes {
		if err := s.addPieces(ctx, school, b); err != nil {
			return err
		}
		data = nil
	}
	_, err := s.writer.ExecContext(ctx, `INSERT INTO blobs (school_id, sha256, data) VALUES ($1, $2, $3)
		ON CONFLICT (school_id, sha256) DO NOTHING`, school, b.SHA256[:], blob(data))
	if err != nil {
		return fmt.Errorf("storing blob %x: %w", b.SHA256[:4], err)
	}
	return nil
}

func (s *Store) addPieces(ctx context.Context, school model.SchoolID, b model.Blob) error {
	var here int
	err := s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM blobs WHERE school_id = $1 AND sha256 = $2`, school, b.SHA256[:]).Scan(&here)
	if err != nil || here > 0 {
		return err
	}
	part := 0
	for piece := range slices.Chunk(b.Data, pieceBytes) {
		_, err := s.writer.ExecContext(ctx, `INSERT INTO blob_parts (school_id, sha256, part, data) VALUES ($1, $2, $3, $4)
			ON CONFLICT (school_id, sha256, part) DO NOTHING`, school, b.SHA256[:], part, piece)
		if err != nil {
			return fmt.Errorf("storing piece %d of blob %x: %w", part, b.SHA256[:4], err)
		}
		part++
	}
	return nil
}

// Blob reads a file of a policy by its content's hash.
func (s *Store) Blob(ctx context.Context, school model.SchoolID, sha [32]byte) ([]byte, error) {
	var data []byte
	err := s.reader.QueryRowContext(ctx, `SELECT data FROM blobs WHERE school_id = $1 AND sha256 = $2`, school, sha[:]).Scan(&data)
	if err != nil {
		return nil, fmt.Errorf("reading blob: %w", missing(err))
	}
	if len(data) > 0 {
		return data, nil
	}
	pieces, err := collect(ctx, s.reader, func(row scanner) (piece []byte, err error) {
		err = row.Scan(&piece)
		return piece, err
	}, `SELECT data FROM blob_parts WHERE school_id = $1 AND sha256 = $2 ORDER BY part`, school, sha[:])
	if err != nil {
		return nil, fmt.Errorf("reading blob: %w", err)
	}
	return slices.Concat(pieces...), nil
}
