package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// insertEventSQL has few parameters on purpose: the driver looks each one up
// among all of them, so that twice as many cost four times as much.
const insertEventSQL = `INSERT INTO events (school_id, event_id, device, spool_epoch, seq, digest, observed, received, late,
	subject_id, severity, category, rule, body)
	VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, '', $12)
	ON CONFLICT (school_id, event_id, device) DO NOTHING`

const eventDigestSQL = `SELECT digest, subject_id, body FROM events WHERE school_id = $1 AND device = $2 AND event_id = $3`

const insertPendingSQL = `INSERT INTO pending (school_id, severity, turn, event_id, device, subject_id) VALUES ($1, $2, $3, $4, $5, $6)`

const insertHealthSQL = `INSERT INTO health (school_id, device, health_id, spool_epoch, lane, seq, digest, at, received, topic, detail)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	ON CONFLICT (school_id, device, health_id) DO NOTHING`

const healthDigestSQL = `SELECT digest FROM health WHERE school_id = $1 AND device = $2 AND health_id = $3`

const insertGapSQL = `INSERT INTO gaps (school_id, device, spool_epoch, lane, from_seq, to_seq, reason, received)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT (school_id, device, spool_epoch, lane, from_seq) DO UPDATE
	SET to_seq = excluded.to_seq WHERE excluded.to_seq > gaps.to_seq`

// TopicConflict is the health topic of an event sent again with other bytes.
const TopicConflict = "event-conflict"

// AppendRecords stores many devices' records in one transaction: each new event
// with its row in pending, health events, gaps and checks, nothing else. When it
// returns without error everything is on disk and may be acknowledged.
//
// Sending again is harmless: an event is known by its device and id. One with a
// known key and other bytes is refused as a conflict, and noted as a health
// event of its device. A transaction once begun is not broken off by ctx.
func (s *Store) AppendRecords(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error) {
	ctx = context.WithoutCancel(ctx) // also spares the driver a goroutine a statement
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return model.Appended{}, fmt.Errorf("appending records: %w", err)
	}
	var appended model.Appended
	var finder subjectFinder
	store := func(oneByOne bool) error {
		return s.write(ctx, func(tx *sql.Tx) error {
			finder = subjectFinder{store: s, keys: keys, tx: tx, swept: s.sweptSubjects()}
			a := appender{
				ctx: ctx, store: s, tx: tx, hot: &bound{hot: s.hot, tx: tx}, school: school, finder: &finder, turns: s.turns, oneByOne: oneByOne,
			}
			return a.append(batch, &appended)
		})
	}
	err = store(len(batch.Events) <= oneByOneRows || anyUnlisted(batch.Events))
	if errors.Is(err, errSomeKnown) {
		err = store(true)
	}
	if err != nil {
		return model.Appended{}, fmt.Errorf("appending records: %w", err)
	}
	s.cacheSubjects(finder.fresh, finder.swept)
	return appended, nil
}

// appender is one AppendRecords under way.
type appender struct {
	ctx    context.Context
	store  *Store
	tx     *sql.Tx
	hot    *bound
	school model.SchoolID
	finder *subjectFinder
	turns  *turns
	// oneByOne: some of the events may be stored already, or there are too few to
	// be worth handing over together.
	oneByOne bool
	sealer   sealer
}

// oneByOneRows is up to how many events are not worth it.
const oneByOneRows = 2

func (a *appender) append(batch model.Batch, to *model.Appended) error {
	to.Events = make([]model.Stored, len(batch.Events))
	if err := a.events(batch.Events, to.Events); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	to.Health = make([]model.Stored, len(batch.Health))
	for i := range batch.Health {
		stored, err := a.health(&batch.Health[i])
		if err != nil {
			return fmt.Errorf("health event: %w", err)
		}
		to.Health[i] = stored
	}
	to.Gaps = make([]model.Stored, len(batch.Gaps))
	for i := range batch.Gaps {
		stored, err := a.gap(&batch.Gaps[i])
		if err != nil {
			return fmt.Errorf("gap: %w", err)
		}
		to.Gaps[i] = stored
	}
	to.Checks = make([]model.Stored, len(batch.Checks))
	for i := range batch.Checks {
		stored, err := a.check(&batch.Checks[i])
		if err != nil {
			return fmt.Errorf("check: %w", err)
		}
		to.Checks[i] = stored
	}
	return nil
}

