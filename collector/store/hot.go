package store

import (
	"context"
	"database/sql"
	"fmt"
)

// The statements that run for every event or alert, prepared once on the write
// connection and kept: preparing one costs several times what running it does.
const (
	insertEvents = iota
	insertEvent
	eventDigest
	insertPendings
	insertPending
	insertHealth
	healthDigest
	insertGap
	savePositions
	saveStatus
	takePending
	clearTaken
	deletePending
	linkEvents
	decideSubject
	decideSubjects
	findAlert
	findAlerts
	raiseAlert
	writeAlerts
	insertNotification
	hotStatements // how many there are
)

var hotSQL = [hotStatements]string{
	insertEvents:       insertEventsSQL,
	insertEvent:        insertEventSQL,
	eventDigest:        eventDigestSQL,
	insertPendings:     insertPendingsSQL,
	insertPending:      insertPendingSQL,
	insertHealth:       insertHealthSQL,
	healthDigest:       healthDigestSQL,
	insertGap:          insertGapSQL,
	savePositions:      savePositionsSQL,
	saveStatus:         saveStatusSQL,
	takePending:        takePendingSQL,
	clearTaken:         clearTakenSQL,
	deletePending:      deletePendingSQL,
	linkEvents:         linkEventsSQL,
	decideSubject:      decideSubjectSQL,
	decideSubjects:     decideSubjectsSQL,
	findAlert:          findAlertSQL,
	findAlerts:         findAlertsSQL,
	raiseAlert:         raiseAlertSQL,
	writeAlerts:        writeAlertsSQL,
	insertNotification: insertNotificationSQL,
}

type hot struct {
	dialect *dialect
	stmts   [hotStatements]*sql.Stmt
}

func prepare(ctx context.Context, d *dialect, db *sql.DB) (*hot, error) {
	h := hot{dialect: d}
	for i, query := range hotSQL {
		stmt, err := db.PrepareContext(ctx, withRows(d, query))
		if err != nil {
			h.close()
			return nil, fmt.Errorf("preparing %q: %w", query, err)
		}
		h.stmts[i] = stmt
	}
	return &h, nil
}

func (h *hot) close() {
	for _, stmt := range h.stmts {
		if stmt != nil {
			_ = stmt.Close() // its connection is about to be closed; nothing to lose
		}
	}
}

// bound is the statements within one transaction.
type bound struct {
	hot *hot
	tx  *sql.Tx
	in  [hotStatements]*sql.Stmt // those used so far
}

func (b *bound) stmt(ctx context.Context, i int) *sql.Stmt {
	if b.in[i] == nil {
		b.in[i] = b.tx.StmtContext(ctx, b.hot.stmts[i])
	}
	return b.in[i]
}

func (b *bound) exec(ctx context.Context, i int, args ...any) (sql.Result, error) {
	return b.stmt(ctx, i).ExecContext(ctx, args...)
}

func (b *bound) queryRow(ctx context.Context, i int, args ...any) *sql.Row {
	return b.stmt(ctx, i).QueryRowContext(ctx, args...)
}

func (b *bound) query(ctx context.Context, i int, args ...any) (*sql.Rows, error) {
	return b.stmt(ctx, i).QueryContext(ctx, args...)
}
