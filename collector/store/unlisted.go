package store

import (
	"slices"
	"strings"

	"safelight/collector/model"
)

// TopicUnlisted is the health topic of an event that named a list which does not
// hold its name.
const TopicUnlisted = "list-mistaken"

// anyUnlisted says whether some events are to be kept and told to nobody. That is
// one name in hundreds of millions, so that such a batch may take its time.
func anyUnlisted(events []model.Event) bool {
	return slices.ContainsFunc(events, func(e model.Event) bool { return e.Unlisted })
}

// unlistedEvent counts such an event where IT looks. It names the list, and
// nothing of who or what was seen.
func (a *appender) unlistedEvent(e *model.Event) error {
	_, list, _ := strings.Cut(e.Rule, "/list/")
	h := model.Health{
		Device: e.Device, ID: [16]byte(randomBytes()), At: e.Received, Received: e.Received, Topic: TopicUnlisted,
		Detail: "list " + list + ": a device took another name for one of its names; the event is kept, and nobody is told",
	}
	_, err := a.insertHealth(&h)
	return err
}
