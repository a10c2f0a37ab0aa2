package audit

import (
	"context"
	"errors"
	"fmt"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// The record names the recovery key at its beginning, so that whoever replaces
// the key's public half later, to accept a restore of their own, has to replace
// what devices hold checkpoints of. A name that comes later is worth nothing: by
// then a server's owner may have had a reason.
const (
	whatRecovery = "key.recovery"
	refRecovery  = "recovery-key"
	// firstRecords is where the name may stand: behind what waited in the outbox
	// when the record was first opened, which is one batch.
	firstRecords = maxBatch + 1
)

// naming is a record that names the recovery key.
type naming struct {
	index int64
	id    string
}

// errUnnamed says that the record's beginning names no recovery key.
var errUnnamed = fmt.Errorf("none of the record's first %d records names a recovery key", firstRecords)

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

// naming finds how the record's beginning names the recovery key. It does not
// trust the rows' own references, and nothing that stands behind a record whose
// text is gone: that one may have named another key. problem says why the record
// names none that can be relied on; seen is how many records it looked at.
func (l *Log) naming(ctx context.Context) (n naming, seen int, problem, err error) {
	rows, err := l.Store.AuditRows(ctx, l.School, 0, firstRecords)
	if err != nil {
		return n, 0, nil, err
	}
	for _, row := range rows {
		if row.Erased != "" || !matches(row) {
			return n, len(rows), fmt.Errorf("record %d has no text, or another than it had, and none before it names a recovery key: it may be the one that did", row.Index), nil
		}
		said, err := Decode(row.Record)
		if err == nil && said.What == whatRecovery {
			return naming{row.Index, said.Outcome}, len(rows), nil, nil
		}
	}
	return n, len(rows), errUnnamed, nil
}

// nameRecovery puts the recovery key's name on record, once and at its beginning.
func (l *Log) nameRecovery(ctx context.Context) error {
	if l.Recovery == nil {
		return nil
	}
	_, seen, problem, err := l.naming(ctx)
	if err != nil || problem == nil {
		return err
	}
	if seen >= firstRecords || !errors.Is(problem, errUnnamed) {
		l.Log.ErrorContext(ctx, "the record does not name its recovery key and is too old to begin to", "error", problem.Error(), "mend", "see `audit verify`; no restore can be accepted")
		return nil
	}
	return l.Record(ctx, model.AuditRecord{At: l.Now(), Actor: model.ActorOf(ctx).Who, What: whatRecovery, Ref: refRecovery, Outcome: l.RecoveryID()})
}

// named fails where the record's beginning does not name the recovery key that
// the collector has, or names it only behind so many records.
func (l *Log) named(ctx context.Context, within int64) error {
	n, _, problem, err := l.naming(ctx)
	switch {
	case err != nil:
		return err
	case problem != nil:
		return problem
	case n.id != l.RecoveryID():
		return l.replaced(n)
	case within <= n.index:
		return fmt.Errorf("it goes back to %d records, and the recovery key is named by record %d: a record that is begun anew has nothing to accept", within, n.index)
	}
	return nil
}

func (l *Log) replaced(n naming) error {
	return fmt.Errorf("the recovery key is %s and record %d names %s: its public half (policy-recovery.pub) was replaced", l.RecoveryID(), n.index, n.id)
}

// checkNaming finds that the recovery key is not the one that the record named at
// its beginning, or that devices began a policy epoch by.
func (v *verifier) checkNaming(ctx context.Context) error {
	l := v.log
	if l.Recovery == nil {
		return nil
	}
	first, _, problem, err := l.naming(ctx)
	switch {
	case err != nil:
		return err
	case problem != nil:
		v.found("%v", problem)
	case first.id != l.RecoveryID():
		v.found("%v", l.replaced(first))
	}
	for _, n := range v.namings {
		if n.id != first.id {
			v.found("record %d names %s as the recovery key, which the record's beginning does not", n.index, n.id)
		}
	}
	if l.Leave == nil {
		return nil
	}
	text, signature, err := l.Leave(ctx)
	if err != nil {
		return err
	}
	if len(text) > 0 && !pki.Verify(l.Recovery, pki.EpochContext, text, signature) {
		v.found("the recovery key is %s, and the policy epoch in force began by leave of another: its public half (policy-recovery.pub) was replaced", l.RecoveryID())
	}
	return nil
}
