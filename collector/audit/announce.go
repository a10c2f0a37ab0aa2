package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"safelight/collector/model"
)

const (
	// pollOutbox is how soon a change stands in the record.
	pollOutbox = 250 * time.Millisecond
	// announceEvery is how often devices are given a new checkpoint while the
	// record grows: each writes it to its disk.
	announceEvery = 5 * time.Minute
)

// The health topics of a device that holds a checkpoint which the record does
// not agree with, and of one that another key signed.
const (
	TopicOlder   = "audit-older"
	TopicForeign = "audit-foreign"
)

// Run moves changes into the record and announces checkpoints until ctx ends.
func (l *Log) Run(ctx context.Context) error {
	poll := time.NewTicker(pollOutbox)
	defer poll.Stop()
	rest := time.NewTicker(announceEvery)
	defer rest.Stop()
	failing, rested := false, true
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return l.Flush(last)
		case <-rest.C:
			rested = true
		case <-poll.C:
		}
		err := l.Flush(ctx)
		if err == nil && rested {
			var did bool
			did, err = l.announce(ctx)
			rested = !did
		}
		if err != nil && ctx.Err() == nil && !failing {
			l.Log.ErrorContext(ctx, "keeping the record failed, trying again", "error", err.Error())
		}
		failing = err != nil
	}
}

// announce offers devices the newest checkpoint, if it is newer than the last.
func (l *Log) announce(ctx context.Context) (bool, error) {
	last, found, err := l.Store.LatestCheckpoint(ctx, l.School)
	if err != nil || !found {
		return false, err
	}
	l.mu.Lock()
	newer := last.Size > l.announced.Size
	if newer {
		l.announced = last
	}
	l.mu.Unlock()
	if newer && l.Announce != nil {
		l.Announce()
	}
	return newer, nil
}

// Announced is the checkpoint that devices should hold; nil before the first.
func (l *Log) Announced() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.announced.Note
}

// Held compares a checkpoint that a device holds with the record. It says
// whether they agree; where they do not, the record was cut, changed or put back
// to an older state, or the device lies, which it can only by a checkpoint that
// this record's key never signed.
func (l *Log) Held(ctx context.Context, school model.SchoolID, device string, held []byte) (agrees bool) {
	if school != l.School {
		return true
	}
	c, err := l.seal.open(held)
	if err != nil {
		l.foreign(ctx, device, err)
		return false
	}
	problem, err := l.disagreement(ctx, c)
	if err != nil {
		l.Log.ErrorContext(ctx, "comparing a device's checkpoint with the record failed", "device", device, "error", err.Error())
		return true // it says so again
	}
	if problem == "" {
		l.keepHeld(device, c)
		return true
	}
	if l.isAccepted(ctx, c) {
		return true // until the record has grown beyond it
	}
	l.Log.ErrorContext(ctx, "a device holds a checkpoint that the record does not agree with", "device", device, "size", c.size, "problem", problem, "mend", "see `audit verify`")
	err = l.Store.AddWitness(ctx, l.School, model.AuditWitness{Device: device, Size: c.size, Note: held, At: l.Now()},
		model.Health{Topic: TopicOlder, Detail: problem})
	if err != nil {
		l.Log.ErrorContext(ctx, "keeping a device's checkpoint failed", "device", device, "error", err.Error())
	}
	return false
}

// isAccepted says whether a checkpoint tells of no more than a restore that was
// accepted.
func (l *Log) isAccepted(ctx context.Context, c checkpoint) bool {
	all, err := l.accepted(ctx)
	if err != nil {
		l.Log.ErrorContext(ctx, "reading the accepted restores failed", "error", err.Error())
	}
	return slices.ContainsFunc(all, func(r *Restore) bool { return r.covers(c) })
}

// foreign notes a checkpoint that another key signed. Any device can make one
// up, so it is told and is no evidence.
func (l *Log) foreign(ctx context.Context, device string, why error) {
	l.Log.WarnContext(ctx, "a device holds a checkpoint that is not this record's", "device", device, "error", why.Error())
	if err := l.Store.AddHealth(ctx, l.School, device, TopicForeign, "the device holds a checkpoint that is "+why.Error(), l.Now()); err != nil {
		l.Log.ErrorContext(ctx, "noting a device's checkpoint failed", "device", device, "error", err.Error())
	}
}

// disagreement says what is wrong between a checkpoint and the record.
func (l *Log) disagreement(ctx context.Context, c checkpoint) (string, error) {
	head, err := l.Store.AuditHead(ctx, l.School)
	if err != nil {
		return "", err
	}
	if c.size > head.Leaves {
		return shorter(c, head.Leaves), nil
	}
	root, err := tlog.TreeHash(c.size, l.hashes(ctx))
	switch {
	case errors.Is(err, model.ErrNotFound):
		return err.Error(), nil
	case err != nil:
		return "", err
	case root != c.root:
		return other(c), nil
	}
	return "", nil
}

func shorter(c checkpoint, have int64) string {
	return fmt.Sprintf("a checkpoint of %s is over %d records and the record has %d: its tail was cut, or an older database put in its place",
		c.at.Format(time.RFC3339), c.size, have)
}

func other(c checkpoint) string {
	return fmt.Sprintf("a checkpoint of %s over %d records has another root: something before record %d was changed", c.at.Format(time.RFC3339), c.size, c.size)
}
