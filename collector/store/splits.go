package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"safelight/collector/model"
)

// heldEvery is how seldom IT is told that copies of one family have to wait.
const heldEvery = 20 * time.Hour

// SplitDevice adds a device that was a copy of another, in one transaction: that one is
// enrolled and not revoked, a trial school has room (G12), and no more came of the
// family than may (model.SplitsAnHour, SplitsADay). A key that a device has already is
// that device: its id is returned and nothing changes.
func (s *Store) SplitDevice(ctx context.Context, school model.SchoolID, split model.Split) (answer model.SplitAnswer, err error) {
	err = s.write(ctx, func(tx *sql.Tx) (err error) {
		answer, err = s.split(ctx, tx, school, split)
		return err
	})
	if err != nil {
		return model.SplitAnswer{}, fmt.Errorf("splitting device: %w", err)
	}
	return answer, nil
}

func (s *Store) split(ctx context.Context, tx *sql.Tx, school model.SchoolID, split model.Split) (answer model.SplitAnswer, err error) {
	// Before anything is looked at: one that asks twice at once becomes one device, and
	// none comes of one that was revoked.
	if err := s.admitting(ctx, tx, school); err != nil {
		return answer, err
	}
	var revoked int64
	err = tx.QueryRowContext(ctx, `SELECT revoked FROM devices WHERE school_id = $1 AND id = $2`, school, split.From).Scan(&revoked)
	if errors.Is(err, sql.ErrNoRows) || err == nil && revoked != 0 {
		return answer, ErrNotFound
	}
	if err != nil {
		return answer, fmt.Errorf("reading the device it was copied from: %w", err)
	}
	origin, err := originOf(ctx, tx, school, split.From)
	if err != nil {
		return answer, err
	}
	device := split.Device
	err = tx.QueryRowContext(ctx, `SELECT id FROM devices WHERE school_id = $1 AND key_hash = $2 AND revoked = 0`, school, blob(device.KeyHash)).Scan(&answer.ID)
	if !errors.Is(err, sql.ErrNoRows) {
		return answer, err
	}
	if err := oneOfARun(ctx, tx, school, split); err != nil {
		return answer, err
	}
	if err := roomForDevice(ctx, tx, school); err != nil {
		return answer, err
	}
	room, err := roomForSplit(ctx, tx, school, origin, device.Enrolled)
	if err != nil {
		return answer, err
	}
	if !room {
		answer.Held = true
		answer.News, err = noteSeldom(ctx, tx, school, origin, model.HealthSplitsHeld, heldDetail, heldEvery, device.Enrolled)
		return answer, err
	}
	device.School = school
	if err := insertDevice(ctx, tx, device); err != nil {
		return answer, err
	}
	answer.ID = device.ID
	_, err = tx.ExecContext(ctx, `INSERT INTO splits (school_id, device, parent, origin, instance, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		school, device.ID, split.From, origin, []byte(split.Instance), micros(device.Enrolled))
	return answer, err
}

// oneOfARun refuses a second device for one run of an agent, whichever collectors it
// asks: one that asks again has its key.
func oneOfARun(ctx context.Context, tx *sql.Tx, school model.SchoolID, split model.Split) error {
	var came int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM splits WHERE school_id = $1 AND parent = $2 AND instance = $3`, school, split.From, []byte(split.Instance)).Scan(&came)
	switch {
	case err != nil:
		return fmt.Errorf("looking for what became of it: %w", err)
	case came > 0:
		return ErrSplitTwice
	}
	return nil
}

var heldDetail = fmt.Sprintf("As many of its copies became devices of their own as may by themselves, %d an hour and %d a day. The others wait, and stand under its name until then.",
	model.SplitsAnHour, model.SplitsADay)

// originOf is the first of a device's family, which is itself where it was no copy.
func originOf(ctx context.Context, q querier, school model.SchoolID, device string) (origin string, err error) {
	err = q.QueryRowContext(ctx, `SELECT origin FROM splits WHERE school_id = $1 AND device = $2`, school, device).Scan(&origin)
	if errors.Is(err, sql.ErrNoRows) {
		return device, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading what it came of: %w", err)
	}
	return origin, nil
}

// roomForSplit says whether one more may come of a family now.
func roomForSplit(ctx context.Context, q querier, school model.SchoolID, origin string, now time.Time) (bool, error) {
	var hour, day, more int
	err := q.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(*) FROM splits WHERE school_id = $1 AND origin = $2 AND at > $3),
		(SELECT COUNT(*) FROM splits WHERE school_id = $1 AND origin = $2 AND at > $4),
		(SELECT CAST(COALESCE(SUM(more), 0) AS BIGINT) FROM split_leave WHERE school_id = $1 AND origin = $2 AND at > $5)`,
		school, origin, micros(now.Add(-time.Hour)), micros(now.Add(-24*time.Hour)), micros(now.Add(-model.SplitLeaveLasts))).Scan(&hour, &day, &more)
	if err != nil {
		return false, fmt.Errorf("counting what came of it: %w", err)
	}
	return model.MoreMaySplit(hour, day, more), nil
}

// LeaveForSplits lets more copies of a device's family become devices of their own for
// a day, and returns the family's first.
func (s *Store) LeaveForSplits(ctx context.Context, school model.SchoolID, device string, more int, now time.Time) (origin string, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if origin, err = originOf(ctx, tx, school, device); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO split_leave (school_id, id, origin, more, at) VALUES ($1, $2, $3, $4, $5)`, school, randomID(), origin, more, micros(now))
		if err != nil {
			return err
		}
		return note(ctx, tx, school, model.AuditRecord{At: now, What: "device.split", Ref: model.DeviceActor(origin), Outcome: fmt.Sprintf("%d more copies may become devices of their own within a day", more)})
	})
	if err != nil {
		return "", fmt.Errorf("giving leave for copies: %w", err)
	}
	return origin, nil
}

// SplitLeave adds up the leave that is in force, by the first of each family.
func (s *Store) SplitLeave(ctx context.Context, school model.SchoolID, now time.Time) (map[string]int, error) {
	type leave struct {
		origin string
		more   int
	}
	all, err := collect(ctx, s.reader, func(row scanner) (l leave, err error) { return l, row.Scan(&l.origin, &l.more) },
		`SELECT origin, CAST(SUM(more) AS BIGINT) FROM split_leave WHERE school_id = $1 AND at > $2 GROUP BY origin`, school, micros(now.Add(-model.SplitLeaveLasts)))
	if err != nil {
		return nil, fmt.Errorf("listing leave for copies: %w", err)
	}
	by := map[string]int{}
	for _, l := range all {
		by[l.origin] = l.more
	}
	return by, nil
}

// Splits lists what came of which device, the oldest first.
func (s *Store) Splits(ctx context.Context, school model.SchoolID) ([]model.CameOf, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (c model.CameOf, err error) {
		var at int64
		err = row.Scan(&c.Device, &c.Parent, &c.Origin, &at)
		c.At = moment(at)
		return c, err
	}, `SELECT device, parent, origin, at FROM splits WHERE school_id = $1 ORDER BY at, device`, school)
	if err != nil {
		return nil, fmt.Errorf("listing what came of copies: %w", err)
	}
	return all, nil
}
