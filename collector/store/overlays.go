package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"safelight/collector/model"
)

// remakeOverlay makes an overlay anew in the transaction that changed what is in
// it, and says so to every collector. Its serial goes by the clock, above the last
// one: where an older database was put back, the next one is still newer than what
// devices hold.
func (s *Store) remakeOverlay(ctx context.Context, tx *sql.Tx, school model.SchoolID, name string, now time.Time, sign model.MakeOverlay, fill func(*model.OverlayInput) error) error {
	if err := s.dialect.aloneInTx(ctx, tx, "overlays "+string(school)); err != nil {
		return err
	}
	in := model.OverlayInput{Name: name, Serial: uint64(now.UnixMilli())}
	if err := fill(&in); err != nil {
		return err
	}
	var last int64
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(serial), 0) FROM overlays WHERE school_id = $1 AND name = $2`, school, name).Scan(&last)
	if err != nil {
		return err
	}
	in.Serial = max(in.Serial, uint64(last)+1)
	o, err := sign(in, now)
	if err != nil {
		return fmt.Errorf("making the overlay %s: %w", name, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO overlays (school_id, name, serial, issued, expires, body, key_id, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (school_id, name) DO UPDATE SET serial = excluded.serial,
			issued = excluded.issued, expires = excluded.expires, body = excluded.body, key_id = excluded.key_id, signature = excluded.signature`,
		school, name, int64(o.Serial), micros(o.Issued), micros(o.Expires), blob(o.Body), o.KeyID, blob(o.Signature))
	if err != nil {
		return err
	}
	return bump(ctx, tx, school, TopicOverlays)
}

// RemakeOverlay makes an overlay anew of what is stored: because it was signed by
// a key that is not the present one, or comes to its end. One of which nothing is
// stored is left.
func (s *Store) RemakeOverlay(ctx context.Context, school model.SchoolID, name string, now time.Time, sign model.MakeOverlay) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		return s.remakeOverlay(ctx, tx, school, name, now, sign, func(in *model.OverlayInput) (err error) {
			switch name {
			case model.OverlayExemptions:
				in.Exemptions, err = liveExemptions(ctx, tx, school, now)
			case model.OverlaySites:
				in.Sites, err = listSites(ctx, tx, school)
			case model.OverlayTimetable:
				var v model.TimetableVersion
				v, err = readTimetable(ctx, tx, school)
				in.Timetable = &v
			default:
				err = fmt.Errorf("there is no overlay %q", name)
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("making an overlay anew: %w", err)
	}
	return nil
}

// Overlays reads the newest overlay of each name.
func (s *Store) Overlays(ctx context.Context, school model.SchoolID) ([]model.Overlay, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (o model.Overlay, err error) {
		var serial, issued, expires int64
		err = row.Scan(&o.Name, &serial, &issued, &expires, &o.Body, &o.KeyID, &o.Signature)
		o.Serial, o.Issued, o.Expires = uint64(serial), moment(issued), moment(expires)
		return o, err
	}, `SELECT name, serial, issued, expires, body, key_id, signature FROM overlays WHERE school_id = $1 ORDER BY name`, school)
	if err != nil {
		return nil, fmt.Errorf("reading overlays: %w", err)
	}
	return all, nil
}
