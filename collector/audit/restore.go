package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// The kinds of record that a restore leaves, and what both are filed under.
const (
	whatRestore = "audit.restore"
	whatAccept  = "audit.accept-restore"
	refRestore  = "restore"
)

// Restore is where the record was taken up again from an older copy of itself.
// A checkpoint of what the copy did not have, signed in the time between, tells
// of nothing worse than what a person has accepted. Everything else does: what
// was signed before the copy was made, or after the record was taken up again,
// is of another loss, and so is what is over more records than anybody was known
// to hold a checkpoint of: the times are the collector's own word, and its clock
// can be set back.
type Restore struct {
	From     int64     // how many records the copy had
	Upto     int64     // over how many the largest checkpoint was that a device held then; 0: none said
	After    time.Time // when its newest checkpoint was signed
	Until    time.Time // when the first one after it was
	At       time.Time // when it was accepted, or, if it was not, restored
	By       string    // an actor
	Reason   string
	Accepted bool
	Missing  int64 // records of the old tree that somebody's checkpoint knows of

	index int64 // of its record
	said  model.AuditRecord
	sig   []byte
}

func (r *Restore) covers(c checkpoint) bool {
	return r.Accepted && c.size > r.From && (r.Upto == 0 || c.size <= r.Upto) && r.within(c)
}

func (r *Restore) within(c checkpoint) bool {
	return !c.at.Before(r.After) && !c.at.After(r.Until)
}

// text is what the recovery key signs: which record, from where, and who says
// why.
func (r *Restore) text(s *seal, root tlog.Hash) []byte {
	said := r.said
	said.Outcome = ""
	return fmt.Appendf(nil, "%s\n%s\n%d\n%d\n%s\n%s\n%s\n%s\n", s.Name(), s.text, r.From, r.Upto, base64.StdEncoding.EncodeToString(root[:]),
		r.After.UTC().Format(stamp), r.Until.UTC().Format(stamp), Encode(said))
}

// outcome is how an acceptance stands in its record; parseRestore reads it.
func (r *Restore) outcome() string {
	return fmt.Sprintf("%d %d %s %s %s", r.From, r.Upto, r.After.UTC().Format(stamp), r.Until.UTC().Format(stamp), base64.StdEncoding.EncodeToString(r.sig))
}

// parseRestore reads the record of a restore or of its acceptance. Whether the
// recovery key signed it is still to be seen.
func parseRestore(index int64, said model.AuditRecord) (*Restore, error) {
	r := &Restore{index: index, said: said, At: said.At, By: said.Actor, Reason: said.Reason, Accepted: said.What == whatAccept}
	if !r.Accepted {
		if _, err := fmt.Sscanf(said.Outcome, "%d", &r.From); err != nil || r.From < 0 {
			return nil, fmt.Errorf("it does not say from where: %q", said.Outcome)
		}
		r.Until = said.At
		return r, nil
	}
	parts := strings.Split(said.Outcome, " ")
	if len(parts) != 5 {
		return nil, errors.New("it is not in the form of an acceptance")
	}
	_, err := fmt.Sscanf(parts[0]+" "+parts[1], "%d %d", &r.From, &r.Upto)
	for i, to := range []*time.Time{&r.After, &r.Until} {
		if err == nil {
			*to, err = time.Parse(stamp, parts[i+2])
		}
	}
	if err == nil {
		r.sig, err = base64.StdEncoding.DecodeString(parts[4])
	}
	if err == nil && (r.From < 0 || r.Upto != 0 && r.Upto <= r.From) {
		err = errors.New("it ends before it begins")
	}
	if err == nil && r.outcome() != said.Outcome {
		err = errors.New("it is written in another way than we write")
	}
	return r, err
}

// Restored puts on record that the record was taken up again from a copy that
// had so many records. Whether that was right, a person says: AcceptRestore.
func (l *Log) Restored(ctx context.Context, from int64, by model.Actor) error {
	return l.Record(ctx, model.AuditRecord{
		At: l.Now(), Actor: by.Who, Via: by.Via, What: whatRestore, Ref: refRestore, Reason: by.Reason, Outcome: fmt.Sprint(from),
	})
}

