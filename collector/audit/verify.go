package audit

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"safelight/collector/model"
)

// page is how many rows are read at a time.
const page = 1000

// maxProblems bounds a report: after so many, the first ones say enough.
const maxProblems = 100

// Held is a checkpoint that somebody else kept.
type Held struct {
	Who  string // "device abc", "the file weekly.txt"
	Note []byte
}

// Report is what Verify found.
type Report struct {
	Records  int64 // erased ones too
	Erased   int64
	Root     string
	Signed   time.Time // when the newest checkpoint was signed
	Newest   []byte    // the newest checkpoint; nil before the first
	Held     int       // connected devices whose checkpoints today's record continues
	Restores []Restore // accepted and not, oldest first
	Problems []string  // empty: everything agrees
}

// Verify recomputes the tree from the stored records and compares it with what
// is stored, with every checkpoint that was signed, with those that devices said
// they hold where the record does not agree, with those that connected devices
// hold, and with held ones. What an accepted restore explains is no problem. An error means
// that it could not look; what it found is in the report.
func (l *Log) Verify(ctx context.Context, held ...Held) (Report, error) {
	if err := l.Flush(ctx); err != nil {
		return Report{}, err
	}
	v := &verifier{log: l, erased: map[int64]bool{}, erasings: map[int64]bool{}}
	if err := v.run(ctx, held); err != nil {
		return Report{}, fmt.Errorf("verifying the record: %w", err)
	}
	return v.report, nil
}

// verifier is one Verify under way.
type verifier struct {
	log    *Log
	head   model.AuditHead
	tree   tree
	report Report

	signed []model.AuditCheckpoint // those next to come
	over   int64                   // size of the last one read
	held   []heldCheckpoint        // those next to come

	accepted []*Restore
	devices  []heldBy // what connected devices hold, read before the head
	counts   map[heldBy]int

	hashes   [][]byte // stored hashes, the next first
	nextHash int64

	erased   map[int64]bool // records without text
	erasings map[int64]bool // records that an erasing names
	namings  []naming
}

type heldCheckpoint struct {
	checkpoint
	who string
}

func (v *verifier) found(format string, args ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, fmt.Sprintf(format, args...))
	}
}

func (v *verifier) run(ctx context.Context, held []Held) error {
	v.devices, v.counts = v.log.devicesHold()
	var err error
	if v.head, err = v.log.Store.AuditHead(ctx, v.log.School); err != nil {
		return err
	}
	if err := v.gather(ctx, held); err != nil {
		return err
	}
	whole, err := v.walk(ctx)
	if err != nil {
		return err
	}
	if whole { // else what is missing is said, and the rest follows from it
		v.lengths()
		v.checkErasings()
		if err := v.checkNaming(ctx); err != nil {
			return err
		}
		v.tails()
		if err := v.consistent(ctx); err != nil {
			return err
		}
	}
	for _, r := range v.accepted {
		v.report.Restores = append(v.report.Restores, *r)
	}
	slices.SortFunc(v.report.Restores, func(a, b Restore) int { return cmp.Compare(a.index, b.index) })
	root := v.tree.root()
	v.report.Records, v.report.Erased, v.report.Root = v.tree.size, int64(len(v.erased)), root.String()
	return nil
}

// gather reads the checkpoints that others hold.
func (v *verifier) gather(ctx context.Context, held []Held) error {
	witnesses, err := v.log.Store.Witnesses(ctx, v.log.School)
	if err != nil {
		return err
	}
	for _, w := range witnesses {
		held = append(held, Held{Who: "device " + w.Device, Note: w.Note})
	}
	if err := v.restores(ctx); err != nil {
		return err
	}
	for _, h := range held {
		c, err := v.log.seal.open(h.Note)
		if err != nil {
			v.found("the checkpoint held by %s is %v", h.Who, err)
			continue
		}
		if v.isAccepted(c) {
			continue
		}
		v.held = append(v.held, heldCheckpoint{c, h.Who})
	}
	slices.SortStableFunc(v.held, func(a, b heldCheckpoint) int { return cmp.Compare(a.size, b.size) })
	return nil
}

// restores reads which restores are on record, and what is wrong with that.
func (v *verifier) restores(ctx context.Context) error {
	found, err := v.log.restores(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		switch {
		case f.problem != "":
			v.found("%s", f.problem)
		case f.Accepted:
			v.accepted = append(v.accepted, f.Restore)
		}
	}
	for _, f := range found {
		of := func(r *Restore) bool { return r.From == f.From && r.index > f.index }
		if f.problem == "" && !f.Accepted && !slices.ContainsFunc(v.accepted, of) {
			v.report.Restores = append(v.report.Restores, *f.Restore)
		}
	}
	return nil
}

// isAccepted says whether a checkpoint tells of no more than an accepted restore,
// and counts what it shows to be missing.
func (v *verifier) isAccepted(c checkpoint) (is bool) {
	for _, r := range v.accepted {
		if r.covers(c) {
			is, r.Missing = true, max(r.Missing, c.size-r.From)
		}
	}
	return is
}

