package ingest

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// tolerated is how far a device's wall clock may be off before it is
	// corrected: below that it cannot be told from the network's delay.
	tolerated = 2 * time.Second
	// lateAfter is how long a device may have had an event before it counts as
	// late, and stands apart in every figure of how fast we were.
	lateAfter = time.Minute
	// oldest is how long ago anything can have been observed: a device is
	// refused for good long before. Older comes of an impossible clock, and
	// would not even be a date that can be written.
	oldest = 2 * 366 * 24 * time.Hour
)

// moment is when something was observed, by the collector's clock.
type moment struct {
	at   time.Time
	skew time.Duration // what was added to the device's wall clock
	late bool
}

// correct reads a device's clocks by the collector's. Within one boot the age
// is exact: the monotonic clock says how long ago it was, whatever the wall
// clock did since. Over a reboot the wall clock of then is moved by as much as
// the wall clock of sending is wrong. Nothing is ever observed in the future, nor longer
// ago than a device can have kept it.
func correct(received time.Time, sent, observed *safelightv1.Clock) moment {
	wall := observed.GetWall().AsTime()
	var at time.Time
	if sameBoot(sent, observed) {
		at = received.Add(-time.Duration(sent.GetMonotonicNs() - observed.GetMonotonicNs()))
	} else {
		at = wall
		if off := received.Sub(sent.GetWall().AsTime()); off.Abs() > tolerated {
			at = wall.Add(off)
		}
	}
	if at.After(received) {
		at = received
	}
	if at.Before(received.Add(-oldest)) {
		at = received.Add(-oldest)
	}
	return moment{at: at.UTC(), skew: at.Sub(wall), late: received.Sub(at) > lateAfter}
}

// asLogged moves what a log told to when the log says that it was: a line may
// be read days after it was written, and was then not seen today (G2, G4). The
// log is taken to be written by the device's own wall clock; one that runs ahead
// of it changes nothing.
func (m moment) asLogged(logged *timestamppb.Timestamp, received time.Time) moment {
	if !logged.IsValid() {
		return m
	}
	if at := logged.AsTime().Add(m.skew); at.Before(m.at) {
		m.at, m.late = at.UTC(), received.Sub(at) > lateAfter
	}
	return m
}

func sameBoot(sent, observed *safelightv1.Clock) bool {
	return sent.GetBootId() != "" && sent.GetBootId() == observed.GetBootId() && sent.GetMonotonicNs() >= observed.GetMonotonicNs()
}

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
