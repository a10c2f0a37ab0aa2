package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"safelight/collector/model"
)

// issuedChunk is how many devices of an export one transaction lays down.
const issuedChunk = 300

// PlanInventory says what an import of an export would change, and changes
// nothing.
func (s *Store) PlanInventory(ctx context.Context, school model.SchoolID, in model.Inventory, now time.Time) (model.InventoryChange, error) {
	_, change, err := s.planInventory(ctx, school, in, now)
	return change, err
}

// planInventory returns the rows that are to be in force: the export's, and those
// that it no longer has, marked.
func (s *Store) planInventory(ctx context.Context, school model.SchoolID, in model.Inventory, now time.Time) ([]model.Issued, model.InventoryChange, error) {
	was, err := s.issuedOf(ctx, school, in.Source)
	if err != nil {
		return nil, model.InventoryChange{}, err
	}
	change := model.InventoryChange{Devices: len(in.Devices)}
	detail := func(d model.Issued, what string) {
		change.Details = append(change.Details, model.InventoryDetail{Key: d.Key, Name: cmp.Or(d.Name, d.Serial), What: what})
	}
	rows := make([]model.Issued, 0, len(in.Devices))
	for _, d := range in.Devices {
		old, known := was[d.Key]
		d.Added, d.Gone = now, time.Time{}
		switch {
		case !known:
			change.Added++
			detail(d, "added")
		case !old.Gone.IsZero():
			d.Added = old.Added
			change.Back++
			detail(d, "back")
		case d.Serial != old.Serial || d.Name != old.Name || d.Kind != old.Kind || d.Site != old.Site || d.Group != old.Group:
			d.Added = old.Added
			change.Changed++
			detail(d, "changed")
		default:
			d.Added = old.Added
			change.Unchanged++
		}
		rows = append(rows, d)
		if known && old.Gone.IsZero() {
			change.Before++
		}
		delete(was, d.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(was)) { // those that the export does not have
		old := was[key]
		if old.Gone.IsZero() {
			old.Gone = now
			change.Before++
			change.Gone++
			detail(old, "gone")
		}
		rows = append(rows, old)
	}
	return rows, change, nil
}

// ImportInventory takes over what one source lists, the whole of it: what it no
// longer has is marked as gone and stays. Rows are laid down in chunks and
// switched over in one short transaction, so an export is imported whole or not at
// all; the same one again changes nothing.
func (s *Store) ImportInventory(ctx context.Context, school model.SchoolID, in model.Inventory, now time.Time) (model.InventoryChange, error) {
	rows, change, err := s.planInventory(ctx, school, in, now)
	if err != nil {
		return change, err
	}
	id := randomID()
	for chunk := range slices.Chunk(rows, issuedChunk) {
		if err := s.write(ctx, func(tx *sql.Tx) error { return stageIssued(ctx, tx, school, id, chunk) }); err != nil {
			return change, errors.Join(fmt.Errorf("importing devices: %w", err), s.sweepIssued(context.WithoutCancel(ctx), school))
		}
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO inventories (school_id, source, import, name, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (school_id, source) DO UPDATE SET import = excluded.import, name = excluded.name, at = excluded.at`,
			school, in.Source, id, in.Name, micros(now))
		if err != nil {
			return err
		}
		return note(ctx, tx, school, model.AuditRecord{
			At: now, What: "device.import", Ref: "inventory:" + in.Source,
			Outcome: fmt.Sprintf("%d devices, %d new, %d changed, %d gone, %d back", change.Devices, change.Added, change.Changed, change.Gone, change.Back),
		})
	})
	if err != nil {
		err = fmt.Errorf("importing devices: %w", err)
	}
	return change, errors.Join(err, s.sweepIssued(context.WithoutCancel(ctx), school))
}

func stageIssued(ctx context.Context, tx *sql.Tx, school model.SchoolID, id string, devices []model.Issued) error {
	for _, d := range devices {
		_, err := tx.ExecContext(ctx, `INSERT INTO issued (school_id, import, match_key, serial, name, kind, site, device_group, added, gone)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			school, id, d.Key, d.Serial, d.Name, d.Kind, d.Site, d.Group, micros(d.Added), micros(d.Gone))
		if err != nil {
			return taken(err)
		}
	}
	return nil
}

// sweepIssued removes, in chunks, the rows of imports that are not in force: earlier
// ones, and those that were cut short. Only one import runs at a time (the verbs
// and the console go through one process).
func (s *Store) sweepIssued(ctx context.Context, school model.SchoolID) error {
	for {
		var keys [][2]string
		err := s.write(ctx, func(tx *sql.Tx) (err error) {
			keys, err = collect(ctx, tx, func(row scanner) (k [2]string, err error) { return k, row.Scan(&k[0], &k[1]) },
				`SELECT import, match_key FROM issued WHERE school_id = $1
					AND import NOT IN (SELECT i.import FROM inventories i WHERE i.school_id = $1) LIMIT $2`, school, issuedChunk)
			for _, k := range keys {
				if err == nil {
					_, err = tx.ExecContext(ctx, `DELETE FROM issued WHERE school_id = $1 AND import = $2 AND match_key = $3`, school, k[0], k[1])
				}
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("sweeping earlier exports: %w", err)
		}
		if len(keys) == 0 {
			return nil
		}
	}
}

const issuedColumns = `n.source, d.match_key, d.serial, d.name, d.kind, d.site, d.device_group, d.added, d.gone`

func scanIssued(row scanner) (d model.Issued, err error) {
	var added, gone int64
	err = row.Scan(&d.Source, &d.Key, &d.Serial, &d.Name, &d.Kind, &d.Site, &d.Group, &added, &gone)
	d.Added, d.Gone = moment(added), moment(gone)
	return d, err
}

// Issued lists what the exports in force list, and what they no longer do.
func (s *Store) Issued(ctx context.Context, school model.SchoolID) ([]model.Issued, error) {
	all, err := collect(ctx, s.reader, scanIssued, `SELECT `+issuedColumns+` FROM issued d
		JOIN inventories n ON n.school_id = d.school_id AND n.import = d.import WHERE d.school_id = $1 ORDER BY n.source, d.match_key`, school)
	if err != nil {
		return nil, fmt.Errorf("listing issued devices: %w", err)
	}
	return all, nil
}

func (s *Store) issuedOf(ctx context.Context, school model.SchoolID, source string) (map[string]model.Issued, error) {
	all, err := s.Issued(ctx, school)
	if err != nil {
		return nil, err
	}
	of := map[string]model.Issued{}
	for _, d := range all {
		if d.Source == source {
			of[d.Key] = d
		}
	}
	return of, nil
}

// Inventories says which exports are in force, and since when.
func (s *Store) Inventories(ctx context.Context, school model.SchoolID) ([]model.InventoryAt, error) {
	all, err := collect(ctx, s.reader, func(row scanner) (i model.InventoryAt, err error) {
		var at int64
		err = row.Scan(&i.Source, &i.Name, &at)
		i.At = moment(at)
		return i, err
	}, `SELECT source, name, at FROM inventories WHERE school_id = $1 ORDER BY source`, school)
	if err != nil {
		return nil, fmt.Errorf("listing exports: %w", err)
	}
	return all, nil
}