// walk goes through the records in order. It stops early, and says so, where one
// is missing: what comes after cannot be computed.
func (v *verifier) walk(ctx context.Context) (whole bool, err error) {
	for v.tree.size < v.head.Records {
		rows, err := v.log.Store.AuditRows(ctx, v.log.School, v.tree.size, page)
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			if row.Index >= v.head.Records {
				break // came after the head was read
			}
			if row.Index != v.tree.size {
				v.found("record %d is missing", v.tree.size)
				return false, nil
			}
			if len(row.Leaf) == 0 {
				v.found("the leaf of record %d is missing", row.Index)
				return false, nil
			}
			v.record(row)
			if err := v.grow(ctx, row.Leaf); err != nil {
				return false, err
			}
		}
		if len(rows) == 0 {
			v.found("record %d is missing", v.tree.size)
			return false, nil
		}
	}
	return true, nil
}

// record checks one row by itself.
func (v *verifier) record(row model.AuditRow) {
	if row.Erased != "" {
		v.erased[row.Index] = true
		if len(row.Salt)+len(row.Record) > 0 {
			v.found("record %d is marked as erased and is not", row.Index)
		}
		if leafStays(row.Leaf) {
			v.found("record %d was erased, and is of a kind that never may be: the record itself is checked by it", row.Index)
		}
		return
	}
	if !matches(row) {
		v.found("record %d does not match its leaf: it was edited, or put in the place of another", row.Index)
		return
	}
	r, err := Decode(row.Record)
	switch {
	case err != nil:
		v.found("record %d: %v", row.Index, err)
	case r.Ref != row.Ref:
		v.found("record %d is filed under another reference than its own", row.Index)
	case r.What == whatErased:
		if n, err := strconv.ParseInt(strings.TrimPrefix(r.Ref, recordPrefix), 10, 64); err == nil {
			v.erasings[n] = true
		}
	case r.What == whatRecovery:
		v.namings = append(v.namings, naming{row.Index, r.Outcome})
	}
}

// grow adds a leaf and compares the hashes and checkpoints that it completes.
func (v *verifier) grow(ctx context.Context, leaf []byte) error {
	for _, h := range v.tree.add(leaf) {
		stored, err := v.storedHash(ctx)
		if err != nil {
			return err
		}
		if !bytes.Equal(stored, h[:]) {
			v.found("hash %d of the tree, completed by record %d, is missing or was changed", v.nextHash-1, v.tree.size-1)
		}
	}
	if err := v.checkSigned(ctx); err != nil {
		return err
	}
	for len(v.held) > 0 && v.held[0].size == v.tree.size {
		if v.held[0].root != v.tree.root() {
			v.found("held by %s: %s", v.held[0].who, other(v.held[0].checkpoint))
		}
		v.held = v.held[1:]
	}
	return nil
}

func (v *verifier) storedHash(ctx context.Context) ([]byte, error) {
	if len(v.hashes) == 0 {
		var err error
		if v.hashes, err = v.log.Store.AuditHashes(ctx, v.log.School, v.nextHash, page); err != nil {
			return nil, err
		}
	}
	v.nextHash++
	if len(v.hashes) == 0 {
		return nil, nil
	}
	h := v.hashes[0]
	v.hashes = v.hashes[1:]
	return h, nil
}

// checkSigned compares the stored checkpoint over the tree as it now is.
func (v *verifier) checkSigned(ctx context.Context) error {
	if len(v.signed) == 0 && v.over < v.head.Signed {
		var err error
		if v.signed, err = v.log.Store.AuditCheckpoints(ctx, v.log.School, v.over, page); err != nil {
			return err
		}
		if len(v.signed) == 0 {
			v.over = v.head.Signed
		}
	}
	for len(v.signed) > 0 && v.signed[0].Size <= v.tree.size {
		stored := v.signed[0]
		v.signed, v.over = v.signed[1:], stored.Size
		c, err := v.log.seal.open(stored.Note)
		switch {
		case err != nil:
			v.found("the checkpoint over %d records is %v: it was forged, or the key replaced", stored.Size, err)
		case c.size != stored.Size || !bytes.Equal(c.root[:], stored.Root):
			v.found("the checkpoint over %d records is not what was signed", stored.Size)
		case c.root != v.tree.root():
			v.found("%s", other(c))
		default:
			v.report.Signed, v.report.Newest = c.at, stored.Note
		}
	}
	return nil
}

// lengths compares how far each table goes, once all records were walked.
func (v *verifier) lengths() {
	n := v.tree.size
	switch {
	case v.head.Leaves > n:
		v.found("record %d is missing: there are leaves for %d", n, v.head.Leaves)
	case v.head.Signed < n:
		v.found("records %d to %d bear no signature: they were added by hand, or checkpoints removed", v.head.Signed, n-1)
	case v.head.Hashes > tlog.StoredHashCount(n):
		v.found("the tree has hashes of more than %d records", n)
	}
	if v.head.Signed > n {
		v.found("a checkpoint is signed over %d records and there are %d: the tail was cut", v.head.Signed, n)
	}
}

// checkErasings finds what was taken out without an erasing on record.
func (v *verifier) checkErasings() {
	for _, index := range slices.Sorted(maps.Keys(v.erased)) {
		if !v.erasings[index] {
			v.found("record %d was erased and no erasing is on record", index)
		}
	}
}

// tails finds that others hold checkpoints of a longer record.
func (v *verifier) tails() {
	for _, h := range v.held {
		if h.size > v.tree.size {
			v.found("held by %s: %s", h.who, shorter(h.checkpoint, v.tree.size))
		}
	}
}
