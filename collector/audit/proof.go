package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// heldBy is what a device last said it holds and the record agreed with.
type heldBy struct {
	size int64
	root tlog.Hash
}

// keepHeld remembers it until this process ends; the device says so again on
// every stream.
func (l *Log) keepHeld(device string, c checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]heldBy{}
	}
	l.held[device] = heldBy{c.size, c.root}
}

// devicesHold lists what devices hold, with how many hold it, smallest first.
func (l *Log) devicesHold() (all []heldBy, devices map[heldBy]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	devices = map[heldBy]int{}
	for _, h := range l.held {
		devices[h]++
	}
	return slices.SortedFunc(maps.Keys(devices), func(a, b heldBy) int { return cmp.Compare(a.size, b.size) }), devices
}

// Proof shows that the record over Of records begins with the whole of the one
// that a checkpoint, held by Devices devices, was signed over: a consistency
// proof of RFC 6962 (2.1.2), which tlog.CheckTree checks without the records.
type Proof struct {
	Size    int64
	Note    []byte // the checkpoint
	Of      int64
	Hashes  tlog.TreeProof
	Devices int
}

// Proofs proves every checkpoint that connected devices hold against the record
// over size records.
func (l *Log) Proofs(ctx context.Context, size int64) ([]Proof, error) {
	held, devices := l.devicesHold()
	var all []Proof
	for _, h := range held {
		if h.size > size {
			continue // came while the record was being read
		}
		hashes, err := tlog.ProveTree(size, h.size, l.hashes(ctx))
		if err != nil {
			return nil, fmt.Errorf("proving a device's checkpoint over %d records: %w", h.size, err)
		}
		signed, err := l.Store.AuditCheckpoints(ctx, l.School, h.size-1, 1)
		if err != nil {
			return nil, err
		}
		p := Proof{Size: h.size, Of: size, Hashes: hashes, Devices: devices[h]}
		if len(signed) > 0 && signed[0].Size == h.size {
			p.Note = signed[0].Note
		}
		all = append(all, p)
	}
	return all, nil
}

// consistent holds what connected devices hold against the tree that was walked.
func (v *verifier) consistent(ctx context.Context) error {
	root := v.tree.root()
	for _, h := range v.devices {
		n := v.counts[h]
		v.report.Held += n
		if h.size > v.tree.size {
			v.found("%d devices hold a checkpoint over %d records and the record has %d", n, h.size, v.tree.size)
			continue
		}
		proof, err := tlog.ProveTree(v.tree.size, h.size, v.log.hashes(ctx))
		if err != nil {
			return fmt.Errorf("proving a device's checkpoint: %w", err)
		}
		if err := tlog.CheckTree(proof, v.tree.size, root, h.size, h.root); err != nil {
			v.found("%d devices hold a checkpoint over %d records, which the record of today does not continue", n, h.size)
		}
	}
	return nil
}
