package store

import (
	"context"
	"database/sql"
	"sync"

	"safelight/collector/model"
	"safelight/internal/event"
)

// turns makes the gatherer fair by device, without its having to look through
// what is pending. Each pending row has a turn, and rows are taken in the order
// of turns:
//
//	device A floods:  1 2 3 4 5 6 7 8 9 ...
//	device B:             3             <- arrives while turn 3 is being taken
//
// A device's next row gets the turn after its last one, or the turn now being
// taken where that is later. It is kept in memory only: after a start everybody
// begins at the head of the queue, which is fair enough.
type turns struct {
	mu     sync.Mutex
	queues map[turnKey]*turnQueue
}

type turnKey struct {
	school   model.SchoolID
	severity event.Severity
}

type turnQueue struct {
	now  int64            // the turn taken last
	last map[string]int64 // the last turn given, by device
}

// devicesKept bounds what a queue remembers; those whose last turn has passed
// need not be remembered.
const devicesKept = 10_000

func (t *turns) queue(key turnKey) *turnQueue {
	q := t.queues[key]
	if q == nil {
		q = &turnQueue{last: make(map[string]int64)}
		t.queues[key] = q
	}
	return q
}

// next gives a device its next turn.
func (t *turns) next(key turnKey, device string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queue(key)
	turn := max(q.now, q.last[device]+1)
	if len(q.last) >= devicesKept {
		q.forget()
	}
	q.last[device] = turn
	return turn
}

func (q *turnQueue) forget() {
	for device, last := range q.last {
		if last < q.now {
			delete(q.last, device)
		}
	}
}

// taken notes which turn the gatherer has come to.
func (t *turns) taken(key turnKey, turn int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queue(key)
	q.now = max(q.now, turn)
}

// readTurns finds the heads of the queues that a store was closed with.
func readTurns(ctx context.Context, db *sql.DB) (*turns, error) {
	t := &turns{queues: make(map[turnKey]*turnQueue)}
	rows, err := db.QueryContext(ctx, `SELECT school_id, severity, MIN(turn) FROM pending GROUP BY school_id, severity`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var school model.SchoolID
		var severity, turn int64
		if err := rows.Scan(&school, &severity, &turn); err != nil {
			return nil, err
		}
		t.taken(turnKey{school, event.Severity(severity)}, turn)
	}
	return t, rows.Err()
}
