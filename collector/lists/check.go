package lists

import (
	"context"
	"log/slog"
	"strings"
	"sync"
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
	if l.sure.has(id, e.Name) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	holds, known, err := l.knew(ctx, id, e.Name)
	if err == nil && !known && l.InFile != nil {
		holds, known, err = l.InFile(ctx, id, e.Name)
	}
	if err == nil && known && !holds {
		known, err = l.made(ctx, e)
	}
	switch {
	case err != nil:
		l.unchecked.Add(1)
		l.complainOnce(ctx, id, err)
		return false
	case !known:
		l.unchecked.Add(1)
		return false
	case holds:
		l.sure.add(id, e.Name)
	default:
		l.unlisted.Add(1)
	}
	return !holds
}

// complainOnce says of each list once that it cannot be read: not with each event,
// or the log would tell whoever reads it when somebody was seen (G3).
func (l *Lists) complainOnce(ctx context.Context, id string, err error) {
	if _, said := l.complained.LoadOrStore(id, true); !said {
		l.Log.LogAttrs(ctx, slog.LevelError, "names cannot be looked up in a list; events are told of as usual", slog.String("list", id), slog.Any("error", err))
	}
}

// Counts says how many names were not on the lists that devices took them to be
// on, and how many could not be checked, since this process began. The second
// moves with single events, and is not for showing (G3).
func (l *Lists) Counts() (unlisted, unchecked int64) { return l.unlisted.Load(), l.unchecked.Load() }

// sureNames bounds what is remembered: a class of children asks for the same few
// sites again and again.
const sureNames = 4096

// sure remembers, for as long as the process runs and no longer, which names were
// found on a list. What once was stays believed for months, so that it does not
// grow old.
type sure struct {
	mu    sync.Mutex
	names map[[2]string]bool // guarded by mu
}

func (s *sure) has(list, host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[[2]string{list, host}]
}

func (s *sure) add(list, host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || len(s.names) >= sureNames {
		s.names = map[[2]string]bool{}
	}
	s.names[[2]string{list, host}] = true
}

// made says whether the rules that a device judged by were made here. Those of a
// database that was lost may have been made with a newer list than any that the
// restored one knows: what such rules flag is believed.
func (l *Lists) made(ctx context.Context, e *model.Event) (bool, error) {
	if e.PolicySerial == 0 {
		return true, nil
	}
	return l.Store.PolicyMade(ctx, l.School, e.PolicyEpoch, e.PolicySerial)
}
