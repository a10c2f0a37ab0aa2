package watch

import (
	"context"
	"log/slog"
	"slices"

	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

var lanes = map[safelightv1.Severity]event.Severity{
	safelightv1.Severity_SEVERITY_LOW:    event.Low,
	safelightv1.Severity_SEVERITY_MEDIUM: event.Medium,
	safelightv1.Severity_SEVERITY_HIGH:   event.High,
	safelightv1.Severity_SEVERITY_URGENT: event.Urgent,
}

// askAgain tells a device, as its stream begins, the first record of each lane
// that is not surely held here. Where the device believes that we have it, we
// have lost it: an older database was put back. The device then sends what it
// keeps, and tells the rest as a gap with the reason "restored"; what we do hold
// after all is answered as a duplicate.
func (w *watcher) askAgain(ctx context.Context, first *safelightv1.AgentStatus) error {
	if w.service.held == nil || len(first.GetSpoolEpoch()) == 0 || !slices.Contains(first.GetHello().GetCapabilities(), "resend") {
		return nil
	}
	held, err := w.service.held(ctx, w.school, w.device, first.GetSpoolEpoch())
	if err != nil {
		w.service.log.WarnContext(ctx, "reading what is held of a device failed", slog.Any("error", err))
		return nil // it is asked when its next stream begins
	}
	next := map[event.Severity]uint64{}
	for _, l := range first.GetLanes() {
		next[lanes[l.GetLane()]] = l.GetNextSeq()
	}
	// The highest first, so that no urgent event comes behind low ones.
	for lane := event.Urgent; lane >= event.Low; lane-- {
		from := held[lane] + 1
		if next[lane] <= from {
			continue
		}
		again := &safelightv1.ResendFrom{Lane: safelightv1.Severity(lane), Seq: from}
		if err := w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_ResendFrom{ResendFrom: again}}); err != nil {
			return err
		}
	}
	return nil
}
