package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const insertCheckSQL = `INSERT INTO checks (school_id, device, check_id, spool_epoch, lane, seq, digest, began, received, cause, request, of_filter, body)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
	ON CONFLICT (school_id, device, check_id) DO NOTHING`

// check stores a device's check, and what changed on the device since the one
// before. It makes nothing pending: nobody is ever told of a check as of an event.
func (a *appender) check(c *model.Check) (model.Stored, error) {
	c.School = a.school
	body, err := json.Marshal(c.CheckBody)
	if err != nil {
		return 0, err
	}
	before, known, err := newestCheck(a.ctx, a.tx, a.school, c.Device)
	if err != nil {
		return 0, err
	}
	added, err := affected(a.tx.ExecContext(a.ctx, insertCheckSQL, a.school, c.Device, c.ID[:], blob(c.Place.SpoolEpoch), int64(c.Place.Lane),
		int64(c.Place.Seq), blob(c.Digest), micros(c.Began), micros(c.Received), string(c.Cause), c.Request, flag(c.OfFilter()), body))
	if err != nil {
		return 0, err
	}
	if !added {
		return a.checkAgain(c)
	}
	if c.OfFilter() {
		return model.StoredNew, nil
	}
	if known && c.Began.After(before.Began) {
		if err := raiseReviews(a.ctx, a.tx, a.school, before, *c); err != nil {
			return 0, err
		}
	}
	return model.StoredNew, a.newNetworks(c)
}

// newNetworks calls for reviews of the school's sites, each once a day for a device:
// its word is taken, and is no way to write what it likes on IT's page.
func (a *appender) newNetworks(c *model.Check) error {
	for _, site := range c.NewNetworks {
		var due int
		err := a.tx.QueryRowContext(a.ctx, `SELECT COUNT(*) FROM sites s WHERE s.school_id = $1 AND s.name = $2 AND NOT EXISTS (
			SELECT 1 FROM check_reviews r WHERE r.school_id = $1 AND r.device = $3 AND r.what = 'new-network' AND r.is_now = $2 AND r.raised > $4)`,
			a.school, site, c.Device, micros(c.Received.Add(-24*time.Hour))).Scan(&due)
		if err == nil && due > 0 {
			err = raiseReview(a.ctx, a.tx, a.school, *c, "new-network", "", site)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *appender) checkAgain(c *model.Check) (model.Stored, error) {
	var kept []byte
	err := a.tx.QueryRowContext(a.ctx, `SELECT digest FROM checks WHERE school_id = $1 AND device = $2 AND check_id = $3`, a.school, c.Device, c.ID[:]).Scan(&kept)
	if err != nil {
		return 0, fmt.Errorf("comparing with what is stored: %w", err)
	}
	return a.again(bytes.Equal(kept, c.Digest), c.Device, c.ID[:], c.Received)
}

const checkColumns = `device, check_id, spool_epoch, lane, seq, digest, began, received, cause, request, body`

func scanCheck(row scanner) (c model.Check, err error) {
	var id, body []byte
	var lane, seq, began, received int64
	if err := row.Scan(&c.Device, &id, &c.Place.SpoolEpoch, &lane, &seq, &c.Digest, &began, &received, &c.Cause, &c.Request, &body); err != nil {
		return c, err
	}
	copy(c.ID[:], id)
	c.Place.Lane, c.Place.Seq = event.Severity(lane), uint64(seq)
	c.Began, c.Received = moment(began), moment(received)
	return c, json.Unmarshal(body, &c.CheckBody)
}

func newestCheck(ctx context.Context, q querier, school model.SchoolID, device string) (c model.Check, known bool, err error) {
	c, err = scanCheck(q.QueryRowContext(ctx, `SELECT `+checkColumns+` FROM checks
		WHERE school_id = $1 AND of_filter = 0 AND device = $2 ORDER BY received DESC, began DESC LIMIT 1`, school, device))
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	c.School = school
	return c, err == nil, err
}

// raiseReviews notes what changed on a device that calls for a review (D7): its
// system's version, the kernel's apart, and browsers that were not there.
func raiseReviews(ctx context.Context, tx *sql.Tx, school model.SchoolID, before, now model.Check) error {
	raise := func(what, was, is string) error { return raiseReview(ctx, tx, school, now, what, was, is) }
	was, _, _ := strings.Cut(before.System, ", kernel ")
	is, _, _ := strings.Cut(now.System, ", kernel ")
	if was != is && was != "" && is != "" {
		if err := raise("system", was, is); err != nil {
			return err
		}
	}
	for _, b := range now.Browsers {
		if !slices.Contains(before.Browsers, b) {
			if err := raise("browser", "", b); err != nil {
				return err
			}
		}
	}
	return nil
}

func raiseReview(ctx context.Context, tx *sql.Tx, school model.SchoolID, now model.Check, what, was, is string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO check_reviews (school_id, device, what, was, is_now, raised) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (school_id, device, what, is_now, raised) DO NOTHING`, school, now.Device, what, was, is, micros(now.Received))
	return err
}

// LatestChecks reads each device's newest check of its monitoring.
func (s *Store) LatestChecks(ctx context.Context, school model.SchoolID) (map[string]model.Check, error) {
	all, err := collect(ctx, s.reader, scanCheck, `SELECT `+checkColumns+` FROM checks c WHERE c.school_id = $1 AND c.of_filter = 0
		AND c.received = (SELECT MAX(n.received) FROM checks n WHERE n.school_id = $1 AND n.of_filter = 0 AND n.device = c.device)
		ORDER BY c.began`, school)
	if err != nil {
		return nil, fmt.Errorf("reading devices' newest checks: %w", err)
	}
	latest := make(map[string]model.Check, len(all))
	for _, c := range all {
		c.School = school
		latest[c.Device] = c // of two that came at once the later one
	}
	return latest, nil
}

// ChecksBetween lists the checks received from one time up to another, oldest
// first.
func (s *Store) ChecksBetween(ctx context.Context, school model.SchoolID, from, to time.Time) ([]model.Check, error) {
	all, err := collect(ctx, s.reader, scanCheck, `SELECT `+checkColumns+` FROM checks
		WHERE school_id = $1 AND received >= $2 AND received < $3 ORDER BY received, device, seq`, school, micros(from), micros(to))
	if err != nil {
		return nil, fmt.Errorf("listing checks: %w", err)
	}
	for i := range all {
		all[i].School = school
	}
	return all, nil
}

// Answered lists, by request, the devices that have answered since a time.
func (s *Store) Answered(ctx context.Context, school model.SchoolID, since time.Time) (map[string]map[string]bool, error) {
	answered := map[string]map[string]bool{}
	_, err := collect(ctx, s.reader, func(row scanner) (struct{}, error) {
		var request, device string
		if err := row.Scan(&request, &device); err != nil {
			return struct{}{}, err
		}
		if answered[request] == nil {
			answered[request] = map[string]bool{}
		}
		answered[request][device] = true
		return struct{}{}, nil
	}, `SELECT DISTINCT request, device FROM checks WHERE school_id = $1 AND received >= $2 AND request <> ''`, school, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing who answered requests to check: %w", err)
	}
	return answered, nil
}
