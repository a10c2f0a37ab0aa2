package server

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/admin"
	"safelight/collector/audit"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// openRecord opens the record, with what waits for it taken in.
func (s *state) openRecord(ctx context.Context, now func() time.Time, log *slog.Logger, announce func()) (err error) {
	s.record, err = audit.Open(ctx, audit.Parts{Store: s.store, School: schoolID, Key: s.auditKey, Recovery: s.keys.recovery, Leave: s.leave, Now: now, Log: log, Announce: announce})
	if err != nil {
		return fmt.Errorf("opening the record: %w", err)
	}
	return nil
}

// leave is what devices were shown when the policy epoch in force began.
func (s *state) leave(ctx context.Context) (text, signature []byte, err error) {
	v, published, err := s.store.LatestPolicy(ctx, schoolID)
	if err != nil || !published || v.Epoch < 2 || len(v.Signature) < ed25519.SignatureSize {
		return nil, nil, err // whoever is to publish next says what is wrong with it
	}
	signed := &safelightv1.SignedManifest{} // behind the signing key's: policy.Publisher writes it so
	if err := proto.Unmarshal(v.Signature[ed25519.SignatureSize:], signed); err != nil {
		return nil, nil, fmt.Errorf("reading by what leave policy epoch %d began: %w", v.Epoch, err)
	}
	return signed.GetEpochGrant(), signed.GetRecoverySignature(), nil
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
type verbsOn struct {
	log      *audit.Log
	recovery string // where the recovery key lies until it is taken offline
}

func (v verbsOn) Verify(ctx context.Context, held map[string][]byte) (admin.AuditReport, error) {
	var all []audit.Held
	for _, who := range slices.Sorted(maps.Keys(held)) {
		all = append(all, audit.Held{Who: who, Note: held[who]})
	}
	r, err := v.log.Verify(ctx, all...)
	report := admin.AuditReport{
		Records: r.Records, Erased: r.Erased, Root: r.Root, Signed: r.Signed, Newest: r.Newest, Held: r.Held, Problems: r.Problems,
	}
	for _, one := range r.Restores {
		report.Restores = append(report.Restores, restoreOf(one))
	}
	return report, err
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

func (v verbsOn) RecoveryKey() string { return v.log.RecoveryID() }

func (v verbsOn) AcceptRestore(ctx context.Context, from int64, recovery string, by model.Actor, kept []byte) (admin.AuditRestore, error) {
	key, err := pki.LoadKey(cmp.Or(recovery, v.recovery))
	if err != nil {
		return admin.AuditRestore{}, fmt.Errorf("accepting a restore: it takes the recovery key: %w; give --recovery with the file recovery.key that was taken offline", err)
	}
	if from < 0 {
		from = audit.LastRestore
	}
	r, err := v.log.AcceptRestore(ctx, from, key, by, kept)
	return restoreOf(r), err
}

func restoreOf(r audit.Restore) admin.AuditRestore {
	return admin.AuditRestore{From: r.From, Restored: r.Until, At: r.At, By: r.By, Reason: r.Reason, Accepted: r.Accepted, Missing: r.Missing}
}

func (v verbsOn) Proofs(ctx context.Context, size int64) ([]admin.AuditProof, error) {
	proofs, err := v.log.Proofs(ctx, size)
	all := make([]admin.AuditProof, 0, len(proofs))
	for _, p := range proofs {
		one := admin.AuditProof{Size: p.Size, Of: p.Of, Checkpoint: string(p.Note), Hashes: [][]byte{}, Devices: p.Devices}
		for _, h := range p.Hashes {
			one.Hashes = append(one.Hashes, h[:])
		}
		all = append(all, one)
	}
	return all, err
}
