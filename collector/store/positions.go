package store

import (
	"context"
	"database/sql"
	"fmt"

	"safelight/collector/model"
	"safelight/internal/event"
)

const savePositionsSQL = `INSERT INTO positions (school_id, device, spool_epoch, lane, upto)
	SELECT $1, r.c0, r.c1, r.c2, r.c3 FROM {rows tbii} WHERE TRUE
	ON CONFLICT (school_id, device, spool_epoch, lane) DO UPDATE
	SET upto = excluded.upto WHERE excluded.upto > positions.upto`

// SavePositions notes up to where devices' lanes are held. A position never
// goes back. Give it some hundreds at a time at most: it is one transaction.
func (s *Store) SavePositions(ctx context.Context, school model.SchoolID, all []model.Position) error {
	devices, epochs, lanes, uptos := make([]string, len(all)), make([][]byte, len(all)), make([]int64, len(all)), make([]int64, len(all))
	for i, p := range all {
		devices[i], epochs[i], lanes[i], uptos[i] = p.Device, blob(p.SpoolEpoch), int64(p.Lane), int64(p.Upto)
	}
	err := s.writeLazily(ctx, func(tx *sql.Tx) error {
		b := &bound{hot: s.hot, tx: tx}
		_, err := b.execRows(ctx, savePositions, []any{string(school)}, devices, epochs, lanes, uptos)
		return err
	})
	if err != nil {
		return fmt.Errorf("saving positions: %w", err)
	}
	return nil
}

// Positions reads up to where a spool's lanes are held; a lane with nothing is
// left out.
func (s *Store) Positions(ctx context.Context, school model.SchoolID, device string, epoch []byte) ([]model.Position, error) {
	scan := func(row scanner) (model.Position, error) {
		p := model.Position{Device: device, SpoolEpoch: epoch}
		var lane, upto int64
		err := row.Scan(&lane, &upto)
		p.Lane, p.Upto = event.Severity(lane), uint64(upto)
		return p, err
	}
	all, err := collect(ctx, s.reader, scan, `SELECT lane, upto FROM positions WHERE school_id = $1 AND device = $2 AND spool_epoch = $3 ORDER BY lane`,
		string(school), device, blob(epoch))
	if err != nil {
		return nil, fmt.Errorf("reading positions: %w", err)
	}
	return all, nil
}
