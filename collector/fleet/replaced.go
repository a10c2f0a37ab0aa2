package fleet

import (
	"slices"
	"time"

	"safelight/collector/model"
)

// A device that was set up anew has another key. Whoever comes with the one of before
// is refused: an older copy of its disk, or a laptop whose disk went into another. It
// says nothing else to anybody, so the ledger does.

const (
	// keyEndedFor is how far back the ledger looks for who was refused.
	keyEndedFor = 30 * 24 * time.Hour
	// keyEndedLately is how long one that came beside the device itself is told of
	// after it came last: it is noted once a day while it comes.
	keyEndedLately = 48 * time.Hour
)

// keyRefused says whether somebody came with a key of before the device was last set
// up anew, and whether nothing was heard from the device itself since: what is in
// people's hands is then perhaps the one that is refused. Or it is off, and an older
// copy of it is not.
func (b *drawing) keyRefused(d *model.LedgerDevice) (c model.Cause, shutOut bool) {
	times := b.keyEnded[d.ID]
	anew := b.setUpAnew[d.ID]
	first := slices.IndexFunc(times, func(t time.Time) bool { return t.After(anew) })
	if first < 0 {
		return c, false
	}
	last := times[len(times)-1]
	switch {
	case !b.live[d.ID].Connected && last.After(d.LastSeen):
		return causeShutOut(times[first]), true
	case b.now.Sub(last) <= keyEndedLately:
		return causeOlderCopy(times[first]), false
	}
	return c, false
}

func causeShutOut(since time.Time) model.Cause {
	return model.Cause{
		Code: model.CauseKeyEnded, Since: since, Unproves: true,
		Text: "It, or an older copy of its disk, came with a key from before it was set up anew, and is refused: nothing that the one which is refused notices reaches the school. Nothing else was heard from it since.",
		Mend: "Look at the laptop, where safelight-agent status says whether it is refused. Enrol the one that is anew: stop the agent, remove identity.json and device.key from its state folder, and enrol it with a new token.",
	}
}

func causeOlderCopy(since time.Time) model.Cause {
	return model.Cause{
		Code: model.CauseKeyEnded, Since: since,
		Text: "An older copy of it calls too, with a key from before it was set up anew, and is refused: nothing that the copy notices reaches the school.",
		Mend: "Find the copy, which may be another laptop with this one’s disk or image. There stop the agent, remove identity.json and device.key from its state folder, and enrol it with a new token.",
	}
}
