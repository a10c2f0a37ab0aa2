package store

import (
	"context"
	"database/sql"

	"safelight/collector/model"
)

// Note puts on record what changes nothing in the store.
func (s *Store) Note(ctx context.Context, school model.SchoolID, r model.AuditRecord) error {
	return s.write(ctx, func(tx *sql.Tx) error { return note(ctx, tx, school, r) })
}
