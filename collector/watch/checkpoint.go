package watch

import (
	"bytes"
	"context"

	safelightv1 "safelight/proto/safelight/v1"
)

// capCheckpoint is the capability of keeping the record's checkpoints.
const capCheckpoint = "audit-checkpoint"

// checkpoints is what a stream knows of its device's checkpoints.
type checkpoints struct {
	able     bool   // the device keeps them
	sent     []byte // last
	compared []byte // last
	disagree bool   // what the device holds speaks against the record
}

// compare holds what a device says it keeps against the record, once for each
// checkpoint. After a disagreement it compares no more on this stream, so that a
// lying device fills no log.
func (w *watcher) compare(ctx context.Context, held []byte) {
	c := &w.checkpoints
	if len(held) == 0 || c.disagree || bytes.Equal(held, c.compared) {
		return
	}
	c.compared = held
	_ = lent(func() error {
		c.disagree = !w.service.audit.Held(ctx, w.school, w.device, held)
		return nil
	})
}

// sendCheckpoint sends the newest checkpoint once. A device that disagrees gets
// none: what it holds is evidence, and a larger one would take its place.
func (w *watcher) sendCheckpoint() error {
	c := &w.checkpoints
	note := w.service.audit.Announced()
	if !c.able || c.disagree || len(note) == 0 || bytes.Equal(note, c.sent) {
		return nil
	}
	c.sent = note
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Checkpoint{Checkpoint: &safelightv1.Checkpoint{Note: note}}})
}
