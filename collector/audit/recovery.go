package audit

import (
	"context"
	"fmt"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// The record names the recovery key early in its life, so that whoever replaces
// the key's public half later, to accept a restore of their own, has to replace
// what devices hold checkpoints of.
const (
	whatRecovery = "key.recovery"
	refRecovery  = "recovery-key"
)

// RecoveryID names the recovery key, as it stands in the record; empty: there is
// none.
func (l *Log) RecoveryID() string {
	if l.Recovery == nil {
		return ""
	}
	id, err := pki.KeyID(l.Recovery)
	if err != nil {
		return "" // an Ed25519 key always has one
	}
	return id
}

// nameRecovery puts the recovery key's name on record, once.
func (l *Log) nameRecovery(ctx context.Context) error {
	if l.Recovery == nil {
		return nil
	}
	rows, err := l.Store.AuditRowsOf(ctx, l.School, refRecovery)
	if err != nil || len(rows) > 0 {
		return err
	}
	return l.Record(ctx, model.AuditRecord{At: l.Now(), Actor: model.ActorOf(ctx).Who, What: whatRecovery, Ref: refRecovery, Outcome: l.RecoveryID()})
}

// recoveryReplaced says whether the recovery key is another than the record
// first named.
func (l *Log) recoveryReplaced(ctx context.Context) (string, error) {
	rows, err := l.Store.AuditRowsOf(ctx, l.School, refRecovery)
	if err != nil || l.Recovery == nil {
		return "", err
	}
	for _, row := range rows {
		said, err := Decode(row.Record)
		if err != nil || said.What != whatRecovery {
			continue
		}
		if said.Outcome != l.RecoveryID() {
			return fmt.Sprintf("the recovery key is %s and record %d names %s: its public half (policy-recovery.pub) was replaced", l.RecoveryID(), row.Index, said.Outcome), nil
		}
		return "", nil
	}
	return "", nil
}
