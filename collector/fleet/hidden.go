package fleet

import (
	"maps"
	"time"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// hiddenOf are the counts of a heartbeat, of the kinds that are known here.
func hiddenOf(st *safelightv1.AgentStatus) model.HiddenCounts {
	out := model.HiddenCounts{}
	for what, n := range st.GetHidden() {
		if _, known := model.HidingWords[what]; known && n > 0 {
			out[what] = n
		}
	}
	return out
}

// hiddenSince adds what was hidden since the last heartbeat to the day's. Agents
// count from their start: a count that fell began anew.
func hiddenSince(was model.HiddenDays, counted model.HiddenCounts, now time.Time) model.HiddenDays {
	next := model.HiddenDays{Day: now.Format(time.DateOnly), Today: maps.Clone(was.Today), Before: was.Before, Counted: counted}
	switch was.Day {
	case next.Day:
	case now.AddDate(0, 0, -1).Format(time.DateOnly):
		next.Today, next.Before = nil, was.Today
	default:
		next.Today, next.Before = nil, nil
	}
	for what, n := range counted {
		more := n
		if last := was.Counted[what]; last <= n {
			more = n - last
		}
		if more == 0 {
			continue
		}
		if next.Today == nil {
			next.Today = model.HiddenCounts{}
		}
		next.Today[what] += more
	}
	return next
}

// hiddenLately is what was hidden today and yesterday.
func hiddenLately(h model.HiddenDays, now time.Time) model.HiddenCounts {
	out := model.HiddenCounts{}
	add := func(counts model.HiddenCounts) {
		for what, n := range counts {
			out[what] += n
		}
	}
	switch h.Day {
	case now.Format(time.DateOnly):
		add(h.Today)
		add(h.Before)
	case now.AddDate(0, 0, -1).Format(time.DateOnly):
		add(h.Today)
	}
	return out
}
