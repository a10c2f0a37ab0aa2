package watch

import (
	"context"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Refusal is that the collector answers, and takes nothing from this device: its
// access was revoked, or it was set up anew and this is a copy with the key of before.
// Only a person can mend it.
type Refusal struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"` // the collector's words
}

const (
	// maxReason bounds what is kept of them.
	maxReason = 300
	// refusedAgain is how seldom a refusal that goes on is logged.
	refusedAgain = 24 * time.Hour
)

// Refused is how the collector refuses this device; nil: it does not, as far as is
// known. A collector that cannot be reached has not taken it back.
func (w *Watcher) Refused() *Refusal { return w.refused.Load() }

// accepted is called when the collector took this device's stream.
func (w *Watcher) accepted() {
	if w.refused.Swap(nil) != nil && w.parts.Refused != nil {
		w.parts.Refused(nil)
	}
}

// ended notes how a stream ended: a refusal once, and once a day while it lasts.
func (w *Watcher) ended(ctx context.Context, err error, wait time.Duration) {
	if status.Code(err) != codes.PermissionDenied {
		w.parts.Log.InfoContext(ctx, "the collector's stream ended", "error", text(err), "retry_after", wait.Round(time.Millisecond))
		return
	}
	now := time.Now()
	r := Refusal{Since: now, Reason: plainReason(text(err))}
	was := w.refused.Load()
	if was != nil && was.Reason == r.Reason {
		r.Since = was.Since
	}
	w.refused.Store(&r)
	if (was == nil || was.Reason != r.Reason) && w.parts.Refused != nil {
		w.parts.Refused(&r)
	}
	if was == nil || was.Reason != r.Reason || now.Sub(w.refusedLogged) >= refusedAgain {
		w.refusedLogged = now
		w.parts.Log.WarnContext(ctx, "the collector refuses this device: nothing reaches the school until it is enrolled anew", "reason", r.Reason, "since", r.Since)
	}
}

// plainReason is one short line.
func plainReason(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s), maxReason)
}
