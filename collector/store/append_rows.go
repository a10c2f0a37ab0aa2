package store

import (
	"errors"
	"fmt"

	"safelight/collector/model"
)

const insertEventsSQL = `INSERT INTO events (school_id, event_id, device, spool_epoch, seq, digest, observed, received, late,
	subject_id, severity, category, rule, body)
	SELECT $1, r.c0, r.c1, r.c2, r.c3, '', r.c4, r.c5, r.c6, r.c7, r.c8, r.c9, '', r.c10 FROM {rows btbiiiititb} WHERE TRUE
	ON CONFLICT (school_id, event_id, device) DO NOTHING`

const insertPendingsSQL = `INSERT INTO pending (school_id, severity, turn, event_id, device, subject_id)
	SELECT $1, r.c0, r.c1, r.c2, r.c3, r.c4 FROM {rows iibtt}`

// errSomeKnown says that some of the events are stored already. It undoes the
// transaction, and they are stored again one by one: that is seldom, and to find
// out beforehand would cost every batch.
var errSomeKnown = errors.New("some of the events are stored already")

// newEvents stores events of which none is stored yet, all in one statement.
func (a *appender) newEvents(events []model.Event, to []model.Stored) error {
	columns, err := a.columns(events)
	if err != nil {
		return err
	}
	added, err := a.hot.execRows(a.ctx, insertEvents, []any{string(a.school)}, columns.all()...)
	if err != nil {
		return err
	}
	if added != int64(len(events)) {
		return errSomeKnown
	}
	turns := make([]int64, len(events))
	for i := range events {
		turns[i] = a.turns.next(turnKey{a.school, events[i].Severity}, events[i].Device)
		to[i] = model.StoredNew
	}
	_, err = a.hot.execRows(a.ctx, insertPendings, []any{string(a.school)}, columns.severity, turns, columns.id, columns.device, columns.subject)
	if err != nil {
		return fmt.Errorf("noting what is pending: %w", err)
	}
	return nil
}

// newEventColumns are events as insertEventsSQL is handed them.
type newEventColumns struct {
	id                       [][]byte
	device                   []string
	epoch                    [][]byte
	seq                      []int64
	observed, received, late []int64
	subject                  []string
	severity                 []int64
	category                 []string
	body                     [][]byte
}

func (c *newEventColumns) all() []any {
	return []any{c.id, c.device, c.epoch, c.seq, c.observed, c.received, c.late, c.subject, c.severity, c.category, c.body}
}

func (a *appender) columns(events []model.Event) (*newEventColumns, error) {
	n := len(events)
	numbers, texts, blobs := make([]int64, 5*n), make([]string, 3*n), make([][]byte, 3*n)
	number := func(i int) []int64 { return numbers[i*n : (i+1)*n] }
	text := func(i int) []string { return texts[i*n : (i+1)*n] }
	bytes := func(i int) [][]byte { return blobs[i*n : (i+1)*n] }
	c := &newEventColumns{
		id: bytes(0), epoch: bytes(1), body: bytes(2),
		device: text(0), subject: text(1), category: text(2),
		seq: number(0), observed: number(1), received: number(2), late: number(3), severity: number(4),
	}
	for i := range events {
		e := &events[i]
		body, err := a.seal(e)
		if err != nil {
			return nil, err
		}
		c.id[i], c.device[i], c.epoch[i], c.seq[i] = e.ID[:], e.Device, blob(e.Place.SpoolEpoch), int64(e.Place.Seq)
		c.observed[i], c.received[i], c.late[i] = micros(e.Observed), micros(e.Received), flag(e.Late)
		c.subject[i], c.severity[i], c.category[i], c.body[i] = e.Subject, int64(e.Severity), e.Category, body
	}
	return c, nil
}
