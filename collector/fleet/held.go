package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"safelight/collector/model"
)

// heldLately is how long IT is told that copies had to wait: what came of them may want
// looking through when they do no more.
const heldLately = 24 * time.Hour

// causeHeld is of a device of whose copies more came than may become devices of their
// own by themselves.
func (b *drawing) causeHeld(id, name string) (model.Cause, bool) {
	times := b.splitsHeld[id]
	if len(times) == 0 {
		return model.Cause{}, false
	}
	hour, day := 0, 0
	for _, c := range b.cameOf {
		if c.Origin != id {
			continue
		}
		if c.At.After(b.now.Add(-time.Hour)) {
			hour++
		}
		if c.At.After(b.now.Add(-24 * time.Hour)) {
			day++
		}
	}
	now := !model.MoreMaySplit(hour, day, b.splitLeave[id])
	wait, fine := "had to wait", "that is all."
	if now {
		wait, fine = "wait", "the rest follows by itself, or sooner after safelight-collector device split "+id+" --more N."
	}
	return model.Cause{
		Code: model.CauseSplitsHeld, Since: times[len(times)-1], Unproves: now,
		Text: fmt.Sprintf("Copies of %s %s: %d became devices of their own in the last day, and no more than %d an hour and %d a day do so by themselves.", name, wait, day, model.SplitsAnHour, model.SplitsADay),
		Mend: "If an image of it was rolled out, " + fine + " If none was, its key is in use elsewhere: revoke it and what came of it at once, with safelight-collector device revoke --copies-of " + id + " --itself; --dry-run names them first.",
	}, true
}

// noteHeld has a line for each family, also where its first is revoked and stands in no
// ledger any more.
func (b *drawing) noteHeld() {
	names := map[string]string{}
	for _, d := range b.devices {
		names[d.ID] = cmp.Or(b.nameOf(d), d.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(b.splitsHeld)) {
		if c, ok := b.causeHeld(id, cmp.Or(names[id], id)); ok {
			b.out.Notes = append(b.out.Notes, c)
		}
	}
}
