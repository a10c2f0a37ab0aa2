package store

import (
	"context"
	"database/sql"
	"errors"

	"safelight/collector/model"
)

// agedAlert is an alert to remove, and how many events it had when that was
// decided.
type agedAlert struct {
	ref    string
	events int64
}

func (r *retention) alerts(ctx context.Context) error {
	scan := func(row scanner) (a agedAlert, err error) { return a, row.Scan(&a.ref, &a.events) }
	for {
		aged, err := collect(ctx, r.store.reader, scan,
			`SELECT a.ref, a.events FROM alerts a WHERE a.school_id = $1 AND `+oldAlert+` ORDER BY a.raised, a.ref LIMIT 50`, r.school, r.before)
		if err != nil || len(aged) == 0 {
			return err
		}
		var done model.Removed
		err = r.remove(ctx, func(tx *sql.Tx) (err error) {
			done = model.Removed{} // write may run this again
			left := int64(retentionChunk)
			for _, a := range aged {
				if left, err = r.alert(ctx, tx, a, left, &done); err != nil || left <= 0 {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.removed.Alerts += done.Alerts
		r.removed.Notifications += done.Notifications
	}
}

// alert removes an alert whole, or as much of it as left allows.
func (r *retention) alert(ctx context.Context, tx *sql.Tx, a agedAlert, left int64, done *model.Removed) (int64, error) {
	var events int64
	err := tx.QueryRowContext(ctx, `SELECT events FROM alerts WHERE school_id = $1 AND ref = $2`, r.school, a.ref).Scan(&events)
	if errors.Is(err, sql.ErrNoRows) || err == nil && events != a.events {
		return left, nil // it grew just now
	}
	if err != nil {
		return left, err
	}
	links, err := removed(tx.ExecContext(ctx, `DELETE FROM alert_events WHERE school_id = $1 AND ref = $2 AND (device, event_id) IN
		(SELECT device, event_id FROM alert_events WHERE school_id = $1 AND ref = $2 LIMIT $3)`, r.school, a.ref, left))
	if left -= links + 1; err != nil || left <= 0 {
		return left, err
	}
	for _, d := range []struct {
		query string
		into  *int64
	}{
		{`DELETE FROM notifications WHERE school_id = $1 AND ref = $2`, &done.Notifications},
		{`DELETE FROM releases WHERE school_id = $1 AND ref = $2`, new(int64)},
		{`DELETE FROM alert_outcomes WHERE school_id = $1 AND ref = $2`, new(int64)},
		{`DELETE FROM alerts WHERE school_id = $1 AND ref = $2`, &done.Alerts},
	} {
		n, err := removed(tx.ExecContext(ctx, d.query, r.school, a.ref))
		if err != nil {
			return left, err
		}
		*d.into += n
		left -= n
	}
	return left, nil
}

func removed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// rowKey is whatever stands after the school in a table's key.
type rowKey []any

func (r *retention) events(ctx context.Context) error {
	scan := func(row scanner) (rowKey, error) {
		var id []byte
		var device string
		err := row.Scan(&id, &device)
		return rowKey{id, device}, err
	}
	return r.rows(ctx, &r.removed.Events, scan,
		`SELECT event_id, device FROM events WHERE school_id = $1 AND received < $2 ORDER BY received LIMIT $3`,
		`DELETE FROM events WHERE school_id = $1 AND event_id = $2 AND device = $3`)
}

func (r *retention) health(ctx context.Context) error {
	scan := func(row scanner) (rowKey, error) {
		var id []byte
		var device string
		err := row.Scan(&device, &id)
		return rowKey{device, id}, err
	}
	return r.rows(ctx, &r.removed.Health, scan,
		`SELECT device, health_id FROM health WHERE school_id = $1 AND received < $2 ORDER BY received LIMIT $3`,
		`DELETE FROM health WHERE school_id = $1 AND device = $2 AND health_id = $3`)
}

// checks removes devices' checks, and what people asked for, wrote and signed of
// them, in which the names of adults may stand.
func (r *retention) checks(ctx context.Context) error {
	byText := func(n int) func(scanner) (rowKey, error) {
		return func(row scanner) (rowKey, error) {
			text := make([]string, n)
			key, into := make(rowKey, n), make([]any, n)
			for i := range text {
				into[i] = &text[i]
			}
			err := row.Scan(into...)
			for i, s := range text {
				key[i] = s
			}
			return key, err
		}
	}
	device := func(row scanner) (rowKey, error) {
		var device string
		var id []byte
		err := row.Scan(&device, &id)
		return rowKey{device, id}, err
	}
	review := func(row scanner) (rowKey, error) {
		var device, what, now string
		var raised int64
		err := row.Scan(&device, &what, &now, &raised)
		return rowKey{device, what, now, raised}, err
	}
	for _, t := range []struct {
		scan         func(scanner) (rowKey, error)
		find, remove string
	}{
		{
			device, `SELECT device, check_id FROM checks WHERE school_id = $1 AND received < $2 ORDER BY received LIMIT $3`,
			`DELETE FROM checks WHERE school_id = $1 AND device = $2 AND check_id = $3`,
		},
		{
			byText(1), `SELECT id FROM check_records WHERE school_id = $1 AND at < $2 LIMIT $3`,
			`DELETE FROM check_records WHERE school_id = $1 AND id = $2`,
		},
		{
			byText(2), `SELECT week, side FROM check_signatures WHERE school_id = $1 AND at < $2 LIMIT $3`,
			`DELETE FROM check_signatures WHERE school_id = $1 AND week = $2 AND side = $3`,
		},
		{
			byText(1), `SELECT id FROM check_requests WHERE school_id = $1 AND at < $2 LIMIT $3`,
			`DELETE FROM check_requests WHERE school_id = $1 AND id = $2`,
		},
		{
			review, `SELECT device, what, is_now, raised FROM check_reviews WHERE school_id = $1 AND raised < $2 LIMIT $3`,
			`DELETE FROM check_reviews WHERE school_id = $1 AND device = $2 AND what = $3 AND is_now = $4 AND raised = $5`,
		},
	} {
		if err := r.rows(ctx, &r.removed.Checks, t.scan, t.find, t.remove); err != nil {
			return err
		}
	}
	return nil
}

func (r *retention) gaps(ctx context.Context) error {
	scan := func(row scanner) (rowKey, error) {
		var device string
		var epoch []byte
		var lane, from int64
		err := row.Scan(&device, &epoch, &lane, &from)
		return rowKey{device, epoch, lane, from}, err
	}
	return r.rows(ctx, &r.removed.Gaps, scan,
		`SELECT device, spool_epoch, lane, from_seq FROM gaps WHERE school_id = $1 AND received < $2 LIMIT $3`,
		`DELETE FROM gaps WHERE school_id = $1 AND device = $2 AND spool_epoch = $3 AND lane = $4 AND from_seq = $5`)
}

// rows removes what find finds, chunk by chunk, by key.
func (r *retention) rows(ctx context.Context, into *int64, scan func(scanner) (rowKey, error), find, remove string) error {
	for {
		keys, err := collect(ctx, r.store.reader, scan, find, r.school, r.before, retentionChunk)
		if err != nil || len(keys) == 0 {
			return err
		}
		var n int64
		err = r.remove(ctx, func(tx *sql.Tx) (err error) {
			n, err = r.byKey(ctx, tx, remove, keys)
			return err
		})
		if err != nil {
			return err
		}
		*into += n
	}
}

func (r *retention) byKey(ctx context.Context, tx *sql.Tx, query string, keys []rowKey) (n int64, err error) {
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	for _, key := range keys {
		gone, err := removed(stmt.ExecContext(ctx, append([]any{r.school}, key...)...))
		if err != nil {
			return n, err
		}
		n += gone
	}
	return n, nil
}

// subjects removes accounts that nothing refers to, of people who left too. Every event is pending or
// in an alert of its subject, so these two say it all. Where other collectors
// write to the same database they remember subjects too, and one removed here
// would be one they still give events to: there they stay.
func (r *retention) subjects(ctx context.Context) error {
	if r.store.Shared() {
		return nil
	}
	const find = `SELECT s.id FROM subjects s WHERE s.school_id = $1 AND ` + unexplained + `
		AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.school_id = s.school_id AND a.subject_id = s.id)`
	ids, err := collect(ctx, r.store.reader, func(row scanner) (id string, err error) { return id, row.Scan(&id) }, find, r.school)
	if err != nil {
		return err
	}
	for len(ids) > 0 {
		chunk := ids[:min(len(ids), retentionChunk/4)]
		ids = ids[len(chunk):]
		var n int64
		err := r.remove(ctx, func(tx *sql.Tx) (err error) {
			n, err = r.unexplained(ctx, tx, chunk)
			// Before anybody else writes: nobody may be given one of them again.
			r.store.forgetSubjects()
			return err
		})
		if err != nil {
			return err
		}
		r.removed.Subjects += n
	}
	return nil
}

// unexplained removes those of chunk that still are.
func (r *retention) unexplained(ctx context.Context, tx *sql.Tx, chunk []string) (n int64, err error) {
	waiting := map[string]bool{}
	ids, err := collect(ctx, tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) },
		`SELECT DISTINCT subject_id FROM pending WHERE school_id = $1`, r.school)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		waiting[id] = true
	}
	for _, id := range chunk {
		if waiting[id] {
			continue
		}
		gone, err := removed(tx.ExecContext(ctx, `DELETE FROM subjects WHERE school_id = $1 AND id = $2
			AND id IN (SELECT s.id FROM subjects s WHERE s.school_id = $1 AND s.id = $2 AND `+unexplained+`)
			AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.school_id = $1 AND a.subject_id = $2)`, r.school, id))
		if err != nil {
			return n, err
		}
		n += gone
		if gone == 0 {
			continue
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM connections WHERE school_id = $1 AND (subject_id = $2 OR other_id = $2)`, r.school, id)
		if err != nil {
			return n, err
		}
		// Who was erased stays known, for the keyrings: an older copy shows them else.
		if err := dropKey(ctx, tx, r.school, id); err != nil {
			return n, err
		}
	}
	return n, nil
}

// forgetSubjects empties the memory of subjects, and keeps transactions that
// began before from filling it with what they found.
func (s *Store) forgetSubjects() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.subjects)
	s.sealing.forget()
	s.swept++
}

func (s *Store) sweptSubjects() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.swept
}
