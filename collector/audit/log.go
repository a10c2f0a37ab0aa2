package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"safelight/collector/model"
	"safelight/collector/store"
)

// maxBatch bounds what one transaction appends: it holds the store's one write
// connection for some milliseconds.
const maxBatch = 500

// readPrefix begins the kind of every record of a look.
const readPrefix = "read."

// errClosed says that the record takes nothing more.
var errClosed = errors.New("the record is closed")

// Parts are what a Log is built of; all but Announce, Recovery and Leave are needed.
type Parts struct {
	Store  *store.Store
	School model.SchoolID
	Key    crypto.Signer // Ed25519, for checkpoints and nothing else
	// Recovery checks that a restore was accepted; nil: none can be.
	Recovery ed25519.PublicKey
	// Leave reads by what leave of the recovery key the policy epoch in force began:
	// what was signed under pki.EpochContext, and the signature. Nothing: it is the
	// first epoch, which needs none. Nil: Verify does not look.
	Leave func(ctx context.Context) (text, signature []byte, err error)
	Now   func() time.Time
	Log   *slog.Logger
	// Announce is called when there is a new checkpoint for devices.
	Announce func()
}

// Log is one school's record. Its methods may be called concurrently.
type Log struct {
	Parts
	seal *seal
	wg   sync.WaitGroup

	// mu guards everything declared below.
	mu        sync.Mutex
	queue     []*waiting
	busy      bool // somebody works the queue
	closed    bool
	announced model.AuditCheckpoint
	held      map[string]heldBy // by device
}

// waiting is a caller of Record. done has room for its one answer.
type waiting struct {
	record *model.AuditRecord // nil: only empty the outbox
	done   chan error
}

// Open opens the record and moves into it what a crash left in the outbox.
// Close it before its store.
func Open(ctx context.Context, p Parts) (*Log, error) {
	s, err := newSeal(p.School, p.Key)
	if err != nil {
		return nil, err
	}
	l := &Log{Parts: p, seal: s}
	if err := l.nameRecovery(ctx); err != nil { // first, because it must stand at the beginning
		return nil, err
	}
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	last, found, err := p.Store.LatestCheckpoint(ctx, p.School)
	if err != nil {
		return nil, err
	}
	if found {
		l.announced = last
		if _, err := s.open(last.Note); err != nil {
			p.Log.ErrorContext(ctx, "the record's newest checkpoint does not bear its key's signature", "error", err.Error(), "mend", "restore audit.key from a backup; see `audit verify`")
		}
	}
	return l, nil
}

// Close waits for what is under way. What comes later is refused.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wg.Wait()
}

// Key is the key that checks this record's checkpoints, in the form that
// golang.org/x/mod/sumdb/note reads.
func (l *Log) Key() string { return l.seal.text }

// Record appends one record and returns when it is on disk.
func (l *Log) Record(ctx context.Context, r model.AuditRecord) error {
	if err := l.wait(ctx, &r); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	return nil
}

// Flush moves into the record whatever waits in the outbox.
func (l *Log) Flush(ctx context.Context) error {
	for {
		waits, err := l.Store.AuditWaits(ctx, l.School)
		if err != nil || !waits {
			return err
		}
		if err := l.wait(ctx, nil); err != nil {
			return fmt.Errorf("moving changes into the record: %w", err)
		}
	}
}

func (l *Log) wait(ctx context.Context, r *model.AuditRecord) error {
	w := &waiting{record: r, done: make(chan error, 1)}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errClosed
	}
	l.queue = append(l.queue, w)
	if !l.busy {
		l.busy = true
		l.wg.Go(func() { l.work(context.WithoutCancel(ctx)) })
	}
	l.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err() // it may be written all the same; nothing is shown for it
	}
}

// work commits batches until nobody waits. One goroutine does at a time, and
// all that arrives meanwhile is its next batch.
func (l *Log) work(ctx context.Context) {
	for {
		l.mu.Lock()
		batch := l.queue[:min(len(l.queue), maxBatch)]
		l.queue = l.queue[len(batch):]
		if len(batch) == 0 {
			l.busy, l.queue = false, nil
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		var records []model.AuditRecord
		for _, w := range batch {
			if w.record != nil {
				records = append(records, *w.record)
			}
		}
		err := l.commit(ctx, func(*store.AuditTx) ([]model.AuditRecord, error) { return records, nil })
		for _, w := range batch {
			w.done <- err
		}
	}
}

// RecordAccess records a look by a person.
func (l *Log) RecordAccess(ctx context.Context, a model.Access) error {
	r := model.AuditRecord{At: a.At, Actor: model.UserActor(a.User), Via: a.From, What: readPrefix + a.What}
	if a.User == "" {
		r.Actor = model.ActorOf(ctx).Who
	}
	if a.Ref != "" {
		r.Ref = model.AlertRef(a.Ref)
	}
	return l.Record(ctx, r)
}

// AccessesOf lists who looked at an alert, or, without one, at what is none,
// oldest first.
func (l *Log) AccessesOf(ctx context.Context, school model.SchoolID, ref string) ([]model.Access, error) {
	about := ""
	if ref != "" {
		about = model.AlertRef(ref)
	}
	rows, err := l.Store.AuditRowsOf(ctx, school, about)
	if err != nil {
		return nil, err
	}
	var all []model.Access
	for _, row := range rows {
		if row.Erased != "" {
			continue
		}
		r, err := Decode(row.Record)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w; see `audit verify`", row.Index, err)
		}
		what, look := strings.CutPrefix(r.What, readPrefix)
		user, person := strings.CutPrefix(r.Actor, model.UserActor(""))
		if look && person {
			all = append(all, model.Access{School: school, At: r.At, User: user, What: what, Ref: ref, From: r.Via})
		}
	}
	return all, nil
}

// Row is a stored record and what it says; an erased one says nothing.
type Row struct {
	model.AuditRow
	Says model.AuditRecord
}

// Rows lists up to limit records from an index on.
func (l *Log) Rows(ctx context.Context, from int64, limit int) ([]Row, error) {
	stored, err := l.Store.AuditRows(ctx, l.School, from, limit)
	if err != nil {
		return nil, err
	}
	all := make([]Row, 0, len(stored))
	for _, s := range stored {
		row := Row{AuditRow: s}
		if s.Erased == "" {
			if row.Says, err = Decode(s.Record); err != nil {
				return nil, fmt.Errorf("record %d: %w; see `audit verify`", s.Index, err)
			}
		}
		all = append(all, row)
	}
	return all, nil
}
