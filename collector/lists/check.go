package lists

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// checkTime is how long a look into a list may take before an event goes on
// without it.
const checkTime = 2 * time.Second

// listed is what stands in a rule's id between its category and a list's id.
const listed = "/list/"

// NamesList says whether a rule is about a list: "pornography/list/ut1-adult".
func NamesList(rule string) bool { return strings.Contains(rule, listed) }

// Unlisted says that an event names a list which does not hold its name, nor did
// lately: the device knows lists by hashes alone, and took one name for another.
// Nobody must be told of such an event. Where that cannot be found out it says
// no: a child is not missed for want of a list.
func (l *Lists) Unlisted(ctx context.Context, e *model.Event) bool {
	_, id, ok := strings.Cut(e.Rule, listed)
	if !ok || e.Kind != event.Domain {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	holds, known, err := l.knew(ctx, id, e.Name)
	switch {
	case err != nil:
		l.unchecked.Add(1)
		l.Log.LogAttrs(ctx, slog.LevelWarn, "a name could not be looked up in its list, and is told of as usual", slog.String("list", id), slog.Any("error", err))
		return false
	case !known:
		l.unchecked.Add(1)
		return false
	case !holds:
		l.unlisted.Add(1)
	}
	return !holds
}

// Counts says how many names were not on the lists that devices took them to be
// on, and how many could not be checked, since this process began.
func (l *Lists) Counts() (unlisted, unchecked int64) { return l.unlisted.Load(), l.unchecked.Load() }