func (a *appender) events(events []model.Event, to []model.Stored) (err error) {
	if !a.oneByOne {
		return a.newEvents(events, to)
	}
	for i := range events {
		if to[i], err = a.event(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// seal finds an event's subject and seals its body for it.
func (a *appender) seal(e *model.Event) (body []byte, err error) {
	if e.Sealed != nil && e.SealedAt == a.finder.swept && e.School == a.school {
		return e.Sealed, nil
	}
	e.School = a.school
	subject, err := a.finder.find(a.ctx, e)
	if err != nil {
		return nil, err
	}
	e.Subject = subject.id
	return a.sealer.event(subject.box, e), nil
}

func (a *appender) event(e *model.Event) (model.Stored, error) {
	body, err := a.seal(e)
	if err != nil {
		return 0, err
	}
	added, err := affected(a.hot.exec(a.ctx, insertEvent, string(a.school), e.ID[:], e.Device, blob(e.Place.SpoolEpoch),
		int64(e.Place.Seq), micros(e.Observed), micros(e.Received), flag(e.Late),
		e.Subject, int64(e.Severity), e.Category, body))
	if err != nil {
		return 0, err
	}
	if !added {
		return a.eventAgain(e)
	}
	if e.Unlisted {
		return model.StoredNew, a.unlistedEvent(e)
	}
	turn := a.turns.next(turnKey{a.school, e.Severity}, e.Device)
	_, err = a.hot.exec(a.ctx, insertPending, string(a.school), int64(e.Severity), turn, e.ID[:], e.Device, e.Subject)
	return model.StoredNew, err
}

func (a *appender) health(h *model.Health) (model.Stored, error) {
	h.School = a.school
	added, err := a.insertHealth(h)
	if err != nil {
		return 0, err
	}
	if !added {
		return a.healthAgain(h)
	}
	return model.StoredNew, nil
}

func (a *appender) insertHealth(h *model.Health) (bool, error) {
	return affected(a.hot.exec(a.ctx, insertHealth, a.school, h.Device, h.ID[:], blob(h.Place.SpoolEpoch),
		int64(h.Place.Lane), int64(h.Place.Seq), blob(h.Digest), micros(h.At), micros(h.Received), h.Topic, h.Detail))
}

func (a *appender) gap(g *model.Gap) (model.Stored, error) {
	added, err := affected(a.hot.exec(a.ctx, insertGap, a.school, g.Device, blob(g.Place.SpoolEpoch),
		int64(g.Place.Lane), int64(g.Place.Seq), int64(g.To), g.Reason, micros(g.Received)))
	if err != nil || added {
		return model.StoredNew, err
	}
	return model.StoredDuplicate, nil
}

// eventAgain tells an event that was sent twice from another one under its key.
func (a *appender) eventAgain(e *model.Event) (model.Stored, error) {
	row := storedEvent{device: e.Device, id: e.ID[:]}
	err := a.hot.queryRow(a.ctx, eventDigest, a.school, e.Device, e.ID[:]).Scan(&row.digest, &row.subject, &row.body)
	if err != nil {
		return 0, fmt.Errorf("comparing with what is stored: %w", err)
	}
	same, err := a.store.sameDigest(a.ctx, a.tx, a.school, row, e.Digest)
	if err != nil {
		return 0, fmt.Errorf("comparing with what is stored: %w", err)
	}
	return a.again(same, e.Device, e.ID[:], e.Received)
}

func (a *appender) healthAgain(h *model.Health) (model.Stored, error) {
	var kept []byte
	if err := a.hot.queryRow(a.ctx, healthDigest, a.school, h.Device, h.ID[:]).Scan(&kept); err != nil {
		return 0, fmt.Errorf("comparing with what is stored: %w", err)
	}
	return a.again(bytes.Equal(kept, h.Digest), h.Device, h.ID[:], h.Received)
}

// again answers for a record under a known key, and notes one with other bytes.
func (a *appender) again(same bool, device string, id []byte, received time.Time) (model.Stored, error) {
	if same {
		return model.StoredDuplicate, nil
	}
	h := model.Health{
		Device: device, ID: [16]byte(randomBytes()), At: received, Received: received, Topic: TopicConflict,
		Detail: fmt.Sprintf("record %x was sent again with other bytes; the first was kept", id),
	}
	_, err := a.insertHealth(&h)
	return model.StoredConflict, err
}

func affected(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
