package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"safelight/collector/admin"
	"safelight/collector/audit"
	"safelight/collector/model"
	"safelight/collector/store"
)

// openRecord opens the record, with what waits for it taken in.
func (s *state) openRecord(ctx context.Context, now func() time.Time, log *slog.Logger, announce func()) (err error) {
	s.record, err = audit.Open(ctx, audit.Parts{Store: s.store, School: schoolID, Key: s.auditKey, Now: now, Log: log, Announce: announce})
	if err != nil {
		return fmt.Errorf("opening the record: %w", err)
	}
	return nil
}

// recorded is the store as people reach it: whatever they look at goes on record.
type recorded struct {
	*store.Store
	looks
}

type looks interface {
	RecordAccess(ctx context.Context, a model.Access) error
}

func (s *state) recorded() recorded { return recorded{s.store, s.record} }

// verbsOn is the record as the verbs see it.
type verbsOn struct{ log *audit.Log }

func (v verbsOn) Verify(ctx context.Context, held map[string][]byte) (admin.AuditReport, error) {
	var all []audit.Held
	for _, who := range slices.Sorted(maps.Keys(held)) {
		all = append(all, audit.Held{Who: who, Note: held[who]})
	}
	r, err := v.log.Verify(ctx, all...)
	return admin.AuditReport(r), err
}

func (v verbsOn) Rows(ctx context.Context, from int64, limit int) ([]admin.AuditRow, error) {
	rows, err := v.log.Rows(ctx, from, limit)
	all := make([]admin.AuditRow, 0, len(rows))
	for _, r := range rows {
		all = append(all, admin.AuditRow(r))
	}
	return all, err
}

func (v verbsOn) Checkpoints(ctx context.Context, over int64, limit int) ([]model.AuditCheckpoint, error) {
	return v.log.Store.AuditCheckpoints(ctx, schoolID, over, limit)
}

func (v verbsOn) Erase(ctx context.Context, index int64, by model.Actor) error {
	return v.log.Erase(ctx, index, by)
}

func (v verbsOn) Record(ctx context.Context, r model.AuditRecord) error { return v.log.Record(ctx, r) }

func (v verbsOn) Key() string { return v.log.Key() }
