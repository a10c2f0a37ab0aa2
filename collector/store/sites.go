package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// SetSite adds a site, or changes it.
func (s *Store) SetSite(ctx context.Context, school model.SchoolID, site model.Site, now time.Time, sign model.MakeOverlay) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO sites (school_id, name, networks, resolvers, unfiltered, changed) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (school_id, name) DO UPDATE SET networks = excluded.networks, resolvers = excluded.resolvers,
				unfiltered = excluded.unfiltered, changed = excluded.changed`,
			school, site.Name, strings.Join(site.Networks, " "), strings.Join(site.Resolvers, " "), flag(site.Unfiltered), micros(now))
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%d networks, %d resolvers", len(site.Networks), len(site.Resolvers))
		if site.Unfiltered {
			what += ", no filter"
		}
		if err := note(ctx, tx, school, model.AuditRecord{At: now, What: "site.set", Ref: "site:" + site.Name, Outcome: what}); err != nil {
			return err
		}
		return s.sitesOverlay(ctx, tx, school, now, sign)
	})
	if err != nil {
		return fmt.Errorf("setting site: %w", err)
	}
	return nil
}

// RemoveSite takes a site away; its devices are then of a site that says nothing.
func (s *Store) RemoveSite(ctx context.Context, school model.SchoolID, name string, now time.Time, sign model.MakeOverlay) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		err := changedOne(tx.ExecContext(ctx, `DELETE FROM sites WHERE school_id = $1 AND name = $2`, school, name))
		if err != nil {
			return err
		}
		if err := note(ctx, tx, school, model.AuditRecord{At: now, What: "site.remove", Ref: "site:" + name}); err != nil {
			return err
		}
		return s.sitesOverlay(ctx, tx, school, now, sign)
	})
	if err != nil {
		return fmt.Errorf("removing site: %w", err)
	}
	return nil
}

func (s *Store) sitesOverlay(ctx context.Context, tx *sql.Tx, school model.SchoolID, now time.Time, sign model.MakeOverlay) error {
	return s.remakeOverlay(ctx, tx, school, model.OverlaySites, now, sign, func(in *model.OverlayInput) (err error) {
		in.Sites, err = listSites(ctx, tx, school)
		return err
	})
}

// Sites lists a school's sites by name.
func (s *Store) Sites(ctx context.Context, school model.SchoolID) ([]model.Site, error) {
	sites, err := listSites(ctx, s.reader, school)
	if err != nil {
		return nil, fmt.Errorf("listing sites: %w", err)
	}
	return sites, nil
}

func listSites(ctx context.Context, q querier, school model.SchoolID) ([]model.Site, error) {
	return collect(ctx, q, func(row scanner) (site model.Site, err error) {
		var networks, resolvers string
		var unfiltered, changed int64
		err = row.Scan(&site.Name, &networks, &resolvers, &unfiltered, &changed)
		site.Networks, site.Resolvers = strings.Fields(networks), strings.Fields(resolvers)
		site.Unfiltered, site.Changed = unfiltered != 0, moment(changed)
		return site, err
	}, `SELECT name, networks, resolvers, unfiltered, changed FROM sites WHERE school_id = $1 ORDER BY name`, school)
}

// SetTimetable takes over a school's hours.
func (s *Store) SetTimetable(ctx context.Context, school model.SchoolID, v model.TimetableVersion, sign model.MakeOverlay) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO timetables (school_id, name, source, imported) VALUES ($1, $2, $3, $4)
			ON CONFLICT (school_id) DO UPDATE SET name = excluded.name, source = excluded.source, imported = excluded.imported`,
			school, v.Name, blob(v.Source), micros(v.Imported))
		if err != nil {
			return err
		}
		if err := note(ctx, tx, school, model.AuditRecord{At: v.Imported, What: "timetable.import", Ref: "timetable:" + v.Name}); err != nil {
			return err
		}
		return s.remakeOverlay(ctx, tx, school, model.OverlayTimetable, v.Imported, sign, func(in *model.OverlayInput) error {
			in.Timetable = &v
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("importing timetable: %w", err)
	}
	return nil
}

// Timetable reads a school's hours, as they were imported.
func (s *Store) Timetable(ctx context.Context, school model.SchoolID) (model.TimetableVersion, bool, error) {
	v, err := readTimetable(ctx, s.reader, school)
	if errors.Is(err, sql.ErrNoRows) {
		return model.TimetableVersion{}, false, nil
	}
	if err != nil {
		return model.TimetableVersion{}, false, fmt.Errorf("reading timetable: %w", err)
	}
	return v, true, nil
}

func readTimetable(ctx context.Context, q querier, school model.SchoolID) (v model.TimetableVersion, err error) {
	var imported int64
	err = q.QueryRowContext(ctx, `SELECT name, source, imported FROM timetables WHERE school_id = $1`, school).Scan(&v.Name, &v.Source, &imported)
	v.Imported = moment(imported)
	return v, err
}