// LastRestore asks AcceptRestore for the newest restore on record.
const LastRestore = -1

// AcceptRestore puts on record that a person accepts a restore: what others'
// checkpoints know of beyond the copy is missing and will stay so. from is how
// many records the copy had, or LastRestore. It takes the recovery key, which is
// not on the server: who rolls the record back there in silence cannot have it
// look accepted. kept, where not nil, is a checkpoint of what was lost that was kept
// elsewhere: the acceptance then covers that many records and no more, though no
// device has said what it holds.
func (l *Log) AcceptRestore(ctx context.Context, from int64, recovery crypto.Signer, by model.Actor, kept []byte) (Restore, error) {
	r, err := l.accept(ctx, from, recovery, by, kept)
	if err != nil {
		return Restore{}, fmt.Errorf("accepting a restore: %w", err)
	}
	return *r, nil
}

func (l *Log) accept(ctx context.Context, from int64, recovery crypto.Signer, by model.Actor, kept []byte) (*Restore, error) {
	if strings.TrimSpace(by.Reason) == "" {
		return nil, errors.New("give a reason; it is kept")
	}
	pub, ok := recovery.Public().(ed25519.PublicKey)
	if !ok || l.Recovery == nil || !pub.Equal(l.Recovery) {
		return nil, errors.New("the key given is not this school's recovery key (recovery.key, which was taken offline)")
	}
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	if from == LastRestore {
		last, err := l.lastRestore(ctx)
		if err != nil {
			return nil, err
		}
		from = last.From
	}
	r := &Restore{From: from, At: l.Now().UTC().Truncate(time.Microsecond), By: by.Who, Reason: by.Reason, Accepted: true}
	if err := l.named(ctx, from); err != nil {
		return nil, err
	}
	if err := l.bounds(ctx, r); err != nil {
		return nil, err
	}
	if err := l.reach(ctx, r); err != nil {
		return nil, err
	}
	if err := l.reachKept(r, kept); err != nil {
		return nil, err
	}
	root, err := l.rootAt(ctx, from)
	if err != nil {
		return nil, err
	}
	r.said = model.AuditRecord{At: r.At, Actor: by.Who, Via: by.Via, What: whatAccept, Ref: refRestore, Reason: by.Reason}
	if r.sig, err = pki.Sign(recovery, pki.RestoreContext, r.text(l.seal, root)); err != nil {
		return nil, err
	}
	r.said.Outcome = r.outcome()
	return r, l.Record(ctx, r.said)
}

func (l *Log) lastRestore(ctx context.Context) (*Restore, error) {
	all, err := l.restores(ctx)
	if err != nil {
		return nil, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].Accepted && all[i].problem == "" {
			return all[i].Restore, nil
		}
	}
	return nil, errors.New("no restore is on record; if the database was put back by hand, say with --from how many records it then had (`audit verify` says it beside the checkpoint that is missing)")
}

// bounds finds between which times what was lost was signed: by the copy's
// newest checkpoint and the first one that came after it.
func (l *Log) bounds(ctx context.Context, r *Restore) error {
	r.After = time.Unix(0, 0).UTC()
	if r.From > 0 {
		at, err := l.Store.AuditCheckpoints(ctx, l.School, r.From-1, 1)
		if err != nil {
			return err
		}
		if len(at) == 0 || at[0].Size != r.From {
			return fmt.Errorf("no checkpoint was signed over %d records: give the number of records that the restored database had", r.From)
		}
		c, err := l.seal.open(at[0].Note)
		if err != nil {
			return fmt.Errorf("the checkpoint over %d records is %w", r.From, err)
		}
		r.After = c.at
	}
	r.Until = r.At
	next, err := l.Store.AuditCheckpoints(ctx, l.School, r.From, 1)
	if err != nil || len(next) == 0 {
		return err
	}
	c, err := l.seal.open(next[0].Note)
	if err != nil {
		return fmt.Errorf("the checkpoint over %d records is %w", next[0].Size, err)
	}
	r.Until = c.at
	return nil
}

