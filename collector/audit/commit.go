package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"safelight/collector/model"
	"safelight/collector/store"
)

const (
	saltBytes = 16
	// commitTries is how often a batch is tried again when another collector on
	// the same database was faster.
	commitTries = 10
)

// commit appends in one transaction what waits in the outbox and then what more
// returns, and signs the tree's new root.
func (l *Log) commit(ctx context.Context, more func(t *store.AuditTx) ([]model.AuditRecord, error)) error {
	var err error
	for range commitTries {
		err = l.Store.Audit(ctx, l.School, func(t *store.AuditTx) error {
			records, err := t.TakeOutbox(maxBatch)
			if err != nil {
				return err
			}
			own, err := more(t)
			if err != nil {
				return err
			}
			return l.extend(t, append(records, own...))
		})
		if !errors.Is(err, store.ErrTaken) {
			return err
		}
	}
	return err
}

// extend appends records to the tree and signs it.
func (l *Log) extend(t *store.AuditTx, records []model.AuditRecord) error {
	if len(records) == 0 {
		return nil
	}
	size, err := t.Size()
	if err != nil {
		return err
	}
	now := l.Now()
	hashes := hashReader{stored: t.Hash, fresh: make(map[int64]tlog.Hash, 2*len(records))}
	for _, r := range records {
		if r.At.IsZero() {
			r.At = now
		}
		row := rowOf(size, r)
		if err := t.Append(row); err != nil {
			return err
		}
		grown, err := tlog.StoredHashes(size, row.Leaf, hashes)
		if err != nil {
			return fmt.Errorf("growing the record's tree: %w", err)
		}
		for i, h := range grown {
			at := tlog.StoredHashIndex(0, size) + int64(i)
			if err := t.PutHash(at, h[:]); err != nil {
				return err
			}
			hashes.fresh[at] = h
		}
		size++
	}
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return fmt.Errorf("growing the record's tree: %w", err)
	}
	signed, err := l.seal.sign(checkpoint{size, root, now})
	if err != nil {
		return err
	}
	return t.PutCheckpoint(model.AuditCheckpoint{Size: size, Root: root[:], Note: signed, At: now})
}

// rowOf salts and hashes a record. The salt keeps an erased record from being
// guessed back out of its leaf.
func rowOf(index int64, r model.AuditRecord) model.AuditRow {
	row := model.AuditRow{Index: index, Salt: make([]byte, saltBytes), Record: Encode(r), Ref: clip(r.Ref, maxField)}
	rand.Read(row.Salt)
	row.Leaf = leafOf(row.Salt, row.Record)
	if slices.Contains(staying, r.What) {
		row.Leaf = append([]byte{stays}, row.Leaf...)
	}
	return row
}

// stays begins the leaf of a record that others are checked by, and whose text
// may never be gone. The leaf says so because it is all that an erasing leaves.
const stays = 1

func leafOf(salt, record []byte) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(record)
	return h.Sum(nil)
}

// leafStays says whether a leaf is of a record that may not be erased.
func leafStays(leaf []byte) bool { return len(leaf) == 1+sha256.Size && leaf[0] == stays }

// matches says whether a row's text is what its leaf was made of.
func matches(row model.AuditRow) bool {
	leaf := row.Leaf
	if leafStays(leaf) {
		leaf = leaf[1:]
	}
	return bytes.Equal(leafOf(row.Salt, row.Record), leaf)
}

// hashReader reads the tree's hashes, those of this transaction first.
type hashReader struct {
	stored func(index int64) ([]byte, error)
	fresh  map[int64]tlog.Hash
}

// ReadHashes implements tlog.HashReader.
func (r hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		h, ok := r.fresh[index]
		if !ok {
			stored, err := r.stored(index)
			if err != nil {
				return nil, err
			}
			if len(stored) != tlog.HashSize {
				return nil, fmt.Errorf("hash %d of the record's tree has %d bytes; see `audit verify`", index, len(stored))
			}
			h = tlog.Hash(stored)
		}
		all = append(all, h)
	}
	return all, nil
}
