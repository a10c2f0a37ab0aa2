package store

import (
	"context"
	"database/sql"
	"fmt"
)

// hot holds the statements that run for every event, prepared once on the write
// connection and kept: preparing one costs several times what running it does.
type hot struct {
	insertEvent, eventDigest, insertPending *sql.Stmt
	insertHealth, healthDigest, insertGap   *sql.Stmt
	takePending, deletePending, linkEvent   *sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB) (hot, error) {
	var h hot
	for _, one := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&h.insertEvent, insertEventSQL},
		{&h.eventDigest, eventDigestSQL},
		{&h.insertPending, insertPendingSQL},
		{&h.insertHealth, insertHealthSQL},
		{&h.healthDigest, healthDigestSQL},
		{&h.insertGap, insertGapSQL},
		{&h.takePending, takePendingSQL},
		{&h.deletePending, deletePendingSQL},
		{&h.linkEvent, linkEventSQL},
	} {
		stmt, err := db.PrepareContext(ctx, one.query)
		if err != nil {
			h.close()
			return hot{}, fmt.Errorf("preparing %q: %w", one.query, err)
		}
		*one.stmt = stmt
	}
	return h, nil
}

func (h *hot) close() {
	for _, stmt := range []*sql.Stmt{
		h.insertEvent, h.eventDigest, h.insertPending, h.insertHealth, h.healthDigest,
		h.insertGap, h.takePending, h.deletePending, h.linkEvent,
	} {
		if stmt != nil {
			stmt.Close() // its connection is about to be closed; nothing to lose
		}
	}
}

// in binds the statements to a transaction.
func (h *hot) in(ctx context.Context, tx *sql.Tx) hot {
	return hot{
		insertEvent:   tx.StmtContext(ctx, h.insertEvent),
		eventDigest:   tx.StmtContext(ctx, h.eventDigest),
		insertPending: tx.StmtContext(ctx, h.insertPending),
		insertHealth:  tx.StmtContext(ctx, h.insertHealth),
		healthDigest:  tx.StmtContext(ctx, h.healthDigest),
		insertGap:     tx.StmtContext(ctx, h.insertGap),
		takePending:   tx.StmtContext(ctx, h.takePending),
		deletePending: tx.StmtContext(ctx, h.deletePending),
		linkEvent:     tx.StmtContext(ctx, h.linkEvent),
	}
}