// reach finds how far the lost tree went, as far as devices have said.
func (l *Log) reach(ctx context.Context, r *Restore) error {
	witnesses, err := l.Store.Witnesses(ctx, l.School)
	if err != nil {
		return err
	}
	for _, w := range witnesses {
		if c, err := l.seal.open(w.Note); err == nil && c.size > r.From && r.within(c) {
			r.Upto = max(r.Upto, c.size)
			r.Missing = r.Upto - r.From
		}
	}
	return nil
}

// reachKept takes in a checkpoint that was kept elsewhere. One that is not of what
// was lost between the copy and the restore is refused: the restore would not
// explain it, whatever anybody accepts.
func (l *Log) reachKept(r *Restore, kept []byte) error {
	if kept == nil {
		return nil
	}
	c, err := l.seal.open(kept)
	if err != nil {
		return fmt.Errorf("the checkpoint given is %w", err)
	}
	if c.size <= r.From || !r.within(c) {
		return fmt.Errorf("the checkpoint given, over %d records and of %s, is not of what this restore lost: that is what came after record %d, from %s to %s",
			c.size, c.at.Format(time.RFC3339), r.From, r.After.Format(time.RFC3339), r.Until.Format(time.RFC3339))
	}
	r.Upto = max(r.Upto, c.size)
	r.Missing = r.Upto - r.From
	return nil
}

// rootAt is the root of the tree when it had so many records.
func (l *Log) rootAt(ctx context.Context, size int64) (tlog.Hash, error) {
	if size == 0 {
		var t tree
		return t.root(), nil
	}
	return tlog.TreeHash(size, l.hashes(ctx))
}

// hashes reads the tree's stored hashes.
func (l *Log) hashes(ctx context.Context) hashReader {
	return hashReader{stored: func(index int64) ([]byte, error) { return l.Store.AuditHash(ctx, l.School, index) }}
}

// restoreFound is a restore on record, and what is wrong with its record.
type restoreFound struct {
	*Restore
	problem string
}

// restores reads every restore on record and every acceptance, oldest first. An
// acceptance that the recovery key did not sign is none, and a problem.
func (l *Log) restores(ctx context.Context) ([]restoreFound, error) {
	rows, err := l.Store.AuditRowsOf(ctx, l.School, refRestore)
	if err != nil {
		return nil, err
	}
	var all []restoreFound
	for _, row := range rows {
		said, err := Decode(row.Record)
		if row.Erased != "" || err != nil || said.What != whatRestore && said.What != whatAccept {
			continue // verifying says what is wrong with it
		}
		f := restoreFound{}
		if f.Restore, err = parseRestore(row.Index, said); err == nil && f.Accepted {
			err = l.signedByRecovery(ctx, f.Restore)
		}
		if err != nil {
			f = restoreFound{&Restore{}, fmt.Sprintf("record %d is no valid acceptance of a restore: %v", row.Index, err)}
		}
		all = append(all, f)
	}
	return all, nil
}

func (l *Log) signedByRecovery(ctx context.Context, r *Restore) error {
	if r.From > r.index {
		return fmt.Errorf("it is of %d records and stands before them", r.From)
	}
	if err := l.named(ctx, r.From); err != nil {
		return err
	}
	root, err := l.rootAt(ctx, r.From)
	if err != nil {
		return err
	}
	if !pki.Verify(l.Recovery, pki.RestoreContext, r.text(l.seal, root), r.sig) {
		return errors.New("the school's recovery key did not sign it")
	}
	return nil
}

// accepted lists the restores that a person has accepted.
func (l *Log) accepted(ctx context.Context) ([]*Restore, error) {
	found, err := l.restores(ctx)
	var all []*Restore
	for _, f := range found {
		if f.problem == "" && f.Accepted {
			all = append(all, f.Restore)
		}
	}
	return all, err
}
